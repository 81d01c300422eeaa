//! What the type of a matrix fixes: rank, sizes, strides. Nothing here needs a heap.

use dlpack::{Error, TensorView, TensorViewMut};
use nalgebra::{
    Const, DMatrixView, DVectorView, Dyn, Matrix2x3, Matrix3, MatrixView, MatrixView2x3,
    MatrixViewMut, U1, U2, Vector3,
};

const NUMBERS: [i32; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

type Strided<'a> = DMatrixView<'a, i32, Dyn, Dyn>;

fn row_major(shape: &[usize]) -> TensorView<'static, i32> {
    static ALL: [i32; 12] = NUMBERS;
    let numel = shape.iter().product();
    TensorView::from_slice(&ALL[..numel], shape).unwrap()
}

#[test]
fn a_matrix_has_two_axes() {
    for (shape, found) in [(&[][..], 0), (&[4], 1), (&[2, 2, 3], 3)] {
        let refused = Strided::try_from(row_major(shape)).unwrap_err();
        assert_eq!(refused, Error::NdimMismatch { expected: 2, found });
    }
    let mut numbers = NUMBERS;
    let view = TensorViewMut::from_slice(&mut numbers, &[12]).unwrap();
    let refused = MatrixViewMut::<i32, Dyn, Dyn>::try_from(view).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 2, found: 1 });
}

#[test]
fn one_axis_is_a_column_where_the_type_has_one() {
    let column = DVectorView::<i32>::try_from(row_major(&[4])).unwrap();
    assert!(column.iter().eq(&[0, 1, 2, 3]));
    assert_eq!(column.as_slice(), [0, 1, 2, 3]);
    let column = DVectorView::<i32>::try_from(row_major(&[4, 1])).unwrap();
    assert_eq!(column.as_slice(), [0, 1, 2, 3]);
    let every_other = row_major(&[12]).step_by(0, 5).unwrap();
    let column = DVectorView::<i32, Dyn>::try_from(every_other.clone()).unwrap();
    assert!(column.iter().eq(&[0, 5, 10]));
    let refused = DVectorView::<i32>::try_from(every_other).unwrap_err();
    assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 1, found: 5 });
    // A row has two axes.
    let refused = MatrixView::<i32, U1, Dyn>::try_from(row_major(&[4])).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 2, found: 1 });
}

#[test]
fn sizes_of_a_type() {
    type Rows<'a> = MatrixView<'a, i32, U2, Dyn, Dyn, Dyn>;
    type Both<'a> = MatrixView<'a, i32, U2, Const<3>, Dyn, Dyn>;
    assert_eq!(Rows::try_from(row_major(&[2, 3])).unwrap().ncols(), 3);
    assert_eq!(Both::try_from(row_major(&[2, 3])).unwrap(), Matrix2x3::new(0, 1, 2, 3, 4, 5));
    let refused = Rows::try_from(row_major(&[3, 2])).unwrap_err();
    assert_eq!(refused, Error::ShapeMismatch { axis: 0, expected: 2, found: 3 });
    let refused = Both::try_from(row_major(&[2, 2])).unwrap_err();
    assert_eq!(refused, Error::ShapeMismatch { axis: 1, expected: 3, found: 2 });
}

#[test]
fn the_order_of_a_type() {
    // By default a column of a matrix of fixed size follows the one before at once.
    let columns = row_major(&[3, 2]).transpose();
    let matrix = MatrixView2x3::<i32>::try_from(columns.clone()).unwrap();
    assert_eq!(matrix.as_slice(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(matrix, Matrix2x3::new(0, 2, 4, 1, 3, 5));
    let refused = MatrixView2x3::<i32>::try_from(row_major(&[2, 3])).unwrap_err();
    assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 1, found: 3 });
    let gaps = row_major(&[3, 3]).slice(1, ..2).unwrap().transpose();
    let refused = MatrixView2x3::<i32>::try_from(gaps.clone()).unwrap_err();
    assert_eq!(refused, Error::StrideMismatch { axis: 1, expected: 2, found: 3 });
    let matrix = DMatrixView::<i32>::try_from(gaps).unwrap();
    assert_eq!(matrix, Matrix2x3::new(0, 3, 6, 1, 4, 7));
}

#[test]
fn strides_that_no_matrix_has() {
    let view = row_major(&[2, 3]);
    for axis in [0, 1] {
        let downwards = view.flip(axis).unwrap();
        let stride = downwards.strides()[axis];
        let refused = Strided::try_from(downwards).unwrap_err();
        assert_eq!(refused, Error::StrideNotPositive { axis, stride });
    }
    // Not even if they are part of the type.
    type Repeated<'a> = MatrixView<'a, i32, Dyn, Dyn, Const<0>, Dyn>;
    let refused = Repeated::try_from(view.clone()).unwrap_err();
    assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 0, found: 3 });
    let one_row = view.slice(0, ..1).unwrap();
    assert!(Repeated::try_from(one_row).is_err());
}

/// Strides of axes with one index lead nowhere, so they fit every type.
#[test]
fn strides_that_mean_nothing() {
    let numbers = row_major(&[3, 4]);
    let row = numbers.slice(0, 1..2).unwrap();
    assert_eq!(row.strides(), [4, 1]);
    for row in [row.clone(), row.flip(0).unwrap()] {
        let matrix = DMatrixView::<i32>::try_from(row).unwrap();
        assert_eq!((matrix.shape(), matrix.strides()), ((1, 4), (1, 1)));
        assert!(matrix.iter().eq(&[4, 5, 6, 7]));
    }
    let column = numbers.slice(1, 2..3).unwrap();
    let matrix = Strided::try_from(column.flip(1).unwrap()).unwrap();
    assert_eq!((matrix.shape(), matrix.strides()), ((3, 1), (4, 12)));
    assert!(matrix.iter().eq(&[2, 6, 10]));
    let one = numbers.slice(0, 2..).unwrap().slice(1, 3..).unwrap();
    let matrix = MatrixView::<i32, U1, U1>::try_from(one).unwrap();
    assert_eq!(matrix.as_slice(), [11]);
}

#[test]
fn without_elements() {
    let nothing: &[i32] = &[];
    for (shape, expected) in [([0, 3], (0, 3)), ([3, 0], (3, 0)), ([0, 0], (0, 0))] {
        let view = TensorView::from_slice(nothing, &shape).unwrap();
        for view in [view.clone(), view.flip(0).unwrap().flip(1).unwrap()] {
            let matrix = DMatrixView::<i32>::try_from(view).unwrap();
            assert_eq!((matrix.shape(), matrix.iter().count()), (expected, 0));
            let back = TensorView::try_from(&matrix).unwrap();
            assert_eq!((back.shape(), back.numel()), (&shape[..], 0));
        }
    }
}

#[test]
fn matrices_without_a_heap() {
    let mut matrix = Matrix3::new(1, 2, 3, 4, 5, 6, 7, 8, 9);
    let view = TensorView::try_from(&matrix).unwrap();
    assert_eq!((view.shape(), view.strides()), (&[3, 3][..], &[1, 3][..]));
    assert!(view.iter().eq(&[1, 2, 3, 4, 5, 6, 7, 8, 9]));
    TensorViewMut::try_from(&mut matrix).unwrap()[[0, 2]] = 30;
    assert_eq!(matrix, Matrix3::new(1, 2, 30, 4, 5, 6, 7, 8, 9));
    // A column is a matrix, too.
    let column = Vector3::new(1, 2, 3);
    assert_eq!(TensorView::try_from(&column).unwrap().shape(), [3, 1]);
}
