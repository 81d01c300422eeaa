//! A function that takes tensors on any device.

use dlpack_pyo3::dlpack::{DataType, Device};
use dlpack_pyo3::{Import, PyTensor};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// Returns the sum of float32 or float64 elements on any device.
///
/// The producer is asked for the tensor in main memory. A tensor that is there already is not copied. A tensor on a GPU is
/// copied by its producer, after the work that is queued for it.
#[pyfunction]
pub(crate) fn total(py: Python<'_>, tensor: &Bound<'_, PyAny>) -> PyResult<f64> {
    let tensor: PyTensor = Import::new().device(Device::CPU).of(tensor)?;
    match tensor.dtype() {
        DataType::F32 => Ok(tensor.as_typed::<f32>()?.to_vec(py)?.into_iter().map(f64::from).sum()),
        DataType::F64 => Ok(tensor.as_typed::<f64>()?.to_vec(py)?.iter().sum()),
        other => Err(PyTypeError::new_err(format!("expected float32 or float64, found {other}"))),
    }
}
