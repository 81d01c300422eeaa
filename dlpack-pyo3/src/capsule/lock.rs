//! Mutual exclusion of those who would take the same capsule.

use crate::raw::Object;

/// Calls a function that nobody else's critical section on the capsule overlaps with.
///
/// With a global interpreter lock, that is the lock: the functions that are called here do not release it.
#[cfg(not(Py_GIL_DISABLED))]
#[inline]
pub(super) fn locked<R>(_: Object<'_>, f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(Py_GIL_DISABLED)]
pub(super) fn locked<R>(capsule: Object<'_>, f: impl FnOnce() -> R) -> R {
    use core::mem::MaybeUninit;

    use crate::raw::ffi;

    /// Ends the section, also if the function panics.
    struct Section(MaybeUninit<ffi::PyCriticalSection>);

    impl Drop for Section {
        fn drop(&mut self) {
            // SAFETY: it was begun, and has not moved since.
            unsafe { ffi::PyCriticalSection_End(self.0.as_mut_ptr()) }
        }
    }

    let mut section = Section(MaybeUninit::zeroed());
    // SAFETY: an object on an attached thread; the section stays where it is until it is dropped.
    unsafe { ffi::PyCriticalSection_Begin(section.0.as_mut_ptr(), capsule.as_ptr()) };
    f()
}
