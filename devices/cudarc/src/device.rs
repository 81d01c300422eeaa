//! Devices in the words of both.

use cudarc::driver::CudaContext;
use dlpack::Device;

/// The device of a context.
pub(crate) fn device(context: &CudaContext) -> Device {
    // Ordinals come from `int`s of the driver; what is none of them is no device.
    Device::cuda(i32::try_from(context.ordinal()).unwrap_or(-1))
}
