//! A tensor that its caller owns until it is accepted.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::error::Error;
use crate::managed::{Descriptor, Handle, ManagedTensorVersioned};
use crate::sys;

/// A checked tensor that its caller owns until it is accepted.
///
/// It is the argument of [`Library::object_from_tensor`](super::Library::object_from_tensor). The standard does not say who
/// calls the deleter if that function fails, so dropping an offer leaves the tensor to the caller. Do everything that
/// may fail first, and accept last.
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
    /// 1. Points to a live, aligned struct of our major version during `'a`, for which clauses S1 to S6 hold.
    /// 2. Its ownership passes when the offer is accepted.
    /// 3. `descriptor` was made of this struct.
    raw: NonNull<sys::DLManagedTensorVersioned>,
    descriptor: Descriptor,
    caller: PhantomData<&'a ()>,
}

impl Offer<'_> {
    /// Checks a tensor. The deleter is not called on an error.
    ///
    /// # Safety
    ///
    /// Clauses S1 to S6 of [`ManagedTensorVersioned::from_raw`] hold for `raw` during the lifetime, except that ownership
    /// passes only when the offer is accepted.
    pub(super) unsafe fn from_raw(raw: *mut sys::DLManagedTensorVersioned) -> Result<Self, Error> {
        // SAFETY: clauses S1 to S6, without a transfer of ownership.
        let (raw, descriptor) = unsafe { ManagedTensorVersioned::inspect(raw) }?;
        Ok(Self { raw, descriptor, caller: PhantomData })
    }

    /// Takes ownership of the tensor. The function that accepts an offer must not fail afterwards.
    pub fn accept(self) -> ManagedTensorVersioned {
        // SAFETY: invariants 1 to 3: the struct is ours from here on, and this is its descriptor.
        unsafe { ManagedTensorVersioned::imported(Handle::new(self.raw), self.descriptor) }
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
