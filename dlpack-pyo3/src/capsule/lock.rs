//! Mutual exclusion of threads that take the same capsule.

use crate::raw::Object;

/// Calls a function in a critical section of the capsule.
///
/// With a global interpreter lock, that lock is enough: the functions that are called here do not release it.
#[cfg(not(Py_GIL_DISABLED))]
#[inline]
pub(super) fn locked<R>(_: Object<'_>, f: impl FnOnce() -> R) -> R {
    f()
}

/// Calls a function in a critical section of the capsule.
///
/// Threads that take a capsule in its critical section, as all users of this crate do, come one after the other. A library
/// that uses no such section is not kept out, and no order of calls could do that: the C API can compare a capsule's name
/// and can change it, but not both at once. If such a library comes between the two, the tensor has two owners. Whoever
/// shares one capsule among threads and libraries must prevent that.
#[cfg(Py_GIL_DISABLED)]
pub(super) fn locked<R>(capsule: Object<'_>, f: impl FnOnce() -> R) -> R {
    use core::mem::MaybeUninit;

    use crate::raw::{ffi, unwind};

    /// Ends the section, also if the function panics.
    struct Section(MaybeUninit<ffi::PyCriticalSection>);

    impl Drop for Section {
        fn drop(&mut self) {
            // SAFETY: the section has begun, and has not moved since.
            unsafe { unwind::end_section(self.0.as_mut_ptr()) }
        }
    }

    let mut section = Section(MaybeUninit::zeroed());
    // SAFETY: a live object on an attached thread. The section stays where it is until it is dropped.
    unsafe { unwind::begin_section(section.0.as_mut_ptr(), capsule.as_ptr()) };
    f()
}
