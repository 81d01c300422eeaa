//! Views in both directions, against the model, kept and reversed.

use std::ptr;

use dlpack::{DataType, Error, Exporter, TensorView, TensorViewMut};
use faer::{Mat, MatMut, MatRef, mat};
use harness::alloc::count;
use proptest::prelude::*;

use crate::model::{Kinds, Model, models};

const ANY: Kinds = Kinds { ndim: (2, 2), backwards: true, repeated: true };
const DISJOINT: Kinds = Kinds { repeated: false, ..ANY };

/// The matrix has the numbers of the model, where the model says.
fn check(matrix: MatRef<'_, f64>, model: &Model, start: *const f64) {
    assert_eq!([matrix.nrows(), matrix.ncols()], model.shape[..]);
    for index in model.indices() {
        let element = &matrix[(index[0], index[1])];
        assert_eq!(ptr::from_ref(element), start.wrapping_add(model.place(&index)));
        assert_eq!(*element, model.place(&index) as f64);
    }
    let sum: f64 = model.places().iter().map(|&place| place as f64).sum();
    assert_eq!(matrix.sum(), sum);
}

proptest! {
    #[test]
    fn tensors_as_matrices(model in models(ANY)) {
        let (tensor, start) = model.tensor::<f64>();
        let view = tensor.view::<f64>().unwrap();
        let (matrix, allocations) = count(|| MatRef::try_from(view.clone()).unwrap());
        prop_assert_eq!(allocations, 0);
        check(matrix, &model, start);
        check(MatRef::try_from(view.transpose()).unwrap(), &model.reversed(), start);
    }

    #[test]
    fn tensors_as_matrices_to_write(model in models(DISJOINT)) {
        let (mut tensor, _) = model.tensor::<f64>();
        let mut matrix = MatMut::try_from(tensor.view_mut::<f64>().unwrap()).unwrap();
        for row in 0..matrix.nrows() {
            for column in 0..matrix.ncols() {
                matrix[(row, column)] = -1.0 - matrix[(row, column)];
            }
        }
        let numbers = tensor.into_inner().into_owner::<Vec<f64>>().unwrap();
        let mut expected = model.numbers::<f64>();
        for place in model.places() {
            expected[place] = -1.0 - expected[place];
        }
        prop_assert_eq!(numbers, expected);
    }

    /// Matrices made by `faer` itself: parts, turned about.
    #[test]
    fn matrices_as_tensors(
        rows in 0..6_usize,
        columns in 0..6_usize,
        (up, left, turned) in any::<(bool, bool, bool)>(),
    ) {
        let mut matrix = Mat::from_fn(7, 8, |row, column| (10 * row + column) as f64);
        let part = |matrix: MatRef<'_, f64>| -> Vec<*const f64> {
            let part = matrix.submatrix(1, 2, rows, columns);
            let part = if up { part.reverse_rows() } else { part };
            let part = if left { part.reverse_cols() } else { part };
            let part = if turned { part.transpose() } else { part };
            let (view, allocations) = count(|| TensorView::try_from(part).unwrap());
            assert_eq!(allocations, 0);
            assert_eq!(view.shape(), [part.nrows(), part.ncols()]);
            for row in 0..part.nrows() {
                for column in 0..part.ncols() {
                    assert!(ptr::eq(&view[[row, column]], &part[(row, column)]));
                }
            }
            view.iter().map(ptr::from_ref).collect()
        };
        let places = part(matrix.as_ref());

        let part = matrix.as_mut().submatrix_mut(1, 2, rows, columns);
        let part = if up { part.reverse_rows_mut() } else { part };
        let part = if left { part.reverse_cols_mut() } else { part };
        let part = if turned { part.transpose_mut() } else { part };
        let mut view = TensorViewMut::try_from(part).unwrap();
        prop_assert!(view.iter_mut().map(|x| ptr::from_mut(x).cast_const()).eq(places));
        view.fill(-1.0);
        let written = (0..7).flat_map(|row| (0..8).map(move |column| (row, column)));
        for (row, column) in written {
            let inside = (1..1 + rows).contains(&row) && (2..2 + columns).contains(&column);
            let expected = if inside { -1.0 } else { (10 * row + column) as f64 };
            prop_assert_eq!(matrix[(row, column)], expected);
        }
    }
}

#[test]
fn a_matrix_has_two_axes() {
    let mut numbers = [1.0, 2.0, 3.0, 4.0];
    for (shape, found) in [(&[4][..], 1), (&[2, 1, 2], 3)] {
        let view = TensorView::from_slice(&numbers, shape).unwrap();
        let refused = MatRef::try_from(view).unwrap_err();
        assert_eq!(refused, Error::NdimMismatch { expected: 2, found });
    }
    let view = TensorViewMut::from_slice(&mut numbers, &[4]).unwrap();
    let refused = MatMut::try_from(view).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 2, found: 1 });
}

/// Of the two views of a row-major tensor, the reversed one is column-major, as algorithms like it.
#[test]
fn the_order_shows_in_the_strides() {
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let view = TensorView::from_slice(&numbers, &[2, 3]).unwrap();
    let kept = MatRef::try_from(view.clone()).unwrap();
    assert!(kept.try_as_col_major().is_none() && kept.try_as_row_major().is_some());
    let reversed = MatRef::try_from(view.transpose()).unwrap();
    assert!(reversed.try_as_col_major().is_some());
    assert_eq!(kept * reversed, mat![[14.0, 32.0], [32.0, 77.0]]);
}

/// One row is column-major, too, and so is nothing, whatever the strides.
#[test]
fn strides_that_mean_nothing() {
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let view = TensorView::from_slice(&numbers, &[2, 3]).unwrap();
    let row = view.slice(0, 1..).unwrap().flip(0).unwrap();
    assert_eq!(row.strides(), [-3, 1]);
    let row = MatRef::try_from(row).unwrap();
    assert_eq!(row.try_as_col_major().unwrap(), mat![[4.0, 5.0, 6.0]]);
    let column = view.transpose().slice(1, 1..).unwrap().flip(1).unwrap();
    assert_eq!(column.strides(), [1, -3]);
    let column = MatRef::try_from(column).unwrap();
    assert_eq!((column.row_stride(), column.col_stride()), (1, 3));
    for shape in [[0, 3], [3, 0], [0, 0]] {
        let view = TensorView::<f64>::from_slice(&[], &shape).unwrap();
        let matrix = MatRef::try_from(view.flip(0).unwrap()).unwrap();
        assert_eq!([matrix.nrows(), matrix.ncols()], shape);
        assert!(matrix.try_as_col_major().is_some());
        assert_eq!(TensorView::try_from(matrix).unwrap().shape(), shape);
    }
}

#[test]
fn overlapping_matrices_are_not_written() {
    let mut numbers = [0_i32; 12];
    for (row_stride, column_stride) in [(1, 1), (1, 0), (0, 1), (2, -2)] {
        let start = numbers[6..].as_mut_ptr();
        // SAFETY: within the numbers, and nothing is accessed through it.
        let matrix = unsafe { MatMut::from_raw_parts_mut(start, 2, 3, row_stride, column_stride) };
        assert_eq!(TensorViewMut::try_from(matrix).unwrap_err(), Error::Overlapping);
    }
}

#[test]
fn another_type() {
    let tensor = Exporter::new(vec![1.0_f32; 4]).shape(&[2, 2]).build().unwrap();
    let refused = tensor.view::<f64>().and_then(MatRef::try_from).unwrap_err();
    assert_eq!(refused, Error::DTypeMismatch { expected: DataType::F64, found: DataType::F32 });
}
