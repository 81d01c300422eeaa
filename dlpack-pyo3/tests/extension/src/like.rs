//! Tensors for the library that another object is of.

use dlpack_pyo3::{Tensor, to_framework_of};
use pyo3::prelude::*;

/// Hands a tensor to the library of `like`.
#[pyfunction]
pub(crate) fn like<'py>(
    result_of: &Bound<'py, Tensor>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    to_framework_of(result_of, like)
}
