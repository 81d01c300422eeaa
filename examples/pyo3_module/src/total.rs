//! A function for tensors of any device.

use dlpack_pyo3::dlpack::Device;
use dlpack_pyo3::{Import, PyTensor};
use pyo3::prelude::*;

/// The sum of the elements, wherever they are.
///
/// The producer is asked for its tensor in main memory. One that is there is not copied; from a GPU, the producer copies it
/// when its work on it is done.
#[pyfunction]
pub(crate) fn total(py: Python<'_>, tensor: &Bound<'_, PyAny>) -> PyResult<f64> {
    let tensor: PyTensor = Import::new().device(Device::CPU).of(tensor)?;
    match tensor.as_typed::<f32>() {
        Ok(tensor) => Ok(tensor.cells(py)?.iter().map(f64::from).sum()),
        Err(_) => Ok(tensor.as_typed::<f64>()?.cells(py)?.iter().sum()),
    }
}
