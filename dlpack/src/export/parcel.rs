//! A tensor on its way to a consumer.

use core::fmt;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use super::{
    block::{Draft, Exported},
    place::Heap,
    record,
};
use crate::error::Error;
use crate::managed::{Handle, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags};

/// A tensor on its way to a consumer: owned, but without the description that Rust has of other tensors.
///
/// For producers that only hand a tensor on: what is not described costs less than half to make. Dropping it calls the
/// deleter; [`into_raw`](Self::into_raw) passes it on.
///
/// | I have | I want a parcel |
/// |---|---|
/// | an owner | [`Exporter::into_parcel`](crate::Exporter::into_parcel) |
/// | a tensor for one consumer | [`From`] |
/// | a tensor for several consumers | [`ManagedTensorVersioned::share_parcel`] |
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, ManagedTensorVersioned, Parcel};
///
/// /// What a C function of a producer answers.
/// fn answer(parcel: Result<Parcel, dlpack::Error>) -> *mut dlpack::sys::DLManagedTensorVersioned {
///     parcel.map_or(core::ptr::null_mut(), Parcel::into_raw)
/// }
///
/// let raw = answer(Ok(Exporter::new(vec![1.0_f32, 2.0]).into_parcel()?));
/// // SAFETY: just passed on.
/// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[must_use = "the deleter runs when this is dropped"]
pub struct Parcel {
    /// # Invariants
    ///
    /// The struct is one that [`ManagedTensorVersioned::into_raw`] may return: live, and of our major version.
    handle: Handle<sys::DLManagedTensorVersioned>,
}

impl Parcel {
    /// Passes the tensor on to a consumer, who must call its deleter.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_parcel()?.into_raw();
    /// // SAFETY: just passed on.
    /// assert_eq!(unsafe { ManagedTensorVersioned::from_raw(raw) }?.numel(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut sys::DLManagedTensorVersioned {
        self.handle.into_raw()
    }

    /// Describes the tensor, for use in Rust.
    ///
    /// # Errors
    ///
    /// Those of [`ManagedTensorVersioned::from_raw`], if a foreign producer has changed the struct since it came in; the
    /// deleter has been called.
    ///
    /// # Examples
    ///
    /// ```
    /// let tensor = dlpack::Exporter::new([1_u8, 2]).into_parcel()?.into_tensor()?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_tensor(self) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: the invariant; who makes such a struct has promised the rest of the contract.
        unsafe { ManagedTensorVersioned::from_raw(self.into_raw()) }
    }

    /// Passes the tensor on to a consumer that knows only the legacy ABI, and who must call its deleter.
    ///
    /// One allocation, no copy, and no description where the struct says all that consumers need.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if that ABI cannot say what the flags do,
    /// [`Error::AllocationFailed`], and as for [`into_tensor`](Self::into_tensor). The deleter has been called.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_parcel()?.into_raw_legacy()?;
    /// // SAFETY: just passed on.
    /// assert_eq!(unsafe { ManagedTensor::from_raw(raw) }?.numel(), 2);
    ///
    /// let refused = Exporter::new([1_u8, 2]).read_only().into_parcel()?.into_raw_legacy();
    /// assert_eq!(refused, Err(Error::ReadOnlyNotExpressible));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn into_raw_legacy(self) -> Result<*mut sys::DLManagedTensor, Error> {
        record::check_legacy(self.flags())?;
        // SAFETY: the invariant.
        let dl_tensor = unsafe { (*self.as_raw()).dl_tensor };
        if dl_tensor.byte_offset != 0 || (dl_tensor.strides.is_null() && dl_tensor.ndim != 0) {
            // Of a foreign producer: consumers are known who overlook the one or follow the other.
            return Ok(self.into_tensor()?.into_legacy()?.into_raw());
        }
        // The shape and the strides stay where they are, since the parcel does.
        let draft = Draft::<sys::DLManagedTensor, Self, Heap>::new(self, Heap, 0)?;
        let shaped = draft.with_dims(&[], &[])?;
        let publish = |context| sys::DLManagedTensor::fill(dl_tensor, context, Flags::NONE);
        Ok(shaped.publish(publish).as_ptr())
    }

    /// Takes back what was passed on and has not been taken.
    ///
    /// # Safety
    ///
    /// [`into_raw`](Self::into_raw), or that of a [`ManagedTensorVersioned`], has returned the pointer; nobody has called
    /// the deleter since, or does so later.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, Parcel};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_raw()?;
    /// # let Some(raw) = core::ptr::NonNull::new(raw) else { unreachable!() };
    /// // SAFETY: just passed on, to nobody.
    /// drop(unsafe { Parcel::from_raw(raw) });
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const unsafe fn from_raw(raw: NonNull<sys::DLManagedTensorVersioned>) -> Self {
        // SAFETY: the caller's promise.
        Self { handle: unsafe { Handle::new(raw) } }
    }

    /// Returns the struct, which stays this value's.
    ///
    /// # Examples
    ///
    /// ```
    /// let parcel = dlpack::Exporter::new([1_u8, 2]).into_parcel()?;
    /// // SAFETY: the parcel is alive, and nobody writes the struct.
    /// assert_eq!(unsafe { (*parcel.as_raw()).dl_tensor.ndim }, 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn as_raw(&self) -> *mut sys::DLManagedTensorVersioned {
        self.handle.as_ptr()
    }
}

/// What the struct says. Anything else is in reach of a description, which a parcel does without.
impl Parcel {
    /// Returns the dtype.
    ///
    /// # Examples
    ///
    /// ```
    /// let parcel = dlpack::Exporter::new([1_u8, 2]).into_parcel()?;
    /// assert_eq!(parcel.dtype(), dlpack::DataType::U8);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn dtype(&self) -> DataType {
        // SAFETY: the invariant.
        DataType::from(unsafe { (*self.as_raw()).dl_tensor.dtype })
    }

    /// Returns the device.
    ///
    /// # Examples
    ///
    /// ```
    /// let parcel = dlpack::Exporter::new([1_u8, 2]).into_parcel()?;
    /// assert_eq!(parcel.device(), dlpack::Device::CPU);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn device(&self) -> Device {
        // SAFETY: the invariant.
        Device::from(unsafe { (*self.as_raw()).dl_tensor.device })
    }

    /// Returns the flags.
    ///
    /// # Examples
    ///
    /// ```
    /// let parcel = dlpack::Exporter::new([1_u8, 2]).read_only().into_parcel()?;
    /// assert!(parcel.flags().is_read_only());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn flags(&self) -> Flags {
        // SAFETY: the invariant.
        Flags::from_bits(unsafe { (*self.as_raw()).flags })
    }
}

/// Forgets the description.
impl From<ManagedTensorVersioned> for Parcel {
    #[inline]
    fn from(tensor: ManagedTensorVersioned) -> Self {
        Self { handle: tensor.into_handle() }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").finish_non_exhaustive()
    }
}
