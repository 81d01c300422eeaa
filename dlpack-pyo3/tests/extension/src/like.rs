//! Results as arrays of another object's library.

use dlpack_pyo3::{Tensor, to_framework_of};
use pyo3::prelude::*;

use crate::own_device::OwnDevice;

/// Imports a tensor, or an object with memory of a device, into the library of `like`.
#[pyfunction]
pub(crate) fn like<'py>(
    result_of: &Bound<'py, PyAny>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match result_of.cast::<OwnDevice>() {
        Ok(own) => to_framework_of(own, like),
        Err(_) => to_framework_of(result_of.cast::<Tensor>()?, like),
    }
}
