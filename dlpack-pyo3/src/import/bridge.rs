//! Conversions between PyO3's types and those of [`raw`](crate::raw).

use core::ptr::NonNull;

use pyo3::exceptions::PySystemError;
use pyo3::{Borrowed, PyAny, PyErr, Python};

use crate::raw::{Attached, Object, Raised};

#[inline]
pub(crate) fn attached(_: Python<'_>) -> Attached<'_> {
    // SAFETY: a `Python` proves that the thread is attached for its lifetime.
    unsafe { Attached::assume() }
}

#[inline]
pub(crate) fn python(_: Attached<'_>) -> Python<'_> {
    // SAFETY: an `Attached` proves that the thread is attached for its lifetime.
    unsafe { Python::assume_attached() }
}

#[inline]
pub(crate) fn object<'a>(object: Borrowed<'a, '_, PyAny>) -> Object<'a> {
    // SAFETY: an object is not null. It is borrowed for `'a`, on a thread that is attached for longer.
    unsafe { Object::new(NonNull::new_unchecked(object.as_ptr())) }
}

/// Takes the exception that is set. It may be lost all the same, if the destructor of an object has run Python code meanwhile.
#[cold]
pub(crate) fn to_err(py: Python<'_>, _: Raised) -> PyErr {
    PyErr::take(py).unwrap_or_else(|| PySystemError::new_err("an exception was lost"))
}

/// Sets the exception.
///
/// Where PyO3's count does not say that the thread is attached, PyO3 would keep references of the exception until later.
#[cold]
pub(crate) fn restore(_: Python<'_>, error: PyErr) -> Raised {
    // SAFETY: attaching succeeds, since the thread is attached.
    unsafe { Python::attach_unchecked(|py| error.restore(py)) };
    Raised::new()
}
