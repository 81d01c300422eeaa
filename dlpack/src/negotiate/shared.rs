//! Tensors that are shared already, as producers.

use alloc::sync::Arc;

use super::pack;
use super::producer::Producer;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::{Descriptor, Frozen, ManagedTensor, ManagedTensorVersioned, Tensor};
use crate::vocabulary::Device;

/// Gives out the memory read-only, and copies to main memory what the host can access.
///
/// Elements that stay as they are have been written, so that there is nothing to wait for on any stream.
impl<O: Tensor + Send + Sync + 'static> Producer for Arc<Frozen<O>> {
    type Error = Error;

    fn device(&self) -> Device {
        Descriptor::device(self)
    }

    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        Ok(self.share()?.into_inner())
    }

    fn alias_legacy(&self) -> Result<ManagedTensor, Error> {
        Err(Error::ReadOnlyNotExpressible)
    }

    fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        if device != Device::CPU {
            return Err(Error::CopyUnsupported { device });
        }
        if self.flags().is_padded() && self.dtype().is_sub_byte() {
            return pack::copy(self);
        }
        Ok(self.to_copy()?.into_inner())
    }

    fn synchronize(&self, _: Stream) -> Result<(), Error> {
        Ok(())
    }
}

/// Gives out the memory as [`share`](ManagedTensorVersioned::share) does. Does not copy, since nobody promises that
/// the elements are initialised and stay as they are; `Arc<Frozen<_>>` is a producer for which somebody did.
impl Producer for Arc<ManagedTensorVersioned> {
    type Error = Error;

    fn device(&self) -> Device {
        Descriptor::device(self)
    }

    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        self.share()
    }
}
