//! Matrices that become tensors: where the elements are, in which order, who gets the matrix back.

use dlpack::integrations::IntoTensor;
use dlpack::{Access, DataType, Error, Exporter, ManagedTensorVersioned, TensorView};
use harness::alloc::{count, fail_nth};
use nalgebra::{
    DMatrix, DMatrixView, DVector, Matrix2x3, Matrix3xX, MatrixXx2, RowDVector, Vector3,
};

fn through_c(tensor: ManagedTensorVersioned) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(tensor.into_raw()) }.unwrap()
}

#[test]
fn kept_and_back() {
    let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    let start = matrix.as_ptr();
    let (tensor, allocations) = count(|| matrix.into_tensor().unwrap());
    assert_eq!(allocations, 1, "the header");
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert_eq!((tensor.data().cast_const(), tensor.access()), (start.cast(), Access::Writable));
    assert!(tensor.view::<i32>().unwrap().iter().eq(&[1, 2, 3, 4, 5, 6]));
    let matrix = through_c(tensor.into_inner()).downcast::<DMatrix<i32>>().unwrap();
    assert_eq!(matrix.as_ptr(), start);
    assert_eq!(matrix, DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]));
}

#[test]
fn reversed_and_back() {
    let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    let start = matrix.as_ptr();
    let (mut tensor, allocations) = count(|| matrix.into_tensor_reversed().unwrap());
    assert_eq!(allocations, 1, "the header");
    assert_eq!((tensor.shape(), tensor.strides()), (&[3, 2][..], &[2, 1][..]));
    assert!(tensor.is_contiguous());
    assert_eq!(tensor.as_slice::<i32>().unwrap(), [1, 4, 2, 5, 3, 6]);
    // A row-major consumer writes a row, which is a column.
    tensor.view_mut::<i32>().unwrap().select(0, 1).unwrap().fill(0);
    let matrix = through_c(tensor.into_inner()).downcast::<DMatrix<i32>>().unwrap();
    assert_eq!(matrix.as_ptr(), start);
    assert_eq!(matrix, DMatrix::from_row_slice(2, 3, &[1, 0, 3, 4, 0, 6]));
}

#[test]
fn sizes_of_which_one_is_fixed() {
    let matrix = Matrix3xX::from_column_slice(&[1, 2, 3, 4, 5, 6]);
    let tensor = matrix.into_tensor().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[3, 2][..], &[1, 3][..]));
    assert!(through_c(tensor.into_inner()).downcast::<Matrix3xX<i32>>().is_ok());
    let matrix = MatrixXx2::from_column_slice(&[1, 2, 3, 4, 5, 6]);
    let tensor = matrix.into_tensor_reversed().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[3, 1][..]));
}

#[test]
fn vectors_have_one_axis() {
    let vector = DVector::from_vec(vec![1.0, 2.0, 3.0]);
    let start = vector.as_ptr();
    let tensor = vector.into_tensor().unwrap();
    assert_eq!((tensor.shape(), tensor.data().cast_const()), (&[3][..], start.cast()));
    let vector = tensor.into_inner().downcast::<DVector<f64>>().unwrap();
    assert_eq!(vector.into_tensor_reversed().unwrap().shape(), [3]);
    let row = RowDVector::from_vec(vec![1.0, 2.0, 3.0]);
    assert_eq!(row.into_tensor().unwrap().shape(), [1, 3]);
}

/// The elements lie in the matrix, which moves into the tensor: where the header is, the elements are.
#[test]
fn matrices_that_hold_their_elements_themselves() {
    let matrix = Matrix2x3::new(1_u8, 2, 3, 4, 5, 6);
    let (mut tensor, allocations) = count(|| matrix.into_tensor().unwrap());
    assert_eq!(allocations, 1);
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    tensor.view_mut::<u8>().unwrap()[[1, 2]] = 60;
    let matrix = through_c(tensor.into_inner()).downcast::<Matrix2x3<u8>>().unwrap();
    assert_eq!(matrix, Matrix2x3::new(1, 2, 3, 4, 5, 60));
    let tensor = matrix.into_tensor_reversed().unwrap();
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 4, 2, 5, 3, 60]);
    assert_eq!(Vector3::new(1_u8, 2, 3).into_tensor().unwrap().shape(), [3]);
}

#[test]
fn as_owners_of_plain_elements() {
    let matrix = DMatrix::from_row_slice(2, 2, &[1_u8, 2, 3, 4]);
    let tensor =
        Exporter::of_mut(matrix, |m| m.as_mut_slice()).read_only().shape(&[4]).build().unwrap();
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 3, 2, 4]);
    let vector = Exporter::of_mut(Vector3::new(1_u8, 2, 3), |v| v.as_mut_slice());
    let tensor = vector.build_legacy().unwrap();
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 2, 3]);
}

#[test]
fn without_elements() {
    for (rows, columns) in [(0, 3), (3, 0), (0, 0)] {
        let tensor = DMatrix::<f32>::zeros(rows, columns).into_tensor().unwrap();
        assert_eq!(tensor.shape(), [rows, columns].map(|size| i64::try_from(size).unwrap()));
        assert!(tensor.data().is_null());
        let view = tensor.view::<f32>().unwrap();
        assert_eq!(DMatrixView::<f32>::try_from(view).unwrap().shape(), (rows, columns));
    }
}

#[test]
fn without_memory_the_matrix_is_handed_back() {
    let matrix = DMatrix::from_row_slice(1, 2, &[1, 2]);
    let failure = fail_nth(1);
    let refused = matrix.into_tensor().unwrap_err();
    assert!(failure.happened());
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(refused.into_inner(), DMatrix::from_row_slice(1, 2, &[1, 2]));
}

/// A matrix that C only borrows: its strides go along.
#[test]
fn lent_to_c() {
    let matrix = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let view = TensorView::try_from(&matrix).unwrap();
    view.with_dl_tensor(|raw| {
        // SAFETY: a tensor that is lent to this function.
        let tensor = unsafe { &*raw };
        assert_eq!(tensor.data.cast_const(), matrix.as_ptr().cast());
        // SAFETY: as many as there are axes.
        assert_eq!(unsafe { std::slice::from_raw_parts(tensor.strides, 2) }, [1, 2]);
    })
    .unwrap();
}

#[test]
fn another_type() {
    let tensor = DMatrix::<f32>::identity(2, 2).into_tensor().unwrap();
    let refused = tensor.view::<f64>().unwrap_err();
    assert_eq!(refused, Error::DTypeMismatch { expected: DataType::F64, found: DataType::F32 });
}

#[cfg(feature = "num-complex")]
#[test]
fn complex_numbers() {
    use nalgebra::Complex;

    let matrix = DMatrix::from_element(2, 2, Complex::new(1.0_f64, -1.0));
    let tensor = matrix.clone().into_tensor().unwrap();
    assert_eq!(tensor.dtype(), DataType::C128);
    let view = tensor.view::<num_complex::Complex<f64>>().unwrap();
    assert_eq!(DMatrixView::<Complex<f64>>::try_from(view).unwrap(), matrix);
}
