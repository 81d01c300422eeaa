//! Views of tensors as views of `nalgebra`, and the way back.

use nalgebra::{Dim, Matrix, MatrixView, MatrixViewMut, RawStorage, RawStorageMut};
use nalgebra::{ViewStorage, ViewStorageMut};

use super::axes::shape_and_strides;
use crate::error::Error;
use crate::view::{TensorView, TensorViewMut};
use crate::vocabulary::Element;

/// Views a tensor of two axes as a matrix of the same rows and columns; nothing is copied.
///
/// For the matrix with rows and columns exchanged, as column-major languages see a row-major tensor, view
/// [`transpose()`](TensorView::transpose) instead.
///
/// What the type fixes is checked: a [`DMatrixView`](nalgebra::DMatrixView) has neighbouring elements in a column side
/// by side, as column-major tensors do; a `DMatrixView<'_, T, Dyn, Dyn>` has any strides that are not negative or 0,
/// which `nalgebra` cannot have. Strides of an axis with one index mean nothing and always fit. A tensor of one axis
/// is a column where the type has one column, as [`DVectorView`](nalgebra::DVectorView) has. A view of
/// [`ReadCell`](crate::view::ReadCell)s is not converted: it must stay on its thread, and views of
/// `nalgebra` need not.
///
/// # Errors
///
/// - [`Error::NdimMismatch`] for another number of axes,
/// - [`Error::ShapeMismatch`] or [`Error::StrideMismatch`] if a size or a stride is part of the type, and another one,
/// - [`Error::StrideNotPositive`] for a stride that is negative or 0.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter};
/// use nalgebra::{DMatrixView, Dyn, Matrix2x3};
///
/// // A row-major tensor, as it comes from NumPy.
/// let tensor = Exporter::new(vec![1, 2, 3, 4, 5, 6]).shape(&[2, 3]).build()?;
/// let view = tensor.view::<i32>()?;
///
/// let kept = DMatrixView::<_, Dyn, Dyn>::try_from(view.clone())?;
/// assert_eq!(kept, Matrix2x3::new(1, 2, 3, 4, 5, 6));
/// let reversed: DMatrixView<'_, i32> = view.transpose().try_into()?;
/// assert_eq!(reversed, Matrix2x3::new(1, 2, 3, 4, 5, 6).transpose());
/// assert_eq!(reversed.as_ptr(), view.as_ptr());
///
/// // Its rows are not those of a column-major matrix.
/// let refused = DMatrixView::<i32>::try_from(view).unwrap_err();
/// assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 1, found: 3 });
/// # Ok::<(), Error>(())
/// ```
// `Sync`, since `nalgebra` before 0.35 sends a view wherever its elements may go; one of cells would be shared then.
impl<'a, T: Sync, R: Dim, C: Dim, RStride: Dim, CStride: Dim> TryFrom<TensorView<'a, T>>
    for MatrixView<'a, T, R, C, RStride, CStride>
{
    type Error = Error;

    fn try_from(view: TensorView<'a, T>) -> Result<Self, Error> {
        let (shape, strides) = shape_and_strides(&view)?;
        // SAFETY: shape and strides are those of the view, which may be read through `&T` for `'a`.
        let storage = unsafe { ViewStorage::from_raw_parts(view.as_ptr(), shape, strides) };
        Ok(Self::from_data(storage))
    }
}

/// Views a tensor of two axes as a matrix to write it; nothing is copied.
///
/// As for [`MatrixView`].
///
/// # Errors
///
/// As for [`MatrixView`].
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
/// use nalgebra::{DMatrixViewMut, Dyn};
///
/// let mut tensor = Exporter::new(vec![1.0, 2.0, 3.0, 4.0]).shape(&[2, 2]).build()?;
/// let mut matrix = DMatrixViewMut::<f64, Dyn, Dyn>::try_from(tensor.view_mut::<f64>()?)?;
/// matrix.swap_rows(0, 1);
/// assert_eq!(tensor.as_slice::<f64>()?, [3.0, 4.0, 1.0, 2.0]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T, R: Dim, C: Dim, RStride: Dim, CStride: Dim> TryFrom<TensorViewMut<'a, T>>
    for MatrixViewMut<'a, T, R, C, RStride, CStride>
{
    type Error = Error;

    fn try_from(mut view: TensorViewMut<'a, T>) -> Result<Self, Error> {
        let (shape, strides) = shape_and_strides(&view.as_view())?;
        let data = view.as_mut_ptr();
        // SAFETY: shape and strides are those of the view, which may be written through `&mut T` for `'a`, and in which
        // no two indices name the same element.
        let storage = unsafe { ViewStorageMut::from_raw_parts(data, shape, strides) };
        Ok(Self::from_data(storage))
    }
}

/// Views a matrix as a tensor of as many rows and columns; nothing is copied.
///
/// Any matrix: one that owns its elements, on the heap or in itself, or a view. For a tensor of the columns by the rows, take
/// [`transpose()`](TensorView::transpose) of the result.
///
/// # Errors
///
/// [`Error::ExtentOverflow`] for strides beyond the address space, which no matrix has.
///
/// # Examples
///
/// ```
/// use dlpack::TensorView;
/// use nalgebra::DMatrix;
///
/// let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
/// let view = TensorView::try_from(&matrix)?;
/// assert_eq!((view.shape(), view.strides()), (&[2, 3][..], &[1, 2][..]));
/// assert!(view.transpose().is_contiguous());
/// assert_eq!(view.to_vec(), [1, 2, 3, 4, 5, 6]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T, R, C, S> TryFrom<&'a Matrix<T, R, C, S>> for TensorView<'a, T>
where
    T: Element,
    R: Dim,
    C: Dim,
    S: RawStorage<T, R, C>,
{
    type Error = Error;

    fn try_from(matrix: &'a Matrix<T, R, C, S>) -> Result<Self, Error> {
        let (shape, strides) = (<[_; 2]>::from(matrix.shape()), signed(matrix.strides())?);
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
/// use nalgebra::Matrix2x3;
///
/// let mut matrix = Matrix2x3::new(1, 2, 3, 4, 5, 6);
/// TensorViewMut::try_from(&mut matrix)?.select(0, 1)?.fill(0);
/// assert_eq!(matrix, Matrix2x3::new(1, 2, 3, 0, 0, 0));
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T, R, C, S> TryFrom<&'a mut Matrix<T, R, C, S>> for TensorViewMut<'a, T>
where
    T: Element,
    R: Dim,
    C: Dim,
    S: RawStorageMut<T, R, C>,
{
    type Error = Error;

    fn try_from(matrix: &'a mut Matrix<T, R, C, S>) -> Result<Self, Error> {
        let (shape, strides) = (<[_; 2]>::from(matrix.shape()), signed(matrix.strides())?);
        // SAFETY: `matrix`, which is borrowed for `'a`, gives `&mut T` of each of these elements.
        unsafe { Self::from_raw_parts(matrix.as_mut_ptr(), &shape, &strides) }
    }
}

fn signed((rows, columns): (usize, usize)) -> Result<[isize; 2], Error> {
    match (isize::try_from(rows), isize::try_from(columns)) {
        (Ok(rows), Ok(columns)) => Ok([rows, columns]),
        _ => Err(Error::ExtentOverflow),
    }
}
