//! Streams that are arguments.

use dlpack::{Device, DeviceType};
use dlpack_pyo3::stream_from;
use pyo3::prelude::*;

/// Reads a stream. Returns `None`, "no sync" or the handle.
#[pyfunction]
pub(crate) fn stream(value: &Bound<'_, PyAny>, device: (i32, i32)) -> PyResult<Py<PyAny>> {
    let py = value.py();
    let device = Device::new(DeviceType::new(device.0), device.1);
    let stream = stream_from(value, device)?;
    Ok(match stream.handle() {
        Some(handle) => handle.into_pyobject(py)?.into_any().unbind(),
        None if stream.is_no_sync() => "no sync".into_pyobject(py)?.into_any().unbind(),
        None => py.None(),
    })
}
