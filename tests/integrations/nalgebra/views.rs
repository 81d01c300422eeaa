//! Views in both directions, against the model, kept and reversed.

use std::ptr;

use dlpack::{Error, TensorView, TensorViewMut};
use harness::alloc::count;
use nalgebra::{DMatrixView, DMatrixViewMut, Dyn, Matrix, RawStorage, ViewStorageMut};
use proptest::prelude::*;

use crate::model::{Kinds, Model, models};

type Strided<'a> = DMatrixView<'a, f64, Dyn, Dyn>;
type StridedMut<'a> = DMatrixViewMut<'a, f64, Dyn, Dyn>;

const UPWARDS: Kinds = Kinds { ndim: (2, 2), backwards: false, repeated: false };
const ANY: Kinds = Kinds { ndim: (2, 2), backwards: true, repeated: true };

/// The matrix has the numbers of the model, where the model says.
fn check<R: nalgebra::Dim, C: nalgebra::Dim, S: RawStorage<f64, R, C>>(
    matrix: &Matrix<f64, R, C, S>,
    model: &Model,
    start: *const f64,
) {
    assert_eq!(matrix.shape(), (model.shape[0], model.shape[1]));
    for index in model.indices() {
        let element = &matrix[(index[0], index[1])];
        assert_eq!(ptr::from_ref(element), start.wrapping_add(model.place(&index)));
        assert_eq!(*element, model.place(&index) as f64);
    }
    // The iterators go column by column, and find the end of each by its address.
    let columns = model.clone().reversed();
    assert!(matrix.iter().copied().eq(columns.places().iter().map(|&place| place as f64)));
    let columns = columns.indices();
    let backwards = columns.iter().rev().map(|index| model.place(&[index[1], index[0]]) as f64);
    assert!(matrix.iter().rev().copied().eq(backwards));
}

proptest! {
    #[test]
    fn tensors_as_matrices(model in models(UPWARDS)) {
        let (tensor, start) = model.tensor::<f64>();
        let view = tensor.view::<f64>().unwrap();
        let (matrix, allocations) = count(|| Strided::try_from(view.clone()).unwrap());
        prop_assert_eq!(allocations, 0);
        check(&matrix, &model, start);
        check(&Strided::try_from(view.transpose()).unwrap(), &model.reversed(), start);
    }

    /// One of the two orders has neighbours in a column side by side, or neither has.
    #[test]
    fn tensors_as_column_major_matrices(model in models(ANY)) {
        let (tensor, start) = model.tensor::<f64>();
        let view = tensor.view::<f64>().unwrap();
        for (view, model) in [(view.clone(), model.clone()), (view.transpose(), model.reversed())] {
            let counts = |axis: usize| !model.shape.contains(&0) && model.shape[axis] > 1;
            match DMatrixView::<f64>::try_from(view) {
                Ok(matrix) => {
                    prop_assert!(!counts(0) || model.strides[0] == 1);
                    prop_assert!(!counts(1) || model.strides[1] > 0);
                    check(&matrix, &model, start);
                }
                Err(Error::StrideMismatch { axis, expected, found }) => {
                    prop_assert_eq!((axis, expected), (0, 1));
                    prop_assert!(counts(0) && model.strides[0] > 1);
                    prop_assert_eq!(isize::try_from(found).unwrap(), model.strides[0]);
                }
                Err(Error::StrideNotPositive { axis, stride }) => {
                    prop_assert!(counts(axis) && model.strides[axis] == stride && stride <= 0);
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }

    #[test]
    fn tensors_as_matrices_to_write(model in models(UPWARDS)) {
        let (mut tensor, _) = model.tensor::<f64>();
        let mut matrix = StridedMut::try_from(tensor.view_mut::<f64>().unwrap()).unwrap();
        matrix.iter_mut().for_each(|x| *x = -1.0 - *x);
        let numbers = tensor.into_inner().into_owner::<Vec<f64>>().unwrap();
        let mut expected = model.numbers::<f64>();
        for place in model.places() {
            expected[place] = -1.0 - expected[place];
        }
        prop_assert_eq!(numbers, expected);
    }

    #[test]
    fn matrices_as_tensors(model in models(UPWARDS)) {
        let numbers = model.numbers::<f64>();
        let shape = (model.shape[0], model.shape[1]);
        let (Ok(rows), Ok(columns)) =
            (usize::try_from(model.strides[0]), usize::try_from(model.strides[1]))
        else {
            panic!("upwards");
        };
        let part = &numbers[model.offset..];
        let matrix = Strided::from_slice_with_strides(part, shape.0, shape.1, rows, columns);
        let view = TensorView::try_from(&matrix).unwrap();
        let expected = model.places();
        prop_assert_eq!(view.shape(), &model.shape[..]);
        prop_assert!(view.iter().eq(expected.iter().map(|&place| &numbers[place])));
        prop_assert!(view
            .iter()
            .map(ptr::from_ref)
            .eq(expected.iter().map(|&place| &raw const numbers[place])));
    }
}

#[test]
fn matrices_as_tensors_to_write() {
    let mut numbers = [0_i32; 12];
    let mut matrix = DMatrixViewMut::from_slice_with_strides_mut(&mut numbers, 2, 3, 2, 4);
    let mut view = TensorViewMut::try_from(&mut matrix).unwrap();
    assert_eq!((view.shape(), view.strides()), (&[2, 3][..], &[2, 4][..]));
    view.iter_mut().zip(1..).for_each(|(x, n)| *x = n);
    assert_eq!(numbers, [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]);
}

/// Not that `nalgebra` would make such a view by itself.
#[test]
fn overlapping_matrices_are_not_written() {
    let mut numbers = [0_i32; 12];
    for strides in [(1, 1), (1, 0), (0, 1), (2, 2)] {
        let (shape, strides) = ((Dyn(2), Dyn(3)), (Dyn(strides.0), Dyn(strides.1)));
        // SAFETY: within the numbers, and nothing is accessed through it.
        let storage =
            unsafe { ViewStorageMut::from_raw_parts(numbers.as_mut_ptr(), shape, strides) };
        let mut matrix = Matrix::from_data(storage);
        assert_eq!(TensorViewMut::try_from(&mut matrix).unwrap_err(), Error::Overlapping);
    }
}
