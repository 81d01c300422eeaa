//! The owner of a C struct without its metadata.

use core::fmt;
use core::ptr::NonNull;

use super::abi::Abi;
use super::handle::Handle;
use super::tensor::Managed;
use crate::error::Error;
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags};

/// Owns a tensor that is ready for a consumer, and whose metadata nobody in Rust needs.
///
/// Producers answer with it: making one takes less than half of what [`Managed`] takes, since nothing is described.
/// Its elements, shape and strides cannot be looked at; it is passed on with [`into_raw`](Self::into_raw) or dropped, which
/// runs the deleter. Storage
/// types that keep a description of their own hold it to keep the memory alive.
///
/// | I have | I want an opaque tensor |
/// |---|---|
/// | an owner of memory | [`Exporter::into_opaque`](crate::Exporter::into_opaque) |
/// | a tensor for one consumer | [`Managed::into_opaque`]; of a `Frozen` or `Exclusive` one after `into_inner` |
/// | a tensor for several consumers | [`Managed::share_opaque`](crate::Managed::share_opaque) |
///
/// A [`Managed`] tensor that an exporter built goes to C by [`Managed::into_raw`] or by `into_opaque()?.into_raw()`, which are
/// the same for it. One that was imported goes by `into_opaque()?.into_raw()`, whose struct holds the contract of import.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, ManagedTensorVersioned, OpaqueTensor};
///
/// /// The answer of a producer's C function.
/// fn answer(tensor: Result<OpaqueTensor, dlpack::Error>) -> *mut dlpack::sys::DLManagedTensorVersioned {
///     tensor.map_or(core::ptr::null_mut(), OpaqueTensor::into_raw)
/// }
///
/// let raw = answer(Ok(Exporter::new(vec![1.0_f32, 2.0]).into_opaque()?));
/// // SAFETY: an opaque tensor holds the contract.
/// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[must_use = "the deleter runs when this is dropped"]
pub struct OpaqueTensor<A: Abi = sys::DLManagedTensorVersioned> {
    /// # Invariants
    ///
    /// 1. The handle owns a live, aligned struct of our major version, for which clauses S1, S3, S5 and S6 of the import
    ///    contract hold.
    /// 2. Clause S4 holds for it, not only for one call but until the deleter runs.
    handle: Handle<A>,
}

impl<A: Abi> OpaqueTensor<A> {
    /// # Safety
    ///
    /// The handle holds the invariants of [`OpaqueTensor`].
    #[inline(always)]
    pub(crate) const unsafe fn new(handle: Handle<A>) -> Self {
        Self { handle }
    }

    /// Takes over a struct whose shape and strides last as long as it does.
    ///
    /// This is how to pass a producer's own struct on, which [`Managed::into_opaque`] puts under a header of ours.
    ///
    /// # Safety
    ///
    /// The contract of [`Managed::from_raw`] holds for `raw`, which is aligned; its major version is 1; and clause **S4** holds
    /// until the deleter is called: `shape` and `strides` can be read for `ndim` numbers, and nobody writes them.
    #[inline]
    pub const unsafe fn from_raw(raw: NonNull<A>) -> Self {
        // SAFETY: the contract is that of the invariants.
        Self { handle: unsafe { Handle::new(raw) } }
    }

    /// Passes the tensor on to a consumer, which must call its deleter.
    ///
    /// The struct holds the contract of [`Managed::from_raw`], and its shape and strides stay valid until the deleter
    /// runs.
    #[inline]
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut A {
        self.handle.into_raw()
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn into_handle(self) -> Handle<A> {
        self.handle
    }

    /// Returns a pointer to the struct, which stays owned by this value.
    ///
    /// Neither the struct nor its shape and strides may be written through it.
    #[inline]
    #[must_use]
    pub const fn as_raw(&self) -> *mut A {
        self.handle.as_ptr()
    }

    /// Returns the dtype that the struct names.
    #[inline]
    pub fn dtype(&self) -> DataType {
        // SAFETY: invariant 1: the struct is live, and this is a field of it.
        DataType::from(unsafe { (*A::dl_tensor(self.as_raw())).dtype })
    }

    /// Returns the device that the struct names.
    #[inline]
    pub fn device(&self) -> Device {
        // SAFETY: invariant 1: the struct is live, and this is a field of it.
        Device::from(unsafe { (*A::dl_tensor(self.as_raw())).device })
    }

    /// Returns the flags of the struct. A legacy tensor has none.
    #[inline]
    pub fn flags(&self) -> Flags {
        // SAFETY: invariant 1: the struct is live and aligned, and its version is ours.
        unsafe { A::header(self.as_raw()) }.flags
    }

    /// Imports the tensor, for use in Rust.
    ///
    /// # Errors
    ///
    /// As for [`Managed::from_raw`]; the deleter has been called.
    ///
    /// # Safety
    ///
    /// Nobody has written the struct or its shape and strides, such as through [`as_raw`](Self::as_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// let opaque = dlpack::Exporter::new([1_u8, 2]).into_opaque()?;
    /// // SAFETY: nobody has seen the struct.
    /// let tensor = unsafe { opaque.into_managed() }?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn into_managed(self) -> Result<Managed<A>, Error> {
        // SAFETY: the invariants are the contract, and the caller knows that they still hold.
        unsafe { Managed::from_raw(self.into_raw()) }
    }
}

impl<A: Abi> fmt::Debug for OpaqueTensor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueTensor").finish_non_exhaustive()
    }
}
