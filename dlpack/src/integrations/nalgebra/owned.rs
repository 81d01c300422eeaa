//! Matrices that own their elements, as tensors with the axes of the matrix.

use nalgebra::{ArrayStorage, Const, Dim, Matrix, RawStorage, U1, VecStorage};

use crate::error::{Error, RejectedError};
use crate::export::Exporter;
use crate::integrations::IntoTensor;
use crate::integrations::into_tensor::Axes;
use crate::managed::{Exclusive, ManagedTensorVersioned};
use crate::vocabulary::Element;

/// The elements stay where they are, and the matrix comes back with `downcast`.
///
/// A matrix whose type has one column becomes a tensor of one axis.
///
/// # Examples
///
/// ```
/// use dlpack::integrations::IntoTensor;
/// use nalgebra::{DMatrix, DVector};
///
/// let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
/// let start = matrix.as_ptr();
/// let tensor = matrix.into_tensor_reversed()?;
/// assert_eq!((tensor.shape(), tensor.strides()), (&[3, 2][..], &[2, 1][..]));
/// let matrix = tensor.into_inner().downcast::<DMatrix<i32>>().expect("the owner");
/// assert_eq!(matrix.as_ptr(), start);
///
/// assert_eq!(DVector::from_vec(vec![1, 2]).into_tensor()?.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<T: Element, R: Dim, C: Dim> IntoTensor for Matrix<T, R, C, VecStorage<T, R, C>>
where
    VecStorage<T, R, C>: RawStorage<T, R, C>,
{
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        let shape = self.shape();
        column_major::<C, _, _>(self, |m| m.data.as_mut_slice(), shape, Axes::Kept)
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        let shape = self.shape();
        column_major::<C, _, _>(self, |m| m.data.as_mut_slice(), shape, Axes::Reversed)
    }
}

/// The elements move into the tensor with the matrix, which comes back with `downcast`.
///
/// A matrix whose type has one column becomes a tensor of one axis.
///
/// # Examples
///
/// ```
/// use dlpack::integrations::IntoTensor;
/// use nalgebra::{Matrix2x3, Vector3};
///
/// let tensor = Matrix2x3::new(1, 2, 3, 4, 5, 6).into_tensor()?;
/// assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
/// assert_eq!(Vector3::new(1, 2, 3).into_tensor()?.shape(), [3]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<T: Element, const R: usize, const C: usize> IntoTensor
    for Matrix<T, Const<R>, Const<C>, ArrayStorage<T, R, C>>
{
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        column_major::<Const<C>, _, _>(self, Matrix::as_mut_slice, (R, C), Axes::Kept)
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        column_major::<Const<C>, _, _>(self, Matrix::as_mut_slice, (R, C), Axes::Reversed)
    }
}

/// Exports an owner of so many rows and columns, whose elements lie column by column.
fn column_major<C: Dim, T: Element, O: Send + 'static>(
    owner: O,
    lend: for<'a> fn(&'a mut O) -> &'a mut [T],
    (rows, columns): (usize, usize),
    order: Axes,
) -> Result<Exclusive<ManagedTensorVersioned>, RejectedError<O>> {
    if C::is::<U1>() {
        return Exporter::of_mut(owner, lend).shape(&[rows]).build();
    }
    let Ok(stride) = isize::try_from(rows) else {
        return Err(RejectedError::new(owner, Error::ShapeOverflow));
    };
    let (shape, strides) = match order {
        Axes::Kept => ([rows, columns], [1, stride]),
        Axes::Reversed => ([columns, rows], [stride, 1]),
    };
    Exporter::of_mut(owner, lend).shape(&shape).strides(&strides).build()
}
