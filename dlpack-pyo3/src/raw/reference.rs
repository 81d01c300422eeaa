//! References to Python objects that any thread may hold and drop.

use core::ptr::NonNull;

use super::attach::try_attach;
use super::attached::Attached;
use super::ffi;
use super::give_back::give_back;
use super::object::{Object, Owned};

/// An object that this value keeps alive on any thread, by so many references.
///
/// Dropping it gives the references back as [`try_attach`] allows, or leaks them when the interpreter is gone.
#[derive(Debug)]
pub(crate) struct Reference<const COUNT: usize = 1> {
    /// # Invariants
    ///
    /// This value owns `COUNT` references of the object, and that is not 0.
    raw: NonNull<ffi::PyObject>,
}

// SAFETY: the object is used on attached threads only, which is all that Python asks for.
unsafe impl<const COUNT: usize> Send for Reference<COUNT> {}
// SAFETY: as for `Send`.
unsafe impl<const COUNT: usize> Sync for Reference<COUNT> {}

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

    /// Returns `true` if both are references to the same object.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<const COUNT: usize> Reference<COUNT> {
    #[inline]
    pub(crate) fn of(object: Object<'_>) -> Self {
        const { assert!(COUNT > 0) };
        for _ in 0..COUNT {
            // SAFETY: a live object on an attached thread.
            unsafe { ffi::Py_INCREF(object.as_ptr()) };
        }
        // SAFETY: an object is not null.
        Self { raw: unsafe { NonNull::new_unchecked(object.as_ptr()) } }
    }
}

impl<const COUNT: usize> Drop for Reference<COUNT> {
    #[inline]
    fn drop(&mut self) {
        try_attach(|py| {
            for _ in 1..COUNT {
                // SAFETY: the invariant of `raw`; the thread is attached. This is not the last reference.
                unsafe { ffi::Py_DECREF(self.raw.as_ptr()) };
            }
            // SAFETY: the invariant of `raw`.
            unsafe { give_back(py, self.raw.as_ptr()) };
        });
    }
}
