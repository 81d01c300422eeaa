//! The border between C and the methods of a class: what C calls neither unwinds nor surprises PyO3.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::ptr;
use std::panic::catch_unwind;

use pyo3::panic::PanicException;
use pyo3::{PyErr, Python};

use super::source::Export;
use crate::import::python;
use crate::raw::{Attached, Owned, Raised, ffi};

/// Answers CPython: null for an exception that is set, and for a panic, which becomes one.
#[inline]
pub(super) fn guarded<T: Export>(
    thread: Attached<'_>,
    call: impl for<'py> FnOnce(Python<'py>) -> Result<Owned<'py>, Raised>,
) -> *mut ffi::PyObject {
    let call = |py: Python<'_>| call(py).map_or(ptr::null_mut(), |answer| answer.into_ptr());
    contained(|| entered::<T, _>(thread, call)).unwrap_or_else(|exception| {
        exception.restore(python(thread));
        ptr::null_mut()
    })
}

/// Runs the call, and makes a panic the exception that PyO3 makes of those in its own methods.
#[inline]
fn contained<R>(call: impl FnOnce() -> R) -> Result<R, PyErr> {
    // What a panic has left half done is the class's, whose methods panic just so when PyO3 calls them.
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| panicked(&*payload))
}

#[cold]
fn panicked(payload: &(dyn Any + Send)) -> PyErr {
    let text = if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = payload.downcast_ref::<&str>() {
        String::from(*text)
    } else {
        String::from("panic from Rust code")
    };
    PanicException::new_err((text,))
}

/// Runs methods of the class, and before that tells PyO3 that the thread is attached, if they need that.
#[inline]
pub(super) fn entered<T: Export, R>(
    thread: Attached<'_>,
    call: impl for<'py> FnOnce(Python<'py>) -> R,
) -> R {
    if T::NEEDS_PYO3 {
        // SAFETY: attaching succeeds where the thread is attached already.
        unsafe { Python::attach_unchecked(call) }
    } else {
        call(python(thread))
    }
}
