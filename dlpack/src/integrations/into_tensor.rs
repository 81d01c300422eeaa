//! The way out for arrays that own their elements.

use crate::error::RejectedError;

#[cfg(any(feature = "faer", feature = "nalgebra", feature = "ndarray"))]
/// Whether a tensor has the axes of an array in their order, or the last one first.
#[derive(Clone, Copy)]
pub(super) enum Axes {
    Kept,
    Reversed,
}

/// Makes a tensor of an array of another crate, without copying its elements.
///
/// Implemented for `Array` and `ArcArray` of `ndarray`, for matrices of `nalgebra` that own their elements, for `Mat` of
/// `faer`, and for `Bytes` and `BytesMut`, each under the feature of that name. The array becomes the owner of the tensor; the way back is
/// [`downcast`](crate::ManagedTensorVersioned::downcast) to the type of the array, which copies nothing either.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use dlpack::{Error, IntoTensor, sys};
/// use ndarray::Array2;
///
/// fn zeros(rows: usize, columns: usize) -> Result<*mut sys::DLManagedTensorVersioned, Error> {
///     Ok(Array2::<f32>::zeros((rows, columns)).into_tensor()?.into_raw())
/// }
///
/// let raw = zeros(2, 3)?;
/// // SAFETY: just passed on.
/// let tensor = unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// # }
/// # Ok::<(), dlpack::Error>(())
/// ```
pub trait IntoTensor: Sized {
    /// [`Exclusive`](crate::Exclusive) for an array that is the only way to its elements, [`Frozen`](crate::Frozen) for one
    /// that shares them.
    type Tensor;

    /// Makes a tensor with the axes of the array in their order.
    ///
    /// A column-major matrix becomes a column-major tensor of the same shape: its strides are `[1, rows]`.
    ///
    /// # Errors
    ///
    /// Hands the array back, with [`Error::TooManyAxes`](crate::Error::TooManyAxes) above 64 axes, or
    /// [`Error::AllocationFailed`](crate::Error::AllocationFailed).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "nalgebra")] {
    /// use dlpack::IntoTensor;
    /// use nalgebra::DMatrix;
    ///
    /// let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    /// let tensor = matrix.into_tensor()?;
    /// assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    /// # }
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>>;

    /// Makes a tensor with the axes of the array in reverse order: the transpose of a matrix.
    ///
    /// For consumers that take only row-major tensors, and for languages whose arrays are column-major: a
    /// column-major matrix becomes a row-major tensor, whose shape is `[columns, rows]`.
    ///
    /// # Errors
    ///
    /// As for [`into_tensor`](Self::into_tensor).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "nalgebra")] {
    /// use dlpack::IntoTensor;
    /// use nalgebra::DMatrix;
    ///
    /// let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    /// let tensor = matrix.into_tensor_reversed()?;
    /// assert_eq!((tensor.shape(), tensor.is_contiguous()), (&[3, 2][..], true));
    /// assert_eq!(tensor.view::<i32>()?[[2, 0]], 3);
    /// # }
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>>;
}
