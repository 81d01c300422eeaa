//! On which device the memory is.

use dlpack::{Descriptor, Error};
use pyo3::PyResult;
use pyo3::exceptions::PyBufferError;

use super::Requirement;
use crate::import::error::{Text, to_py_err};
use crate::protocol::is_cuda;

/// Requires memory that the host can access: that of the CPU, or pinned memory of CUDA or ROCm. Raises a `BufferError`.
///
/// Memory on another device is not copied; see [`Import::device`](crate::Import::device) for that. Pinned memory is there for
/// functions that know when its device is done with it, and read it by [`view`](crate::PyTensor::view). The safe methods
/// refuse it, as they cannot know, unless it was imported with `Import::device(Device::CPU)`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{OnHost, Requirement};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let tensor = Exporter::new([0_u8; 6]).build()?;
/// assert!(OnHost::check(&tensor).is_ok());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum OnHost {}

impl Requirement for OnHost {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        let device = tensor.device();
        if device.is_host_accessible() {
            Ok(())
        } else {
            Err(to_py_err(Error::NotHostAccessible { device }))
        }
    }
}

/// Requires memory that CUDA kernels can access: that of a CUDA device, managed or pinned memory. Raises a `BufferError`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{OnCuda, Requirement};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let tensor = Exporter::new([0_u8; 6]).build()?;
/// assert!(OnCuda::check(&tensor).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum OnCuda {}

impl Requirement for OnCuda {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        let device = tensor.device();
        if is_cuda(device.device_type) {
            Ok(())
        } else {
            let text = format!("expected memory that cuda can access, found device {device}");
            Err(PyBufferError::new_err(Text(text)))
        }
    }
}
