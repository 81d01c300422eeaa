//! Calls `__dlpack__`.

use dlpack::AnyManagedTensor;

use crate::capsule;
use crate::raw::{Object, Owned, Raised, ffi, names};

/// Asks an object for its tensor.
pub(crate) fn ask(object: Object<'_>) -> Result<AnyManagedTensor, Raised> {
    let method = object.attr(&names::DLPACK)?;
    // SAFETY: a callable object on an attached thread.
    let capsule = unsafe { ffi::PyObject_CallNoArgs(method.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    let capsule = unsafe { Owned::or_raised(capsule) }?;
    capsule::take(capsule.borrow())
}
