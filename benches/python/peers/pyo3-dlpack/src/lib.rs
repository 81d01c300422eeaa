//! The module `peer_pyo3_dlpack`.

use pyo3::prelude::*;
use pyo3_dlpack::PyTensor;

/// The address of the first element plus the number of elements.
#[pyfunction]
fn take(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    let tensor = PyTensor::from_pyany(array.py(), array)?;
    Ok((tensor.data_ptr() as usize).wrapping_add(tensor.numel()))
}

#[pymodule]
fn peer_pyo3_dlpack(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(take, module)?)
}
