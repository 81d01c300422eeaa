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

/// Without one, those who take a capsule in a critical section of it, as all do that use this crate, come one after the other.
/// A library that takes it in no such section is not kept out, and no order of calls would do that: the C API can compare a
/// capsule's name and it can change it, but not both at once. What such a library finds between the two is a tensor with two
/// owners. It is up to those who share one capsule among threads and libraries.
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
