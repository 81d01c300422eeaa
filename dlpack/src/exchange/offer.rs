//! A tensor that a caller offers, and that stays the caller's until it is taken.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::error::Error;
use crate::managed::{Descriptor, Handle, ManagedTensorVersioned};
use crate::sys;

/// A checked tensor that its caller still owns, and that can be accepted.
///
/// [`Library::object_from_tensor`](super::Library::object_from_tensor) gets one. The standard does not say who calls
/// the deleter if that function fails, so an offer that is dropped leaves the tensor alone: make everything that may
/// fail first, and accept last.
///
/// # Examples
///
/// ```
/// use core::{ffi::c_void, ptr::NonNull};
/// use dlpack::{Error, ManagedTensorVersioned, exchange::Offer};
///
/// fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Error> {
///     if offer.ndim() > 2 {
///         return Err(Error::NdimMismatch { expected: 2, found: offer.ndim() });
///     }
///     let object: Box<ManagedTensorVersioned> = Box::new(offer.accept());
///     NonNull::new(Box::into_raw(object).cast()).ok_or(Error::NullObject)
/// }
/// ```
pub struct Offer<'a> {
    /// # Invariants
    ///
    /// 1. Points to a live, aligned struct of our major version, for as long as `'a`.
    /// 2. The caller passes it on when it is accepted.
    /// 3. `descriptor` is what it says.
    raw: NonNull<sys::DLManagedTensorVersioned>,
    descriptor: Descriptor,
    caller: PhantomData<&'a ()>,
}

impl Offer<'_> {
    /// Checks a tensor, whose deleter is not called on any error.
    ///
    /// # Safety
    ///
    /// `raw` is as for [`ManagedTensorVersioned::from_raw`], but that its ownership passes only when the offer is
    /// accepted. It stays valid for the lifetime.
    pub(super) unsafe fn from_raw(raw: *mut sys::DLManagedTensorVersioned) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        let (raw, descriptor) = unsafe { ManagedTensorVersioned::inspect(raw) }?;
        Ok(Self { raw, descriptor, caller: PhantomData })
    }

    /// Takes the tensor over.
    ///
    /// From here on its deleter is the library's to call, so that nothing may fail any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::Offer;
    ///
    /// fn keep(offer: Offer<'_>, kept: &mut Vec<dlpack::ManagedTensorVersioned>) {
    ///     kept.push(offer.accept());
    /// }
    /// ```
    pub fn accept(self) -> ManagedTensorVersioned {
        // SAFETY: invariants 1 and 2.
        let handle = unsafe { Handle::new(self.raw) };
        // SAFETY: invariants 1 and 3.
        unsafe { ManagedTensorVersioned::imported(handle, self.descriptor) }
    }
}

impl Deref for Offer<'_> {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl fmt::Debug for Offer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
