//! Views of tensors as views of `faer`, and the way back.

use faer::{MatMut, MatRef};

use crate::error::Error;
use crate::view::{TensorView, TensorViewMut};
use crate::vocabulary::Element;

/// Views a tensor of two axes as a matrix of the same rows and columns; nothing is copied.
///
/// For the matrix with rows and columns exchanged, as column-major languages see a row-major tensor, view
/// [`transpose()`](TensorView::transpose) instead. Any strides go, negative ones and 0 too. Those of an axis with one index
/// mean nothing, and become those of a column-major matrix.
///
/// # Errors
///
/// [`Error::NdimMismatch`] for another number of axes.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter};
/// use faer::{MatRef, mat};
///
/// // A row-major tensor, as it comes from NumPy.
/// let tensor = Exporter::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3]).build()?;
/// let view = tensor.view::<f64>()?;
///
/// let kept = MatRef::try_from(view.clone())?;
/// assert_eq!(kept, mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let reversed = MatRef::try_from(view.transpose())?;
/// assert_eq!(reversed, mat![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
/// assert_eq!(reversed.as_ptr(), view.as_ptr());
/// assert!(reversed.try_as_col_major().is_some());
///
/// let refused = MatRef::try_from(view.reshape(&[6])?).unwrap_err();
/// assert_eq!(refused, Error::NdimMismatch { expected: 2, found: 1 });
/// # Ok::<(), Error>(())
/// ```
impl<'a, T> TryFrom<TensorView<'a, T>> for MatRef<'a, T> {
    type Error = Error;

    fn try_from(view: TensorView<'a, T>) -> Result<Self, Error> {
        let ([rows, columns], [row_stride, column_stride]) = rows_and_columns(&view)?;
        let data = view.as_ptr();
        // SAFETY: shape and strides are those of the view, which may be read through `&T` for `'a`.
        Ok(unsafe { Self::from_raw_parts(data, rows, columns, row_stride, column_stride) })
    }
}

/// Views a tensor of two axes as a matrix to write it; nothing is copied.
///
/// As for [`MatRef`].
///
/// # Errors
///
/// As for [`MatRef`].
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
/// use faer::MatMut;
///
/// let mut tensor = Exporter::new(vec![1.0, 2.0, 3.0, 4.0]).shape(&[2, 2]).build()?;
/// let mut matrix = MatMut::try_from(tensor.view_mut::<f64>()?)?;
/// matrix[(1, 0)] = 30.0;
/// assert_eq!(tensor.as_slice::<f64>()?, [1.0, 2.0, 30.0, 4.0]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T> TryFrom<TensorViewMut<'a, T>> for MatMut<'a, T> {
    type Error = Error;

    fn try_from(mut view: TensorViewMut<'a, T>) -> Result<Self, Error> {
        let ([rows, columns], [row_stride, column_stride]) = rows_and_columns(&view.as_view())?;
        let data = view.as_mut_ptr();
        // SAFETY: shape and strides are those of the view, which may be written through `&mut T` for `'a`, and in which
        // no two indices name the same element.
        Ok(unsafe { Self::from_raw_parts_mut(data, rows, columns, row_stride, column_stride) })
    }
}

/// Views a matrix as a tensor of as many rows and columns; nothing is copied.
///
/// Of a matrix that is no view, take `as_ref()`. For a tensor of the columns by the rows, take
/// [`transpose()`](TensorView::transpose) of the result.
///
/// # Errors
///
/// [`Error::ShapeOverflow`] or [`Error::ExtentOverflow`] for what does not fit in the address space, as no matrix of
/// elements does.
///
/// # Examples
///
/// ```
/// use dlpack::TensorView;
/// use faer::mat;
///
/// let matrix = mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// let view = TensorView::try_from(matrix.as_ref().reverse_rows())?;
/// assert_eq!((view.shape(), view.strides()[0]), (&[2, 3][..], -1));
/// assert_eq!(view.to_vec(), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T: Element> TryFrom<MatRef<'a, T>> for TensorView<'a, T> {
    type Error = Error;

    fn try_from(matrix: MatRef<'a, T>) -> Result<Self, Error> {
        let (shape, strides) = shape_and_strides(matrix);
        // SAFETY: `matrix` gives `&T` of each of these elements for `'a`.
        unsafe { Self::from_raw_parts(matrix.as_ptr(), &shape, &strides) }
    }
}

/// Views a matrix as a tensor to write it; nothing is copied.
///
/// # Errors
///
/// As for [`TensorView`], and [`Error::Overlapping`] if two indices may name the same element.
///
/// # Examples
///
/// ```
/// use dlpack::TensorViewMut;
/// use faer::mat;
///
/// let mut matrix = mat![[1.0, 2.0], [3.0, 4.0]];
/// TensorViewMut::try_from(matrix.as_mut())?.select(1, 0)?.fill(0.0);
/// assert_eq!(matrix, mat![[0.0, 2.0], [0.0, 4.0]]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T: Element> TryFrom<MatMut<'a, T>> for TensorViewMut<'a, T> {
    type Error = Error;

    fn try_from(matrix: MatMut<'a, T>) -> Result<Self, Error> {
        let (shape, strides) = shape_and_strides(matrix.as_ref());
        // SAFETY: `matrix`, which is gone then, gives `&mut T` of each of these elements for `'a`.
        unsafe { Self::from_raw_parts(matrix.as_ptr_mut(), &shape, &strides) }
    }
}

pub(super) fn shape_and_strides<T>(matrix: MatRef<'_, T>) -> ([usize; 2], [isize; 2]) {
    ([matrix.nrows(), matrix.ncols()], [matrix.row_stride(), matrix.col_stride()])
}

/// Shape and strides of a view with two axes.
fn rows_and_columns<T>(view: &TensorView<'_, T>) -> Result<([usize; 2], [isize; 2]), Error> {
    let (&[rows, columns], &[row_stride, column_stride]) = (view.shape(), view.strides()) else {
        return Err(Error::NdimMismatch { expected: 2, found: view.ndim() });
    };
    let meaningless = |size| view.is_empty() || size == 1;
    let row_stride = if meaningless(rows) { 1 } else { row_stride };
    let side_by_side = isize::try_from(rows).map_err(|_| Error::ShapeOverflow)?;
    let column_stride = if meaningless(columns) { side_by_side } else { column_stride };
    Ok(([rows, columns], [row_stride, column_stride]))
}
