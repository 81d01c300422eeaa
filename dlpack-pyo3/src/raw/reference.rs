//! References to Python objects that any thread may hold and drop.

use core::ptr::NonNull;

use super::attach::try_attach;
use super::attached::Attached;
use super::ffi;
use super::object::{Object, Owned};
use super::unwind::dec_ref;

/// An object that this value keeps alive on any thread.
///
/// Dropping it gives the reference back as [`try_attach`] allows, or leaks it when the interpreter is gone.
#[derive(Debug)]
pub(crate) struct Reference {
    /// # Invariants
    ///
    /// This value owns one reference of the object.
    raw: NonNull<ffi::PyObject>,
}

// SAFETY: the object is used on attached threads only, which is all that Python asks for.
unsafe impl Send for Reference {}
// SAFETY: as for `Send`.
unsafe impl Sync for Reference {}

impl Reference {
    #[inline]
    pub(crate) fn new(object: Owned<'_>) -> Self {
        // SAFETY: an object is not null.
        Self { raw: unsafe { NonNull::new_unchecked(object.into_ptr()) } }
    }

    #[inline]
    pub(crate) const fn get<'a>(&'a self, _: Attached<'a>) -> Object<'a> {
        // SAFETY: by the invariant of `raw` the object lives as long as this value; the thread is attached.
        unsafe { Object::new(self.raw) }
    }
}

impl Drop for Reference {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the invariant of `raw`; the thread is attached.
        try_attach(|_| unsafe { dec_ref(self.raw.as_ptr()) });
    }
}
