//! The trait of arrays that can be exported.

use crate::error::RejectedError;

#[cfg(any(feature = "faer", feature = "nalgebra", feature = "ndarray"))]
/// The order of a tensor's axes relative to those of its array.
#[derive(Clone, Copy)]
pub(super) enum Axes {
    Kept,
    Reversed,
}

/// Exports an array of another crate as a tensor, without copying its elements.
///
/// The trait is implemented for `Array` and `ArcArray` of `ndarray`, for matrices of `nalgebra` that own their elements, for
/// `Mat` of `faer`, and for `Bytes` and `BytesMut`, each under the feature of that name. The array becomes the owner of the
/// tensor. To get it back, [`downcast`](crate::ManagedTensorVersioned::downcast) the tensor to the type of the array, which
/// does not copy either.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use dlpack::{Error, integrations::IntoTensor, sys};
/// use ndarray::Array2;
///
/// fn zeros(rows: usize, columns: usize) -> Result<*mut sys::DLManagedTensorVersioned, Error> {
///     Ok(Array2::<f32>::zeros((rows, columns)).into_tensor()?.into_raw())
/// }
///
/// let raw = zeros(2, 3)?;
/// // SAFETY: a tensor of this crate, which is passed on.
/// let tensor = unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// # }
/// # Ok::<(), dlpack::Error>(())
/// ```
pub trait IntoTensor: Sized {
    /// [`Exclusive`](crate::Exclusive) for an array that owns its elements, and [`Frozen`](crate::Frozen) for one that shares
    /// them.
    type Tensor;

    /// Exports the array with its axes in their order.
    ///
    /// A column-major matrix becomes a column-major tensor of the same shape: its strides are `[1, rows]`.
    ///
    /// # Errors
    ///
    /// Returns the array with [`Error::TooManyAxes`](crate::Error::TooManyAxes) above 64 axes, or
    /// [`Error::AllocationFailed`](crate::Error::AllocationFailed).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "nalgebra")] {
    /// use dlpack::integrations::IntoTensor;
    /// use nalgebra::DMatrix;
    ///
    /// let matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    /// let tensor = matrix.into_tensor()?;
    /// assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    /// # }
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>>;

    /// Exports the array with its axes in reverse order, as the transpose of a matrix.
    ///
    /// Use this for consumers that take only row-major tensors: a column-major matrix becomes a row-major tensor of shape
    /// `[columns, rows]`.
    ///
    /// # Errors
    ///
    /// As for [`into_tensor`](Self::into_tensor).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "nalgebra")] {
    /// use dlpack::integrations::IntoTensor;
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
