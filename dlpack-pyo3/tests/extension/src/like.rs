//! Results as arrays of another object's library.

use dlpack_pyo3::{Tensor, to_framework_of};
use pyo3::prelude::*;

/// Imports a tensor into the library of `like`.
#[pyfunction]
pub(crate) fn like<'py>(
    result_of: &Bound<'py, Tensor>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    to_framework_of(result_of, like)
}
