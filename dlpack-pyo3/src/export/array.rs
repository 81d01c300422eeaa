//! Arrays of NumPy, for consumers that ask for nothing else.

use core::ptr;

use dlpack::negotiate::Stream;
use dlpack::{Device, DeviceType, Error};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::class::{Export, check_device};
use super::list::made;
use super::tensor::Tensor;
use crate::import::{object, to_err, to_py_err};
use crate::protocol::device_of;
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
    let array = make(object, copy)?;
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
    make(object, None)
}

/// As [`numpy`]. A copy is refused if `copy` is false.
#[inline(never)]
fn make<'py, T: Export>(
    object: &Bound<'py, T>,
    copy: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if !is_taken_unready(T::device(object)) {
        let array = from_dlpack(object.as_any())?;
        // The object may have moved its memory to a device while it was asked.
        if !is_unready(&array)? {
            return Ok(array);
        }
    }
    from_dlpack(Bound::new(object.py(), ready_for_host(object, copy)?)?.as_any())
}

/// Returns the object's tensor, once the host may read it, or a copy in main memory.
#[cold]
#[inline(never)]
fn ready_for_host<T: Export>(
    object: &Bound<'_, T>,
    copy: Option<&Bound<'_, PyAny>>,
) -> PyResult<Tensor> {
    // Made before the wait, since the class may begin more work on it.
    let tensor = T::tensor(object)?;
    let (expected, found) = (Device::CPU, tensor.device());
    check_device(object, found)?;
    if found.canonical() == expected || has_waited(object, found)? {
        // SAFETY: the class has just made the tensor, and `as_raw` lets nobody write its struct.
        let tensor = unsafe { tensor.into_managed() }.map_err(to_py_err)?;
        let policy = T::read_only_as_legacy(object);
        return Ok(Tensor::new(tensor).ready_on(Stream::NONE).with_read_only_as_legacy(policy));
    }
    drop(tensor);
    if let Some(copy) = copy {
        if !copy.is_truthy()? {
            return Err(to_py_err(Error::CopyNeeded { expected, found }));
        }
    }
    let copy = T::copy_to(object, expected, Stream::NONE)?;
    let found = copy.device();
    if found.canonical() != expected {
        return Err(to_py_err(Error::DeviceMismatch { expected, found }));
    }
    Ok(Tensor::new(copy))
}

/// Waits for a tensor of the object that is on a device, if the class can. Refuses the tensor if the object has moved its memory meanwhile,
/// since the class may have waited for that.
fn has_waited<T: Export>(object: &Bound<'_, T>, device: Device) -> PyResult<bool> {
    let has_waited = T::wait_for_host(object)?;
    if has_waited {
        check_device(object, device)?;
    }
    Ok(has_waited)
}

/// Returns `true` for an array of NumPy in memory of a device, whose device NumPy remembers.
pub(super) fn is_unready(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let device = device_of(object(array.as_borrowed()));
    let device = device.map_err(|raised| to_err(array.py(), raised))?;
    Ok(device.is_some_and(is_taken_unready))
}

/// Returns `true` for a device whose memory NumPy takes, and reads without waiting.
fn is_taken_unready(device: Device) -> bool {
    let is_taken = device.is_host_accessible() || device.device_type == DeviceType::CUDA_MANAGED;
    is_taken && device.canonical() != Device::CPU
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
