//! Arrays of NumPy, for consumers that ask for nothing else.

use core::ptr;

use dlpack::negotiate::Stream;
use dlpack::{Device, DeviceType, Error};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::class::Export;
use super::list::made;
use super::tensor::Tensor;
use crate::import::{object, to_err, to_py_err};
use crate::raw::{Object, Owned, ffi, make_tuple, unwind};

/// Implements `__array__`.
///
/// Without it, NumPy would make an array of one object of what it cannot read as a buffer. With it, NumPy itself says what it
/// does not take, such as memory of a device.
#[doc(hidden)]
pub fn array<'py, T: Export>(
    object: &Bound<'py, T>,
    dtype: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let is_copied = must_be_copied(object)?;
    if let Some(copy) = copy.filter(|_| is_copied) {
        if !copy.is_truthy()? {
            let (expected, found) = (Device::CPU, T::device(object));
            return Err(to_py_err(Error::CopyNeeded { expected, found }));
        }
    }
    let array = make(object, is_copied)?;
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    let keywords = unsafe { made(py, ffi::PyDict_New()) }?.cast_into::<PyDict>()?;
    if let Some(dtype) = dtype {
        keywords.set_item(intern!(py, "dtype"), dtype)?;
    }
    let function = match copy {
        Some(copy) => {
            keywords.set_item(intern!(py, "copy"), copy)?;
            intern!(py, "array")
        }
        None => intern!(py, "asarray"),
    };
    py.import(intern!(py, "numpy"))?.call_method(function, (array,), Some(&keywords))
}

/// Makes an array of the object's memory, or of a copy if the device may be at work on it.
pub(super) fn numpy<'py, T: Export>(object: &Bound<'py, T>) -> PyResult<Bound<'py, PyAny>> {
    make(object, must_be_copied(object)?)
}

#[cold]
#[inline(never)]
fn make<'py, T: Export>(object: &Bound<'py, T>, is_copied: bool) -> PyResult<Bound<'py, PyAny>> {
    if !is_copied {
        return from_dlpack(object.as_any());
    }
    let copy = T::copy_to(object, Device::CPU, Stream::NONE)?;
    let (expected, found) = (Device::CPU, copy.device());
    if found.canonical() != expected {
        return Err(to_py_err(Error::DeviceMismatch { expected, found }));
    }
    from_dlpack(Bound::new(object.py(), Tensor::new(copy))?.as_any())
}

/// Returns `true` for memory of a device that NumPy takes and reads without waiting, and for which the class cannot wait.
#[inline(never)]
fn must_be_copied<T: Export>(object: &Bound<'_, T>) -> PyResult<bool> {
    let found = T::device(object);
    let is_taken = found.is_host_accessible() || found.device_type == DeviceType::CUDA_MANAGED;
    Ok(is_taken && found.canonical() != Device::CPU && !T::wait_for_host(object)?)
}

/// Calls NumPy's `from_dlpack`.
fn from_dlpack<'py>(from: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

    let function = FUNCTION.import(from.py(), "numpy", "from_dlpack")?;
    pass_to(object(function.as_borrowed()), from)
}

/// Calls a function with the object.
pub(super) fn pass_to<'py>(
    function: Object<'_>,
    from: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, from) = (from.py(), object(from.as_borrowed()));
    let call = || {
        let arguments = make_tuple(from.attached(), &[from])?;
        // SAFETY: a live object and a tuple on an attached thread. The result is a new reference, or null with an exception
        // set.
        unsafe {
            let keywords = ptr::null_mut();
            Owned::or_raised(unwind::call(function.as_ptr(), arguments.as_ptr(), keywords))
        }
    };
    match call() {
        // SAFETY: the thread is attached, and the reference is passed on.
        Ok(array) => Ok(unsafe { Bound::from_owned_ptr(py, array.into_ptr()) }),
        Err(raised) => Err(to_err(py, raised)),
    }
}
