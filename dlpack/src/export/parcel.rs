//! A tensor on its way to a consumer.

use core::fmt;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use super::{
    block::{Draft, Exported},
    place::Heap,
    record,
};
use crate::error::{Error, Rejected};
use crate::managed::{Handle, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags};

/// A tensor on its way to a consumer: owned, but without the description that Rust has of other tensors.
///
/// For producers that only hand a tensor on: what is not described costs less than half to make. Dropping it calls the
/// deleter; [`into_raw`](Self::into_raw) passes it on.
///
/// Shape and strides of its struct hold until the deleter runs, so that any consumer may read them when it likes.
///
/// | I have | I want a parcel |
/// |---|---|
/// | an owner | [`Exporter::into_parcel`](crate::Exporter::into_parcel) |
/// | a tensor for one consumer | [`ManagedTensorVersioned::into_parcel`] |
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
    /// 1. The struct is live, aligned and of our major version; clauses S1, S3, S5 and S6 of the import contract hold
    ///    for it, and clause S4 not only for one call but until the deleter runs.
    /// 2. No safe function reads its shape or strides: a consumer may have them by [`as_raw`](Self::as_raw).
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

    /// Describes the tensor, for use in Rust: a new import.
    ///
    /// # Errors
    ///
    /// Those of [`ManagedTensorVersioned::from_raw`]; the deleter has been called.
    ///
    /// # Safety
    ///
    /// Since the parcel was made, nobody has written its struct, shape or strides.
    ///
    /// # Examples
    ///
    /// ```
    /// let parcel = dlpack::Exporter::new([1_u8, 2]).into_parcel()?;
    /// // SAFETY: nobody else has seen the parcel.
    /// assert_eq!(unsafe { parcel.into_tensor() }?.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn into_tensor(self) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: invariant 1, of which clause S4 holds as long as the struct; the caller's promise says that it is as it
        // was.
        unsafe { ManagedTensorVersioned::from_raw(self.into_raw()) }
    }

    /// Passes the tensor on to a consumer that knows only the legacy ABI, and who must call its deleter.
    ///
    /// One allocation, no copy. Shape and strides stay where they are. A byte offset becomes part of the address, since
    /// consumers are known who overlook it.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if that ABI cannot say what the flags do,
    /// or [`Error::AllocationFailed`]. The deleter has been called.
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
        let device = self.device();
        // SAFETY: invariant 1. A copy of the fields; what they point to is not read.
        let mut dl_tensor = unsafe { (*self.as_raw()).dl_tensor };
        (dl_tensor.data, dl_tensor.byte_offset) =
            record::folded(dl_tensor.data, dl_tensor.byte_offset, device);
        let draft = Draft::<sys::DLManagedTensor, Unnamed, Heap>::new(Unnamed(self), Heap, 0)?;
        let shaped = draft.with_dims(&[], &[])?;
        let publish = |context| sys::DLManagedTensor::fill(dl_tensor, context, Flags::NONE);
        Ok(shaped.publish(publish).as_ptr())
    }

    /// Makes a parcel of a producer's own struct, or takes back what was passed on and has not been taken.
    ///
    /// To pass a tensor on that came in by [`ManagedTensorVersioned::from_raw`], use
    /// [`into_parcel`](ManagedTensorVersioned::into_parcel), which asks for no promise.
    ///
    /// # Safety
    ///
    /// - The struct is aligned and of major version 1, and clauses S1, S3, S5 and S6 of
    ///   [`ManagedTensorVersioned::from_raw`] hold for it.
    /// - Until the deleter runs, `shape` and `strides`, if not null, can be read for `ndim` numbers and are not written.
    ///
    /// Both hold for what [`into_raw`](Self::into_raw) has returned, as long as nobody has called the deleter or written
    /// the struct, the shape or the strides.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, Parcel};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_raw()?;
    /// # let Some(raw) = core::ptr::NonNull::new(raw) else { unreachable!() };
    /// // SAFETY: a struct of this crate, passed on to nobody.
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
    /// Nobody may write the struct or its shape and strides through the pointer.
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

impl ManagedTensorVersioned {
    /// Makes the tensor ready to be passed on, without a description.
    ///
    /// Costs nothing for a tensor that this crate has made. One that came in gets a new struct with the description that
    /// was checked, since clause S4 of [`from_raw`](Self::from_raw) has granted its own shape and strides during that call
    /// only: one allocation, no copy of elements. `READ_ONLY`, `IS_COPIED` and `IS_SUBBYTE_TYPE_PADDED` are passed on.
    ///
    /// # Errors
    ///
    /// Hands the tensor back with [`Error::AllocationFailed`]; so it is without the feature `alloc` for every tensor
    /// that came in.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// # let raw = Exporter::new([1_u8, 2]).into_raw()?;
    /// // SAFETY: the producer passes the tensor on, and keeps to the standard.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// let parcel = tensor.into_parcel()?;
    /// assert_eq!(parcel.dtype(), dlpack::DataType::U8);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_parcel(self) -> Result<Parcel, Rejected<Self>> {
        let tensor = self.into_lasting()?;
        // Invariant 1 of a parcel is that of the tensor, with number 3 for clause S4.
        Ok(Parcel { handle: tensor.into_handle() })
    }
}

impl ManagedTensor {
    /// Returns a struct whose arrays hold until its deleter runs.
    pub(crate) fn into_lasting_raw(self) -> Result<*mut sys::DLManagedTensor, Error> {
        Ok(self.into_lasting()?.into_raw())
    }
}

/// Without a heap there is no room for a new struct.
#[cfg(not(feature = "alloc"))]
macro_rules! lasting_or_nothing {
    ($($tensor:ty),*) => {$(
        impl $tensor {
            fn into_lasting(self) -> Result<Self, Rejected<Self>> {
                if self.is_lasting() {
                    Ok(self)
                } else {
                    Err(Rejected::new(self, Error::AllocationFailed))
                }
            }
        }
    )*};
}

#[cfg(not(feature = "alloc"))]
lasting_or_nothing!(ManagedTensor, ManagedTensorVersioned);

/// A parcel whose shape and strides a legacy consumer has, too, and may write: nobody can name this type to `downcast` to
/// it and get the parcel back.
#[cfg(feature = "alloc")]
struct Unnamed(#[expect(dead_code, reason = "to be dropped")] Parcel);

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").finish_non_exhaustive()
    }
}
