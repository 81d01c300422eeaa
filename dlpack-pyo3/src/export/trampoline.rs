//! What C calls: functions that neither unwind into C nor use PyO3 on a thread that PyO3 takes for detached.

use alloc::boxed::Box;
use alloc::string::String;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::ptr;
use std::panic::catch_unwind;

use pyo3::panic::PanicException;
use pyo3::{PyErr, Python};

use super::class::Export;
use crate::import::{Text, python, restore};
use crate::raw::{Attached, Owned, Raised, ffi};

/// Calls a function for CPython. Returns null with an exception set if the function fails or panics.
#[inline]
pub(super) fn trampoline<T: Export>(
    thread: Attached<'_>,
    call: impl for<'py> FnOnce(Python<'py>) -> Result<Owned<'py>, Raised>,
) -> *mut ffi::PyObject {
    let call = |py: Python<'_>| call(py).map_or(ptr::null_mut(), |answer| answer.into_ptr());
    catch(|| with_pyo3::<T, _>(thread, call)).unwrap_or_else(|payload| {
        let _ = restore(python(thread), panicked(payload));
        ptr::null_mut()
    })
}

/// What a panic has passed to those who catch it.
pub(super) type Payload = Box<dyn Any + Send>;

/// Calls a function, and returns what a panic in it passes on. Whoever gets that [discards](discard) it.
#[inline]
pub(super) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Payload> {
    // What a panic leaves half done belongs to the class, whose methods panic in the same way when PyO3 calls them.
    catch_unwind(AssertUnwindSafe(call))
}

/// Drops what a panic has passed on, which is a value of any type: dropping it may panic again.
#[cold]
pub(super) fn discard(payload: Payload) {
    // What a second panic passes on is leaked, so that there is an end.
    if let Err(second) = catch(|| drop(payload)) {
        mem::forget(second);
    }
}

/// Makes the exception that PyO3 makes of a panic in its own methods.
#[cold]
pub(super) fn panicked(payload: Payload) -> PyErr {
    let text = if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = payload.downcast_ref::<&str>() {
        String::from(*text)
    } else {
        String::from("panic from Rust code")
    };
    discard(payload);
    PanicException::new_err(Text(text))
}

/// Calls a function, after telling PyO3 that the thread is attached if the class needs that.
#[inline]
pub(super) fn with_pyo3<T: Export, R>(
    thread: Attached<'_>,
    call: impl for<'py> FnOnce(Python<'py>) -> R,
) -> R {
    if T::NEEDS_PYO3 {
        // SAFETY: attaching succeeds, since the thread is attached.
        unsafe { Python::attach_unchecked(call) }
    } else {
        call(python(thread))
    }
}
