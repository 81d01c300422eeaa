//! A tensor that somebody else owns, as C functions pass it to callbacks.

use core::marker::PhantomData;
use core::ops::Deref;

use super::abi::Header;
use super::descriptor::{Access, Descriptor};
use super::handle::present;
use super::import;
use super::promise::promise_methods;
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
///     let sum: Result<f32, Error> = unsafe {
///         BorrowedTensor::with_raw(raw, |tensor| Ok(tensor.view::<f32>()?.iter().sum()))
///     };
///     sum.map_or(-1, |sum| sum as i32)
/// }
///
/// let view = dlpack::TensorView::from_slice(&[1.0_f32, 2.0], &[2])?;
/// // SAFETY: the lent tensor is valid during the call.
/// let sum = view.with_dl_tensor(|raw| unsafe { callback(raw) })?;
/// assert_eq!(sum, 3);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
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
    /// deleter to run. Otherwise what the function returns. An error of your own travels as `Ok(Err(_))`, with a result as `R`.
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
    /// let owner = Exporter::new([1_u8, 2, 3]).build()?;
    /// let lent = owner.as_dl_tensor()?;
    /// // SAFETY: the owner is alive.
    /// let numel = unsafe { BorrowedTensor::with_raw(&lent, |tensor| Ok(tensor.numel())) }?;
    /// assert_eq!(numel, 3);
    ///
    /// let even = |tensor: BorrowedTensor<'_>| match tensor.numel() % 2 {
    ///     0 => Ok(Ok(tensor.numel())),
    ///     _ => Ok(Err("an odd number of elements")),
    /// };
    /// // SAFETY: the owner is alive.
    /// assert_eq!(unsafe { BorrowedTensor::with_raw(&lent, even) }?, Err("an odd number of elements"));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn with_raw<R>(
        raw: *const sys::DLTensor,
        f: impl FnOnce(BorrowedTensor<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        // SAFETY: clause S4 holds, and the bytes can be read until this call ends, which bounds the lifetime.
        f(unsafe { BorrowedTensor::from_raw(raw) }?)
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
    ///   in one live allocation and can be read through `data`, from any thread.
    ///
    /// Nothing but later code bounds `'a`, which may come out as `'static` unseen. Name it, or prefer
    /// [`with_raw`](Self::with_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Exporter};
    ///
    /// let owner = Exporter::new([1_u8, 2, 3]).build()?;
    /// let lent = owner.as_dl_tensor()?;
    /// // SAFETY: the owner outlives the tensor.
    /// let tensor = unsafe { BorrowedTensor::from_raw(&lent) }?;
    /// assert_eq!(tensor.shape(), [3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn from_raw(raw: *const sys::DLTensor) -> Result<Self, Error> {
        // SAFETY: clause S4 holds during this call, and clause S5, for reading, during `'a`; no flag is claimed.
        unsafe { Self::new(raw, Header::NONE) }
    }

    /// Checks a tensor that stays its owner's, and of which more is known than the struct says.
    ///
    /// For memory that a caller describes by itself, such as that of an array of another library. The flags are those of
    /// a tensor in the current ABI: without [`Flags::READ_ONLY`] the memory may be written.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensor::from_raw`](crate::ManagedTensor::from_raw).
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), and
    ///
    /// - unless the flags contain `READ_ONLY`, the bytes of the extents can also be written;
    /// - the other flags are true, as clause S6 of
    ///   [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw) has it.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::null_mut;
    /// use dlpack::{Access, BorrowedTensor, DataType, Device, Flags, sys};
    ///
    /// let text = b"text";
    /// let mut shape = [4_i64];
    /// let raw = sys::DLTensor {
    ///     data: text.as_ptr().cast_mut().cast(),
    ///     device: Device::CPU.into(),
    ///     ndim: 1,
    ///     dtype: DataType::U8.into(),
    ///     shape: shape.as_mut_ptr(),
    ///     strides: null_mut(),
    ///     byte_offset: 0,
    /// };
    /// // SAFETY: the bytes are there for good, and must not be written.
    /// let tensor = unsafe { BorrowedTensor::from_raw_with_flags(&raw, Flags::READ_ONLY) }?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// assert_eq!(tensor.strides(), [1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn from_raw_with_flags(
        raw: *const sys::DLTensor,
        flags: Flags,
    ) -> Result<Self, Error> {
        let header = Header { flags, access: Access::of(flags), ..Header::NONE };
        // SAFETY: clause S4 holds during this call, clause S5 during `'a`, and the flags are true: clause S6.
        unsafe { Self::new(raw, header) }
    }

    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), and the header is true.
    #[inline(always)]
    unsafe fn new(raw: *const sys::DLTensor, header: Header) -> Result<Self, Error> {
        present(raw.cast_mut())?;
        // SAFETY: the struct is initialised and aligned, and the caller vouches for clauses S4 to S6.
        let descriptor = unsafe { import::describe(raw, || header, false) }?;
        Ok(Self { descriptor, lender: PhantomData })
    }

    fn descriptor_mut(&mut self) -> &mut Descriptor {
        &mut self.descriptor
    }
}

promise_methods!(['a] BorrowedTensor<'a>);

impl Descriptor {
    /// Lends the tensor to a function that takes a [`BorrowedTensor`].
    ///
    /// This copies the metadata. The C struct, if there is one, is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] above 8 axes, if there is no memory for shape and strides.
    pub fn to_borrowed(&self) -> Result<BorrowedTensor<'_>, Error> {
        Ok(BorrowedTensor { descriptor: self.try_clone()?, lender: PhantomData })
    }
}

impl Deref for BorrowedTensor<'_> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}
