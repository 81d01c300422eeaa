//! Errors of `dlpack` as Python's exceptions.

use dlpack::Error;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::{PyErr, Python};

use super::bridge::{attached, to_err};
use crate::raw::{Kind, raise_error};

/// Makes Python's exception of an error of [`dlpack`]; of a [`Rejected`](dlpack::Rejected), too.
///
/// What cannot be exchanged is a `BufferError`, as the array API standard has it. A stream that makes no sense is a
/// `ValueError`, another dtype than the expected one a `TypeError`, no memory a `MemoryError`. A copy that was not to be
/// made is a `CopyError`, which is a `BufferError` and a `ValueError`, since the standard asks for either.
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
    let text = error.to_string();
    match Kind::of(error) {
        Kind::Type => PyTypeError::new_err(text),
        Kind::Value => PyValueError::new_err(text),
        Kind::Buffer => PyBufferError::new_err(text),
        Kind::Memory => PyMemoryError::new_err(text),
        Kind::Runtime => PyRuntimeError::new_err(text),
        // A class of this crate, which no interpreter has from the start.
        Kind::Copy => Python::try_attach(|py| to_err(py, raise_error(attached(py), error)))
            .unwrap_or_else(|| PyBufferError::new_err(text)),
    }
}
