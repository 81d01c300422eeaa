//! Shared tensors as producers.

use alloc::sync::Arc;
use core::ops::Deref;

use super::pack_sub_byte;
use super::producer::Producer;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::{Descriptor, Frozen, ManagedTensor, ManagedTensorVersioned};
use crate::vocabulary::Device;

/// Exports the memory read-only, and copies host-accessible memory to main memory.
///
/// Frozen elements have been written already, so [`synchronize`](Producer::synchronize) has nothing to wait for.
impl<O: Deref<Target = Descriptor> + Send + Sync + 'static> Producer for Arc<Frozen<O>> {
    type Error = Error;

    fn device(&self) -> Device {
        Descriptor::device(self)
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        Ok(self.share()?.into_inner())
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        Err(Error::ReadOnlyNotExpressible)
    }

    fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        if device != Device::CPU {
            return Err(Error::CopyUnsupported { device });
        }
        if self.flags().is_padded() && self.dtype().is_sub_byte() {
            return pack_sub_byte::copy(self);
        }
        Ok(self.to_copy()?.into_inner())
    }

    fn synchronize(&self, _: Stream) -> Result<(), Error> {
        Ok(())
    }
}

/// Exports the memory as [`share`](ManagedTensorVersioned::share) does. It does not copy, since the elements may be
/// uninitialised or change; use `Arc<Frozen<_>>` for a producer that copies.
impl Producer for Arc<ManagedTensorVersioned> {
    type Error = Error;

    fn device(&self) -> Device {
        Descriptor::device(self)
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.share()
    }
}
