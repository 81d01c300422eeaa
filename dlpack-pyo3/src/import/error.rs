//! Errors of `dlpack` as Python exceptions.

use dlpack::Error;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::{PyErr, Python};

use super::bridge::{attached, to_err};
use crate::raw::{Class, ForPython, raise_error};

/// Makes a Python exception of an error of [`dlpack`], or of a [`RejectedError`](dlpack::RejectedError).
///
/// | Error | Exception |
/// |---|---|
/// | the tensor cannot be exchanged or used in this way | `BufferError`, as the array API standard has it |
/// | an argument makes no sense: a stream, a number of dimensions, an index | `ValueError` |
/// | another dtype than the expected one | `TypeError` |
/// | a copy that must not be made | `CopyError`, which is a `BufferError` and a `ValueError`, since the standard asks for either |
/// | no memory | `MemoryError` |
/// | a panic | `RuntimeError` |
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Exporter;
/// use dlpack_pyo3::{Tensor, to_py_err};
/// use pyo3::exceptions::PyBufferError;
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
/// Python::attach(|py| assert!(refused.is_instance_of::<PyBufferError>(py)));
/// ```
#[cold]
pub fn to_py_err(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let text = ForPython(error).to_string();
    match Class::of(&error) {
        Class::Type => PyTypeError::new_err(text),
        Class::Value => PyValueError::new_err(text),
        Class::Memory => PyMemoryError::new_err(text),
        Class::Runtime => PyRuntimeError::new_err(text),
        // A class of this crate, which no interpreter has from the start.
        Class::Copy => Python::try_attach(|py| to_err(py, raise_error(attached(py), error)))
            .unwrap_or_else(|| PyBufferError::new_err(text)),
        _ => PyBufferError::new_err(text),
    }
}
