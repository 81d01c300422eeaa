//! Where the memory is.

use dlpack::{Descriptor, DeviceType, Error};
use pyo3::PyResult;
use pyo3::exceptions::PyBufferError;

use super::Requirement;
use crate::import::error::to_py_err;

/// That the host can access the memory, or else a `BufferError`: memory of the CPU, or pinned memory of CUDA or ROCm.
///
/// Memory that is elsewhere is not copied here; see [`Import::device`](crate::Import::device) for that.
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

/// That CUDA kernels can access the memory, or else a `BufferError`: memory of a CUDA device, managed or pinned memory.
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
        match device.device_type {
            DeviceType::CUDA | DeviceType::CUDA_MANAGED | DeviceType::CUDA_HOST => Ok(()),
            _ => Err(PyBufferError::new_err(format!(
                "expected memory that cuda can access, found device {device}"
            ))),
        }
    }
}
