//! Between PyO3 and the rooms that do not know it.

use core::ptr::NonNull;

use pyo3::{Borrowed, PyAny, PyErr, Python};

use crate::raw::{Attached, Object, Raised};

/// What PyO3 knows of this thread.
#[inline]
pub(crate) fn attached(_: Python<'_>) -> Attached<'_> {
    // SAFETY: that is what a `Python` means.
    unsafe { Attached::assume() }
}

#[inline]
pub(crate) fn object<'a>(object: Borrowed<'a, '_, PyAny>) -> Object<'a> {
    // SAFETY: an object.
    let raw = unsafe { NonNull::new_unchecked(object.as_ptr()) };
    // SAFETY: it is borrowed for `'a`, on a thread that is attached for longer.
    unsafe { Object::new(raw) }
}

/// Takes the exception that is set.
#[cold]
pub(crate) fn to_err(py: Python<'_>, _: Raised) -> PyErr {
    PyErr::fetch(py)
}

/// That the thread is attached, for PyO3.
#[inline]
pub(crate) fn python(_: Attached<'_>) -> Python<'_> {
    // SAFETY: that is what `Attached` means.
    unsafe { Python::assume_attached() }
}

/// Sets the exception.
#[cold]
pub(crate) fn restore(py: Python<'_>, error: PyErr) -> Raised {
    error.restore(py);
    Raised::new()
}
