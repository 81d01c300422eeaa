//! Python objects that are made once.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::attached::Attached;
use super::ffi;
use super::object::{Object, Owned};
use super::raise::Raised;

/// An object that is made on first use and kept for the rest of the process.
#[derive(Debug)]
pub(crate) struct OnceObject {
    /// # Invariants
    ///
    /// Null, or an object of which one reference is never given back.
    object: AtomicPtr<ffi::PyObject>,
}

impl OnceObject {
    pub(crate) const fn new() -> Self {
        Self { object: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    pub(crate) fn get<'py>(
        &self,
        _: Attached<'py>,
        make: impl FnOnce() -> Result<Owned<'py>, Raised>,
    ) -> Result<Object<'py>, Raised> {
        match NonNull::new(self.object.load(Ordering::Acquire)) {
            // SAFETY: by the invariant of `object` it lives on; `Attached` proves the rest.
            Some(object) => Ok(unsafe { Object::new(object) }),
            None => Ok(self.keep(make()?)),
        }
    }

    /// Keeps the object, unless another thread was first.
    #[cold]
    fn keep<'py>(&self, made: Owned<'py>) -> Object<'py> {
        let null = ptr::null_mut();
        let stored =
            self.object.compare_exchange(null, made.as_ptr(), Ordering::AcqRel, Ordering::Acquire);
        let kept = match stored {
            Ok(_) => made.into_ptr(),
            Err(kept) => kept,
        };
        // SAFETY: an object was stored, here or before, and lives on by the invariant of `object`. The thread is attached,
        // since `made` was made on it.
        unsafe { Object::new(NonNull::new_unchecked(kept)) }
    }
}
