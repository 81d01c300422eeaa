//! The exceptions of the package.
//!
//! `dlpack/_errors.py` defines them, so that Python finds them by name and can pickle them. One of them comes from
//! `dlpack-pyo3`, which raises it in the answers to `__dlpack__`.

use core::ptr;
use std::borrow::Cow;

use dlpack_pyo3::dlpack::{Device, Error};
use dlpack_pyo3::to_py_err;
use pyo3::exceptions::{
    PyAttributeError, PyBufferError, PyException, PyIndexError, PyMemoryError, PyRecursionError,
    PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};
use pyo3::{ffi, intern};

/// Declares exceptions of `dlpack/_errors.py`, whose classes [`find`] finds.
macro_rules! exceptions {
    ($($name:ident)*) => {
        $(
            pub(crate) struct $name;

            impl $name {
                const CLASS: &'static PyOnceLock<Py<PyType>> = {
                    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
                    &CLASS
                };

                #[cold]
                pub(crate) fn new_err(text: impl AsRef<str>) -> PyErr {
                    new_err(Self::CLASS, text.as_ref())
                }
            }
        )*

        /// Finds the classes of the exceptions, when the extension is imported. Later an import may fail, such as at the end of
        /// the stack or of the interpreter, where an exception is all the same to be raised.
        pub(crate) fn find(py: Python<'_>) -> PyResult<()> {
            let module = py.import("dlpack._errors")?;
            $({
                let class = module.getattr(stringify!($name))?.cast_into::<PyType>()?;
                $name::CLASS.set(py, class.unbind()).ok();
            })*
            Ok(())
        }
    };
}

exceptions! { DTypeError LayoutError DeviceError ReadOnlyError NotATensorError }

/// Declares types that make exceptions of Python's built-in classes, as those of PyO3 do, but with the message made at once.
macro_rules! builtin_exceptions {
    ($($name:ident: $class:ident)*) => {$(
        pub(crate) struct $name;

        impl $name {
            #[cold]
            pub(crate) fn new_err(text: impl AsRef<str>) -> PyErr {
                Python::attach(|py| with_text(&py.get_type::<$class>(), text.as_ref()))
            }
        }
    )*};
}

builtin_exceptions! {
    TypeError: PyTypeError
    ValueError: PyValueError
    IndexError: PyIndexError
    AttributeError: PyAttributeError
    RuntimeError: PyRuntimeError
    BufferError: PyBufferError
    RecursionError: PyRecursionError
}

fn new_err(class: &PyOnceLock<Py<PyType>>, text: &str) -> PyErr {
    Python::attach(|py| match class.get(py) {
        Some(class) => with_text(class.bind(py), text),
        // `find` comes before any tensor.
        None => RuntimeError::new_err(text),
    })
}

/// Makes an exception with its message. If there is no memory for the message, the exception is a `MemoryError`; PyO3 would make the
/// message later, and end the process then.
fn with_text(class: &Bound<'_, PyType>, text: &str) -> PyErr {
    let len = isize::try_from(text.len()).unwrap_or(isize::MAX);
    // SAFETY: the thread is attached, and the text has this length. The result is a new reference, or null with an exception set.
    let text = unsafe {
        let raw = ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), len);
        Bound::<PyAny>::from_owned_ptr_or_err(class.py(), raw)
    };
    text.map_or_else(|error| error, |text| PyErr::from_type(class.clone(), text.unbind()))
}

/// Returns the beginning of a text, for a message that quotes it: the text may be of any length.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// Returns the name of an object's class, for a message, or raises what its metaclass raises.
pub(crate) fn class_of(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = object.get_type();
    let part = |attribute: &Bound<'_, PyString>| -> PyResult<String> {
        let text = class.getattr(attribute)?;
        let text = text.cast::<PyString>().ok().and_then(|text| text.to_cow().ok());
        Ok(text.map(|text| brief(&text).into_owned()).unwrap_or_default())
    };
    let (module, name) =
        (part(intern!(object.py(), "__module__"))?, part(intern!(object.py(), "__qualname__"))?);
    Ok(if matches!(&*module, "" | "builtins") { name } else { format!("{module}.{name}") })
}

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
    let raised = made(py, raised);
    if is_final(py, &raised) {
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

/// Turns an exception into `None`, where something else can be tried or a better one is raised. One that is no `Exception`, such as
/// an interrupt, is passed on, since nobody may lose it; so is the lack of memory, and the end of the stack: if each level of a
/// recursion tried something else there, they would be done in ages.
pub(crate) fn tried<T>(py: Python<'_>, result: Result<T, impl Into<PyErr>>) -> PyResult<Option<T>> {
    match result.map_err(|raised| made(py, raised.into())) {
        Ok(value) => Ok(Some(value)),
        Err(raised) if is_final(py, &raised) => Err(raised),
        Err(_) => Ok(None),
    }
}

/// Returns an exception whose object there is. PyO3 makes some only when they are looked at, and gives the lock back meanwhile. At the
/// end of the interpreter it does not get it again, and panics.
pub(crate) fn made(py: Python<'_>, raised: PyErr) -> PyErr {
    raised.restore(py);
    PyErr::fetch(py)
}

/// The exception is one that has been [`made`].
pub(crate) fn is_final(py: Python<'_>, raised: &PyErr) -> bool {
    !raised.is_instance_of::<PyException>(py)
        || raised.is_instance_of::<PyMemoryError>(py)
        || raised.is_instance_of::<PyRecursionError>(py)
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
