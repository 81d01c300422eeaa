//! Arrays of NumPy, for consumers that ask for nothing else.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Implements `__array__`.
///
/// Without it, NumPy would make an array of one object of what it cannot read as a buffer. With it, NumPy itself says what it
/// does not take, such as memory of a device.
#[doc(hidden)]
pub fn array<'py>(
    object: &Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
    copy: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let array = numpy(py, object)?;
    let keywords = PyDict::new(py);
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

/// Calls NumPy's `from_dlpack`.
pub(super) fn numpy<'py>(
    py: Python<'py>,
    object: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "from_dlpack"), (object,))
}
