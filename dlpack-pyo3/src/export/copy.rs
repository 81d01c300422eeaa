//! Copies that a producer in main memory makes.

use alloc::sync::Arc;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{Device, Error, ManagedTensorVersioned, Tensor};
use pyo3::Python;

/// Copies elements that the host can read to main memory, row-major and packed.
pub(super) fn to_host(
    _: Python<'_>,
    tensor: ManagedTensorVersioned,
    device: Device,
) -> Result<ManagedTensorVersioned, Error> {
    // SAFETY: whoever exports it says that the elements are initialised. This thread is attached to the interpreter, and
    // other code of Python's that writes them is, too, as far as anybody can ask for that: the promise on which PyO3's own
    // buffers are read. It is used during this call only.
    let tensor = Arc::new(unsafe { tensor.assume_frozen() });
    tensor.copy_to(device, Stream::NONE)
}
