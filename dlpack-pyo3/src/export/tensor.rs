//! The ready-made class.

use std::sync::Arc;

use dlpack::ManagedTensorVersioned;
use pyo3::prelude::*;

use crate::capsule;
use crate::import::{attached, to_err};
use crate::raw::raise_error;

/// A tensor that Python may have: any library that speaks DLPack imports it.
#[pyclass(frozen, module = "dlpack_pyo3")]
#[derive(Debug)]
pub struct Tensor {
    tensor: Arc<ManagedTensorVersioned>,
}

impl Tensor {
    /// Makes an object of a tensor.
    pub fn new(tensor: ManagedTensorVersioned) -> Self {
        Self { tensor: Arc::new(tensor) }
    }
}

#[pymethods]
impl Tensor {
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = (stream, dl_device, copy);
        let shared = self.tensor.share().map_err(|e| to_err(py, raise_error(attached(py), e)))?;
        let capsule = if max_version.is_some_and(|(major, _)| major >= 1) {
            capsule::versioned(attached(py), shared)
        } else {
            let legacy = shared
                .into_legacy()
                .map_err(|e| to_err(py, raise_error(attached(py), e.error())))?;
            capsule::legacy(attached(py), legacy)
        };
        let capsule = capsule.map_err(|raised| to_err(py, raised))?;
        // SAFETY: an owned reference.
        Ok(unsafe { Bound::from_owned_ptr(py, capsule.into_ptr()) })
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        let device = self.tensor.device();
        (device.device_type.code(), device.device_id)
    }
}
