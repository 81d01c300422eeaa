//! Errors of `dlpack` as Python exceptions.

use core::fmt;

use dlpack::{Descriptor, Error};
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::{Bound, Py, PyAny, PyErr, PyErrArguments, Python};

use super::bridge::{attached, to_err};
use crate::raw::{Class, ForPython, Owned, ffi, raise_error};

/// Makes a Python exception of an error of [`dlpack`], or of a [`RejectedError`](dlpack::RejectedError).
///
/// | Error | Exception |
/// |---|---|
/// | the tensor cannot be exchanged or used in this way | `BufferError`, as the array API standard has it |
/// | an argument makes no sense: a stream, a number of dimensions, an index, a shape beyond the memory | `ValueError` |
/// | another dtype than the expected one | `TypeError` |
/// | a copy that must not be made | `CopyError`, which is a `BufferError` and a `ValueError`, since the standard asks for either |
/// | no memory | `MemoryError` |
/// | a panic | `RuntimeError` |
///
/// For `CopyError`, this attaches to the interpreter: do not hold a lock then for which an attached thread may wait.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Exporter;
/// use dlpack_pyo3::{Tensor, to_py_err};
/// use pyo3::exceptions::PyValueError;
/// use pyo3::prelude::*;
///
/// #[pyfunction]
/// fn rows(count: usize) -> PyResult<Tensor> {
///     let tensor = Exporter::new(vec![1.0_f32; 6]).shape(&[count, 3]).build().map_err(to_py_err)?;
///     Ok(tensor.into())
/// }
///
/// assert!(rows(2).is_ok());
/// let refused = rows(4).unwrap_err();
/// Python::attach(|py| assert!(refused.is_instance_of::<PyValueError>(py)));
/// ```
#[cold]
pub fn to_py_err(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    exception(error, ForPython(error).to_string())
}

/// As [`to_py_err`], for an error in the body of a function: no note of PyO3's names the argument there, and so the message
/// names the tensor.
#[cold]
pub(super) fn refuse(error: Error, tensor: &Descriptor) -> PyErr {
    exception(error, format!("{}{}{}", ForPython(error), Named(tensor), way_out(&error)))
}

/// As [`to_py_err`], for an error of an argument.
#[cold]
pub(super) fn refuse_argument(error: Error) -> PyErr {
    exception(error, format!("{}{}", ForPython(error), way_out(&error)))
}

/// Displays what tells a tensor from others in a message.
pub(super) struct Named<'a>(pub(super) &'a Descriptor);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ", in a tensor of {} and shape {:?}", self.0.dtype(), self.0.shape())
    }
}

/// Returns what a caller in Python can do about an error, or nothing.
const fn way_out(error: &Error) -> &'static str {
    match error {
        Error::ReadOnly | Error::WritabilityUnknown => {
            ": pass a copy that can be written, such as `numpy.array(x)`"
        }
        Error::NotContiguous => ": pass a contiguous copy, such as `numpy.ascontiguousarray(x)`",
        Error::Overlapping | Error::Misaligned { .. } => ": pass a copy, such as `numpy.array(x)`",
        _ => "",
    }
}

/// The text of an exception.
///
/// PyO3 asks for it when it raises the exception, in a place where a panic ends the process, and would panic if there is no memory
/// for it. Then the exception has no text.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: AsRef<str> + Send + Sync + 'static> PyErrArguments for Text<T> {
    fn arguments(self, py: Python<'_>) -> Py<PyAny> {
        let text = self.0.as_ref();
        let len = ffi::Py_ssize_t::try_from(text.len()).unwrap_or(ffi::Py_ssize_t::MAX);
        // SAFETY: the thread is attached, and the text has this length. The result is a new reference, or null with an exception
        // set.
        let made = unsafe {
            let raw = ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), len);
            Owned::or_raised(raw)
        };
        match made {
            // SAFETY: the thread is attached, and the reference is passed on.
            Ok(text) => unsafe { Bound::from_owned_ptr(py, text.into_ptr()) }.unbind(),
            Err(raised) => {
                raised.clear();
                py.None()
            }
        }
    }
}

fn exception(error: Error, text: String) -> PyErr {
    match Class::of(&error) {
        Class::Type => PyTypeError::new_err(Text(text)),
        Class::Value => PyValueError::new_err(Text(text)),
        Class::Memory => PyMemoryError::new_err(Text(text)),
        Class::Runtime => PyRuntimeError::new_err(Text(text)),
        // A class of this crate, which no interpreter has from the start.
        Class::Copy => Python::try_attach(|py| to_err(py, raise_error(attached(py), error)))
            .unwrap_or_else(|| PyBufferError::new_err(Text(text))),
        _ => PyBufferError::new_err(Text(text)),
    }
}
