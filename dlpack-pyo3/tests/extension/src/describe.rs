//! What a tensor says of itself, for Python to compare.

use dlpack::{Access, Descriptor};
use dlpack_pyo3::PyTensor;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Imports, describes, releases.
#[pyfunction]
pub(crate) fn describe<'py>(py: Python<'py>, tensor: PyTensor) -> PyResult<Bound<'py, PyDict>> {
    let description = of(py, &tensor)?;
    description.set_item("road", tensor.road())?;
    Ok(description)
}

/// The description, without the road.
pub(crate) fn of<'py>(py: Python<'py>, tensor: &Descriptor) -> PyResult<Bound<'py, PyDict>> {
    let device = tensor.device();
    let offset = usize::try_from(tensor.byte_offset())?;
    let data = if tensor.data().is_null() { 0 } else { tensor.data().addr() + offset };
    let access = match tensor.access() {
        Access::ReadOnly => "read-only",
        Access::Writable => "writable",
        Access::Unknown => "unknown",
    };
    let description = PyDict::new(py);
    description.set_item("shape", PyTuple::new(py, tensor.shape())?)?;
    description.set_item("strides", PyTuple::new(py, tensor.strides())?)?;
    description.set_item("dtype", tensor.dtype().to_string())?;
    description.set_item("device", (device.device_type.code(), device.device_id))?;
    description.set_item("data", data)?;
    description.set_item("numel", tensor.numel())?;
    description.set_item("nbytes", tensor.nbytes())?;
    description.set_item("access", access)?;
    description.set_item("flags", tensor.flags().bits())?;
    description.set_item("version", tensor.version().map(|v| (v.major, v.minor)))?;
    Ok(description)
}
