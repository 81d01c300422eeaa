//! What of Paddle's class is written in C.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A base of classes that are like Paddle's. It has no fields, so that other bases may stand beside it.
#[pyclass(frozen, subclass)]
pub(crate) struct PaddleBase;

#[pymethods]
impl PaddleBase {
    #[new]
    #[pyo3(signature = (*_args, **_keywords))]
    fn new(_args: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    /// Returns what the object's `dense` returns.
    fn is_dense<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.call_method0("dense")
    }

    /// Returns what the object's `holds` returns.
    fn _is_dense_tensor_hold_allocation<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.call_method0("holds")
    }
}
