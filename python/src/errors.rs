//! The exceptions of the package.
//!
//! `dlpack/_errors.py` defines them, so that Python finds them by name and can pickle them. One of them comes from
//! `dlpack-pyo3`, which raises it in the answers to `__dlpack__`.

use core::ptr;

use dlpack_pyo3::dlpack::{Device, Error};
use dlpack_pyo3::to_py_err;
use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

pyo3::import_exception!(dlpack._errors, DTypeError);
pyo3::import_exception!(dlpack._errors, LayoutError);
pyo3::import_exception!(dlpack._errors, DeviceError);
pyo3::import_exception!(dlpack._errors, ReadOnlyError);
pyo3::import_exception!(dlpack._errors, NotATensorError);

/// Returns the class `CopyError` of `dlpack-pyo3`, after giving it the name by which Python finds it in this package.
pub(crate) fn copy_error(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let class = to_py_err(Error::Copied).get_type(py);
    class.setattr("__module__", "dlpack")?;
    // By its name, it is pickled like any other class.
    if class.hasattr("__reduce__")? {
        class.delattr("__reduce__").ok();
    }
    class
        .setattr("__doc__", "A copy is needed and was forbidden, or was made and was forbidden.")?;
    Ok(class)
}

/// Makes the exception for an error about a tensor that is already in this package.
pub(crate) fn raise(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let text = error.to_string();
    match error {
        Error::InvalidDType { .. } | Error::NotWholeBytes { .. } => DTypeError::new_err(text),
        Error::DeviceMismatch { .. } | Error::CopyUnsupported { .. } => DeviceError::new_err(text),
        Error::ReadOnly | Error::WritabilityUnknown => ReadOnlyError::new_err(text),
        Error::NullData
        | Error::AddressOverflow
        | Error::ExtentOverflow
        | Error::ShapeOverflow
        | Error::OutOfBounds { .. }
        | Error::TooManyAxes { .. }
        | Error::StridesLenMismatch { .. }
        | Error::NegativeSize { .. } => LayoutError::new_err(text),
        error => to_py_err(error),
    }
}

/// The exception for elements that the host is to read and cannot.
pub(crate) fn not_on_the_host(device: Device) -> PyErr {
    DeviceError::new_err(format!(
        "the elements are on {device}, where the host does not read them: call \
         dlpack.asdlpack(x, device=\"cpu\") with the array that they come from"
    ))
}

/// Makes the exception for an object that could not be imported by a route: one that says what it is and which call helps, if
/// the reason is a known one, and otherwise the one that was raised.
#[cold]
pub(crate) fn refuse(object: &Bound<'_, PyAny>, route: &str, raised: PyErr) -> PyErr {
    let py = object.py();
    if !raised.is_instance_of::<PyException>(py) || raised.is_instance_of::<PyMemoryError>(py) {
        return raised;
    }
    let explained = py
        .import("dlpack._refusals")
        .and_then(|module| module.call_method1("explain", (object, route, raised.value(py))));
    match explained {
        Ok(explained) => PyErr::from_value(explained),
        // An interrupt, for example, is not lost.
        Err(other) if !other.is_instance_of::<PyException>(py) => other,
        Err(_) => raised,
    }
}

/// Makes the exception for an object that offers none of the routes, which `tried` lists.
#[cold]
pub(crate) fn refuse_all(object: &Bound<'_, PyAny>, tried: &[&str]) -> PyErr {
    let module = object.py().import("dlpack._refusals");
    let made =
        module.and_then(|module| module.call_method1("nothing_offered", (object, tried.to_vec())));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Calls a function that may run Python code, when an object is dropped. An exception that is set is kept.
pub(crate) fn undisturbed<R>(_: Python<'_>, f: impl FnOnce() -> R) -> R {
    let [mut class, mut value, mut trace] = [ptr::null_mut(); 3];
    #[allow(deprecated, reason = "what Python recommends instead is newer than the oldest one")]
    // SAFETY: the thread is attached.
    unsafe {
        ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut trace)
    };
    let result = f();
    #[allow(deprecated, reason = "as above")]
    // SAFETY: these are the three that were fetched, of which the references are passed on.
    unsafe {
        ffi::PyErr_Restore(class, value, trace)
    };
    result
}

/// Raises for an array in which an element is masked, or is negated when it is read.
#[cold]
pub(crate) fn check(object: &Bound<'_, PyAny>) -> PyResult<()> {
    object.py().import("dlpack._refusals")?.call_method1("check", (object,)).map(drop)
}
