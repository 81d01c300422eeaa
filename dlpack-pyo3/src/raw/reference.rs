//! References that any thread may hold and give back.

use core::ptr::NonNull;

use super::attached::Attached;
use super::ffi;
use super::last::dec_ref;
use super::object::{Object, Owned};
use super::reach::reach;

/// An object that is kept alive by this value, on whichever thread it is.
///
/// Dropping it gives the reference back as [`reach`] says, or not at all when the interpreter is gone.
#[derive(Debug)]
pub(crate) struct Reference {
    /// # Invariants
    ///
    /// One reference of the object is this value's.
    raw: NonNull<ffi::PyObject>,
}

// SAFETY: the object is used on attached threads only, which is what Python asks for.
unsafe impl Send for Reference {}
// SAFETY: the same.
unsafe impl Sync for Reference {}

impl Reference {
    #[inline]
    pub(crate) fn new(object: Owned<'_>) -> Self {
        // SAFETY: an object is not null.
        Self { raw: unsafe { NonNull::new_unchecked(object.into_ptr()) } }
    }

    #[inline]
    pub(crate) const fn get<'a>(&'a self, _: Attached<'a>) -> Object<'a> {
        // SAFETY: the invariant.
        unsafe { Object::new(self.raw) }
    }
}

impl Drop for Reference {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the invariant, on an attached thread.
        reach(|_| unsafe { dec_ref(self.raw.as_ptr()) });
    }
}
