//! A tensor that somebody else owns, as C functions pass it to callbacks.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::descriptor::{Access, Descriptor};
use super::import::{self, Header, ImportMode};
use super::promise::{Tensor, sealed};
use crate::error::Error;
use crate::sys;
use crate::vocabulary::Flags;

/// A checked `DLTensor` that somebody else owns for the lifetime `'a`.
///
/// # Examples
///
/// ```
/// use dlpack::{BorrowedTensor, Error, sys::DLTensor};
///
/// unsafe extern "C" fn callback(raw: *const DLTensor) -> i32 {
///     // SAFETY: the tensor is the caller's until this function returns, and nobody writes it.
///     let sum = unsafe { BorrowedTensor::with_raw(raw, |tensor| -> Result<f32, Error> {
///         // SAFETY: the same.
///         Ok(unsafe { tensor.view::<f32>() }?.iter().sum())
///     }) };
///     match sum {
///         Ok(Ok(sum)) => sum as i32,
///         _ => -1,
///     }
/// }
///
/// let view = dlpack::TensorView::from_slice(&[1.0_f32, 2.0], &[2])?;
/// // SAFETY: the lent tensor is valid during the call.
/// let sum = dlpack::lend(&view, |raw| unsafe { callback(raw) })?;
/// assert_eq!(sum, 3);
/// # Ok::<(), Error>(())
/// ```
pub struct BorrowedTensor<'a> {
    descriptor: Descriptor,
    /// Not of the struct, which the descriptor is a copy of and which would bind it to its thread.
    lender: PhantomData<&'a ()>,
}

impl<'a> BorrowedTensor<'a> {
    /// Checks a tensor and passes it to a function.
    ///
    /// The tensor cannot escape, so that the lifetime is never longer than the call.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensor::from_raw`](crate::ManagedTensor::from_raw); the function is not called then, and there is no
    /// deleter to run.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), where the lifetime is that of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Exporter};
    ///
    /// let owner = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the owner is alive.
    /// let raw = unsafe { &raw const (*owner.as_raw()).dl_tensor };
    /// // SAFETY: the same.
    /// let numel = unsafe { BorrowedTensor::with_raw(raw, |tensor| tensor.numel()) }?;
    /// assert_eq!(numel, 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn with_raw<R>(
        raw: *const sys::DLTensor,
        f: impl FnOnce(BorrowedTensor<'_>) -> R,
    ) -> Result<R, Error> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { BorrowedTensor::from_raw(raw) }?;
        Ok(f(tensor))
    }

    /// Checks a tensor that stays its owner's.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensor::from_raw`](crate::ManagedTensor::from_raw).
    ///
    /// # Safety
    ///
    /// - `raw` is null, or points to an initialised `DLTensor` that is not written during this call; clause S4 of
    ///   [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw) holds.
    /// - For the lifetime `'a`, and if the host can access the device, every byte of the tensor's extents lies
    ///   in one live allocation and can be read, from any thread.
    ///
    /// Nothing but later code bounds `'a`, which may come out as `'static` unseen. Name it, or prefer
    /// [`with_raw`](Self::with_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Exporter};
    ///
    /// let owner = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the owner is alive.
    /// let raw = unsafe { &raw const (*owner.as_raw()).dl_tensor };
    /// // SAFETY: the owner outlives the tensor.
    /// let tensor = unsafe { BorrowedTensor::from_raw(raw) }?;
    /// assert_eq!(tensor.shape(), [3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn from_raw(raw: *const sys::DLTensor) -> Result<Self, Error> {
        if raw.is_null() {
            return Err(Error::NullTensor);
        }
        if !raw.is_aligned() {
            return Err(Error::MisalignedHeader { required: align_of::<sys::DLTensor>() });
        }
        let header = Header { version: None, flags: Flags::NONE, access: Access::Unknown };
        // SAFETY: the caller's promise.
        let descriptor = unsafe { import::describe(raw, header, ImportMode::Lenient) }?;
        Ok(Self { descriptor, lender: PhantomData })
    }
}

impl Deref for BorrowedTensor<'_> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl sealed::Described for BorrowedTensor<'_> {
    fn descriptor_mut(&mut self, _: sealed::Key) -> &mut Descriptor {
        &mut self.descriptor
    }
}

impl Tensor for BorrowedTensor<'_> {}

impl fmt::Debug for BorrowedTensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}
