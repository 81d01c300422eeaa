//! Attaching to the interpreter from code that may run on any thread.

#[cfg(all(Py_LIMITED_API, unix))]
use core::ffi::{c_char, c_void};
#[cfg(all(Py_LIMITED_API, unix))]
use core::{mem, ptr};
#[cfg(all(Py_LIMITED_API, unix))]
use std::sync::OnceLock;

use super::attached::Attached;
use super::{ffi, unwind};

/// Calls the function on this thread, attached to the interpreter. Returns `None` if there is no interpreter to attach to.
///
/// Deleters use this, which any thread may call at any time. A thread that is already attached calls the function at once.
/// Another one waits until it is attached, as everything does that takes the global interpreter lock: a caller must not
/// hold a lock that an attached thread may wait for.
///
/// Before the interpreter starts, and from the moment in which it finalises, there is nothing to attach to. From then on a
/// thread that is already attached is still served, except with the limited API, which cannot tell whether it is. A thread
/// that is waiting to attach in that moment waits until the process ends: CPython never lets it continue, and before 3.14
/// would unwind its stack, which PyO3's declaration of `PyGILState_Ensure` prevents.
#[inline]
pub(crate) fn try_attach<R>(f: impl FnOnce(Attached<'_>) -> R) -> Option<R> {
    if is_attached() {
        // SAFETY: the thread is attached, and nothing here detaches it.
        return Some(f(unsafe { Attached::assume() }));
    }
    attach(f)
}

/// Returns `true` if this thread is attached, and `false` also if that cannot be known.
///
/// Unlike `PyGILState_Check`, this is right in the presence of sub-interpreters that share the lock. A thread of an interpreter
/// with a lock of its own is taken for attached, too. Unlike PyO3's count, this is right for threads that Python itself attached.
#[cfg(not(Py_LIMITED_API))]
#[inline]
pub(super) fn is_attached() -> bool {
    // SAFETY: both functions may be called on any thread at any time.
    unsafe {
        let current = ffi::compat::PyThreadState_GetUnchecked();
        // Before 3.12, `current` is the state of whichever thread holds the lock.
        !current.is_null() && (cfg!(Py_3_12) || current == ffi::PyGILState_GetThisThreadState())
    }
}

#[cfg(Py_LIMITED_API)]
#[inline]
pub(super) const fn is_attached() -> bool {
    false
}

/// As [`is_attached`], with the limited API also `true` for an attached thread where the system finds a function that is not part of it.
#[inline]
pub(super) fn is_known_to_be_attached() -> bool {
    #[cfg(not(all(Py_LIMITED_API, unix)))]
    return is_attached();
    #[cfg(all(Py_LIMITED_API, unix))]
    current().is_some_and(|current| {
        // SAFETY: both functions may be called on any thread at any time.
        unsafe {
            let current = current();
            // Before 3.12, `current` is the state of whichever thread holds the lock.
            !current.is_null() && current == ffi::PyGILState_GetThisThreadState()
        }
    })
}

#[cfg(all(Py_LIMITED_API, unix))]
type Current = unsafe extern "C" fn() -> *mut ffi::PyThreadState;

/// Returns a function of CPython that the limited API leaves out, if there is one. It returns the state of the thread, or null.
#[cfg(all(Py_LIMITED_API, unix))]
fn current() -> Option<Current> {
    unsafe extern "C" {
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    /// Where the functions of the limited API are found.
    const DEFAULT: usize =
        if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { usize::MAX - 1 };

    static FOUND: OnceLock<Option<Current>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // The first one is there from 3.13 on, and the second one up to 3.12.
        [c"PyThreadState_GetUnchecked", c"_PyThreadState_UncheckedGet"].iter().find_map(|name| {
            // SAFETY: a name that ends in NUL, and what stands for all libraries. CPython's functions of these names have this type, and
            // a pointer is null or one of the two.
            unsafe {
                let found = dlsym(ptr::without_provenance_mut(DEFAULT), name.as_ptr());
                mem::transmute::<*mut c_void, Option<Current>>(found)
            }
        })
    })
}

#[cold]
fn attach<R>(f: impl FnOnce(Attached<'_>) -> R) -> Option<R> {
    if !is_running() {
        return None;
    }
    // SAFETY: the interpreter runs. Calls may be nested. The thread is attached until the guard is dropped.
    unsafe {
        let _guard = AttachGuard(ffi::PyGILState_Ensure());
        Some(f(Attached::assume()))
    }
}

/// Returns `true` if there is an interpreter that does not finalise.
pub(super) fn is_running() -> bool {
    // SAFETY: both functions may be called on any thread at any time.
    unsafe {
        #[cfg(Py_3_13)]
        if ffi::Py_IsFinalizing() != 0 {
            return false;
        }
        // Before 3.13, an interpreter that finalises reports that it is not initialised.
        ffi::Py_IsInitialized() != 0
    }
}

/// Returns `true` while PyO3 calls a `__traverse__` on this thread. The garbage collector goes from object to object then, so that
/// none may end. Once the interpreter finalises, PyO3 does not tell, and this is `false`.
pub(super) fn is_in_traverse(_: Attached<'_>) -> bool {
    pyo3::Python::try_attach(|_| ()).is_none() && is_running()
}

/// Reverts `PyGILState_Ensure`, also if the function panics.
struct AttachGuard(ffi::PyGILState_STATE);

impl Drop for AttachGuard {
    fn drop(&mut self) {
        // SAFETY: `attach` got this state on the same thread.
        unsafe { unwind::release_lock(self.0) }
    }
}
