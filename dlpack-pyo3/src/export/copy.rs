//! Copies that a producer in main memory makes.

use alloc::sync::Arc;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{Descriptor, Device, Error, ManagedTensorVersioned, Tensor};
use pyo3::Python;

// Why these are safe: whoever exports a tensor says that its elements are initialised. The thread is attached to the
// interpreter, and other code of Python's that writes them is, too, as far as anybody can ask for that: the promise on which
// PyO3's own buffers are read.

/// Copies elements that the host can read to main memory, row-major and packed.
pub(super) fn to_host(
    py: Python<'_>,
    tensor: ManagedTensorVersioned,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if !needs_packing(&tensor) {
        return as_it_is(py, &tensor, device);
    }
    // SAFETY: see above; used during this call only.
    let tensor = Arc::new(unsafe { tensor.assume_frozen() });
    tensor.copy_to(device, Stream::NONE)
}

/// The same for a tensor that others have, too.
pub(super) fn shared_to_host(
    py: Python<'_>,
    tensor: &Arc<ManagedTensorVersioned>,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if needs_packing(tensor) {
        to_host(py, tensor.share()?, device)
    } else {
        as_it_is(py, tensor, device)
    }
}

/// Whether each element takes a byte that it does not fill, which the copy may not say.
fn needs_packing(tensor: &Descriptor) -> bool {
    tensor.flags().is_padded() && tensor.dtype().is_sub_byte()
}

fn as_it_is(
    _: Python<'_>,
    tensor: &Descriptor,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    if device != Device::CPU {
        return Err(Error::CopyUnsupported { device });
    }
    // SAFETY: see above.
    Ok(unsafe { tensor.to_copy() }?.into_inner())
}
