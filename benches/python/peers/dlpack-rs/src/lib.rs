//! The module `peer_dlpack_rs`.

use dlpack_rs::pyo3_glue::PyTensor;
use pyo3::prelude::*;

/// The address of the first element plus the number of elements.
#[pyfunction]
fn take(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    let tensor = PyTensor::from_pyany(array.py(), array)?;
    let first = (tensor.data_ptr() as usize).wrapping_add(tensor.byte_offset() as usize);
    Ok(first.wrapping_add(tensor.numel()))
}

#[pymodule]
fn peer_dlpack_rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(take, module)?)
}
