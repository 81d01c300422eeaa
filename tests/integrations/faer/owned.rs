//! Matrices that become tensors: where the elements are, in which order, who gets the matrix back.

use dlpack::integrations::IntoTensor;
use dlpack::{Access, Error, ManagedTensorVersioned};
use faer::{Mat, MatMut, MatRef, mat};
use harness::alloc::{count, deallocations, fail_nth};

fn through_c(tensor: ManagedTensorVersioned) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(tensor.into_raw()) }.unwrap()
}

fn numbers(rows: usize, columns: usize) -> Mat<f64> {
    Mat::from_fn(rows, columns, |row, column| (10 * row + column) as f64)
}

/// Columns have gaps between them, unless by chance.
#[test]
fn kept_and_back() {
    for (rows, columns) in [(2, 3), (3, 2), (8, 2), (1, 4), (4, 1), (17, 9)] {
        let matrix = numbers(rows, columns);
        let (start, stride) = (matrix.as_ptr(), matrix.col_stride());
        let (tensor, allocations) = count(|| matrix.into_tensor().unwrap());
        assert_eq!(allocations, 1, "the header");
        assert_eq!((tensor.data().cast_const(), tensor.access()), (start.cast(), Access::Writable));
        let shape = [rows, columns].map(|size| i64::try_from(size).unwrap());
        assert_eq!(tensor.shape(), shape);
        if columns > 1 {
            assert_eq!(tensor.strides()[1], i64::try_from(stride).unwrap());
        }
        let view = tensor.view::<f64>().unwrap();
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(view[[row, column]], (10 * row + column) as f64);
            }
        }
        let matrix = through_c(tensor.into_inner()).downcast::<Mat<f64>>().unwrap();
        assert_eq!((matrix.as_ptr(), matrix), (start, numbers(rows, columns)));
    }
}

#[test]
fn reversed_and_back() {
    let matrix = numbers(2, 3);
    let start = matrix.as_ptr();
    let (mut tensor, allocations) = count(|| matrix.into_tensor_reversed().unwrap());
    assert_eq!((allocations, tensor.shape()), (1, &[3, 2][..]));
    assert_eq!(tensor.strides()[1], 1);
    assert!(tensor.view::<f64>().unwrap().iter().eq(&[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]));
    tensor.view_mut::<f64>().unwrap().select(0, 1).unwrap().fill(-1.0);
    let matrix = through_c(tensor.into_inner()).downcast::<Mat<f64>>().unwrap();
    assert_eq!(matrix.as_ptr(), start);
    assert_eq!(matrix, mat![[0.0, -1.0, 2.0], [10.0, -1.0, 12.0]]);
}

#[test]
fn a_tensor_that_is_dropped_frees_the_matrix() {
    let tensor = numbers(2, 3).into_tensor().unwrap();
    let before = deallocations();
    drop(tensor);
    assert_eq!(deallocations() - before, 2, "header and elements");
}

#[test]
fn without_elements() {
    for (rows, columns) in [(0, 3), (3, 0), (0, 0)] {
        let tensor = numbers(rows, columns).into_tensor().unwrap();
        assert_eq!(tensor.shape(), [rows, columns].map(|size| i64::try_from(size).unwrap()));
        assert!(tensor.data().is_null());
        let matrix = MatRef::try_from(tensor.view::<f64>().unwrap()).unwrap();
        assert_eq!((matrix.nrows(), matrix.ncols()), (rows, columns));
        assert!(tensor.into_inner().downcast::<Mat<f64>>().is_ok());
    }
    assert_eq!(Mat::<f64>::new().into_tensor().unwrap().shape(), [0, 0]);
}

#[test]
fn without_memory_the_matrix_is_handed_back() {
    let matrix = numbers(1, 2);
    let failure = fail_nth(1);
    let refused = matrix.into_tensor().unwrap_err();
    assert!(failure.happened());
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(refused.into_inner(), mat![[0.0, 1.0]]);
}

#[test]
fn written_in_place() {
    let mut tensor = numbers(2, 2).into_tensor().unwrap();
    let mut matrix = MatMut::try_from(tensor.view_mut::<f64>().unwrap()).unwrap();
    matrix[(0, 1)] = 5.0;
    assert_eq!(tensor.view::<f64>().unwrap().to_vec(), [0.0, 5.0, 10.0, 11.0]);
}

#[cfg(feature = "num-complex")]
#[test]
fn complex_numbers() {
    use dlpack::DataType;
    use faer::c64;

    let matrix = Mat::from_fn(2, 2, |row, column| c64::new(row as f64, column as f64));
    let tensor = matrix.clone().into_tensor().unwrap();
    assert_eq!(tensor.dtype(), DataType::C128);
    let view = tensor.view::<num_complex::Complex<f64>>().unwrap();
    assert_eq!(MatRef::try_from(view).unwrap(), matrix);
}
