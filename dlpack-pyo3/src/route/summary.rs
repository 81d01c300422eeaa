//! The few facts about a tensor by which it is decided whether its table may be used.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{DataType, Descriptor, Device, DeviceType, Flags};

use super::address;

/// A few facts about a tensor, copied out of its description.
///
/// If a function got the description itself, the compiler would keep the tensor where it is, only to move it afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) dtype: DataType,
    pub(super) device: Device,
    flags: Flags,
    pub(super) address: usize,
    is_empty: bool,
}

impl Summary {
    #[inline(always)]
    pub(super) fn of(tensor: &Descriptor) -> Self {
        let address = tensor.data().addr();
        let (dtype, device, flags) = (tensor.dtype(), tensor.device(), tensor.flags());
        Self { dtype, device, flags, address, is_empty: tensor.is_empty() }
    }

    /// Returns `true` if the pointer to the data may be null, or an offset from a null pointer.
    #[inline]
    pub(super) fn is_doubtful(self) -> bool {
        address::is_doubtful(self.address) && !self.is_empty
    }

    /// Returns `true` if what was found out about this tensor holds for another one, wherever that lies.
    pub(super) fn speaks_for(self, other: Self) -> bool {
        let facts = |it: Self| (it.dtype, it.device, it.flags);
        facts(self) == facts(other) && !other.is_doubtful()
    }

    /// Returns `true` if such a tensor meets the request and nobody has to wait for a device. The request asks for memory as
    /// it is, or for memory on the CPU.
    #[inline]
    pub(super) fn meets(self, request: &Request) -> bool {
        let is_ready = self.device.device_type == DeviceType::CPU
            || (request.stream.is_no_sync() && request.wanted_device().is_none());
        let is_copied = self.flags.contains(Flags::IS_COPIED);
        is_ready && !(is_copied && request.copy == CopyPolicy::NEVER)
    }
}
