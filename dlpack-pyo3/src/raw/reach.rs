//! The way to the interpreter for code that may run anywhere.

use super::attached::Attached;
use super::ffi;

/// Calls the function on this thread, attached to the interpreter; or not at all where there is none to attach to.
///
/// For deleters and the like, which any thread may call at any time. A thread that is attached already goes on as it is.
/// Another one waits until it is attached, as with all that takes the global interpreter lock: whoever holds a lock that
/// attached threads wait for must not come here.
///
/// There is nothing to attach to before the interpreter starts, and from the moment on in which it finalises. Then a thread
/// that is attached already is still served, but not with the limited API, in which nobody can tell. A thread that
/// already waits in that moment waits for ever, until the process ends: CPython lets it go nowhere, and before 3.14 would end
/// it under the feet of its callers, which PyO3's declaration of `PyGILState_Ensure` prevents.
#[inline]
pub(crate) fn reach<R>(f: impl FnOnce(Attached<'_>) -> R) -> Option<R> {
    if is_attached() {
        // SAFETY: just seen, and nothing here ends it.
        return Some(f(unsafe { Attached::assume() }));
    }
    attach(f)
}

/// Whether this thread is attached. `false` also if that cannot be known.
///
/// Unlike `PyGILState_Check`, this is right even when there are sub-interpreters; and unlike PyO3's count, for threads
/// that Python itself attached.
#[cfg(not(Py_LIMITED_API))]
#[inline]
fn is_attached() -> bool {
    // SAFETY: may be called on any thread at any time.
    let current = unsafe { ffi::compat::PyThreadState_GetUnchecked() };
    if current.is_null() {
        return false;
    }
    // Before 3.12 that is the state of whichever thread holds the lock.
    // SAFETY: may be called on any thread at any time.
    cfg!(Py_3_12) || current == unsafe { ffi::PyGILState_GetThisThreadState() }
}

#[cfg(Py_LIMITED_API)]
#[inline]
const fn is_attached() -> bool {
    false
}

#[cold]
fn attach<R>(f: impl FnOnce(Attached<'_>) -> R) -> Option<R> {
    if !is_running() {
        return None;
    }
    // SAFETY: the interpreter runs. This may be nested.
    let _guard = Guard(unsafe { ffi::PyGILState_Ensure() });
    // SAFETY: the thread is attached until the guard is dropped.
    Some(f(unsafe { Attached::assume() }))
}

/// Whether there is an interpreter, and it does not finalise.
fn is_running() -> bool {
    // SAFETY: may be called on any thread at any time.
    let is_initialized = unsafe { ffi::Py_IsInitialized() } != 0;
    #[cfg(Py_3_13)]
    {
        // SAFETY: may be called on any thread at any time.
        is_initialized && unsafe { ffi::Py_IsFinalizing() } == 0
    }
    // Before 3.13, an interpreter that finalises says that it is not initialised.
    #[cfg(not(Py_3_13))]
    is_initialized
}

/// Ends what `PyGILState_Ensure` began, also if the function panics.
struct Guard(ffi::PyGILState_STATE);

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: what the call in `attach` returned, on the same thread.
        unsafe { ffi::PyGILState_Release(self.0) }
    }
}
