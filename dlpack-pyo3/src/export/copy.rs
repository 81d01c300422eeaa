//! Copies that a producer makes of main memory.

use alloc::sync::Arc;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{Descriptor, Device, Error, ManagedTensorVersioned};
use pyo3::Python;

// Why reading is sound: a tensor that safe code gets hold of has initialised elements, or memory of another language, which
// counts as such; an `unsafe` function asks for that where it is not so. The thread is attached to the interpreter, so that no other Python code writes them: the promise on which PyO3's own buffers are read.

/// Copies the elements of main memory to main memory, row-major and packed.
pub(super) fn to_host(
    py: Python<'_>,
    tensor: ManagedTensorVersioned,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if tensor.device().canonical() != Device::CPU {
        return Err(refuse(tensor.device(), device));
    }
    if !needs_packing(&tensor) {
        return copy(py, &tensor, device);
    }
    // SAFETY: the elements are initialised and nobody writes them during this call, as said above.
    let tensor = Arc::new(unsafe { tensor.assume_frozen() });
    tensor.copy_to(device, Stream::NONE)
}

/// As [`to_host`], for a tensor that has other holders.
pub(super) fn shared_to_host(
    py: Python<'_>,
    tensor: &Arc<ManagedTensorVersioned>,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if needs_packing(tensor) {
        to_host(py, tensor.share()?, device)
    } else {
        copy(py, tensor, device)
    }
}

/// Says why memory of a device is not copied here.
pub(super) fn refuse(found: Device, device: Device) -> Error {
    if device != Device::CPU {
        Error::CopyUnsupported { device }
    } else if found.is_host_accessible() {
        // The device may be at work on the memory still, and only its runtime can wait for that.
        Error::StreamUnsupported { device: found }
    } else {
        Error::NotHostAccessible { device: found }
    }
}

/// Returns `true` if each element is padded to a byte, which a copy must not be.
fn needs_packing(tensor: &Descriptor) -> bool {
    tensor.flags().is_padded() && tensor.dtype().is_sub_byte()
}

fn copy(
    _: Python<'_>,
    tensor: &Descriptor,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if device != Device::CPU {
        return Err(Error::CopyUnsupported { device });
    }
    // SAFETY: the elements are initialised and nobody writes them during this call, as said above.
    Ok(unsafe { tensor.to_copy() }?.into_inner())
}
