//! The few facts about a tensor by which it is decided whether its table may be used.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{DataType, Descriptor, Device, DeviceType, Flags};

use super::address;

/// A few facts about a tensor, copied out of its description.
///
/// If a function got the description itself, the compiler would keep the tensor where it is, only to move it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) dtype: DataType,
    device: Device,
    flags: Flags,
    /// `true` if the first element has an address at which hardly any memory of the host is.
    pub(super) is_doubtful: bool,
    /// `true` if the distance between neighbours is an even number of elements along every axis.
    pub(super) is_even: bool,
}

impl Summary {
    #[inline(always)]
    pub(super) fn of(tensor: &Descriptor) -> Self {
        // An offset that leaves the address space is refused by whatever reads the elements.
        let offset = usize::try_from(tensor.byte_offset()).unwrap_or(0);
        let start = tensor.data().addr().wrapping_add(offset);
        let is_doubtful = !tensor.is_empty() && address::is_doubtful(start);
        // Of several contiguous elements, the neighbours along the last axis are one element apart.
        let is_even = if tensor.is_contiguous() && tensor.numel() > 1 {
            false
        } else {
            let mut axes = tensor.shape().iter().zip(tensor.strides());
            axes.all(|(&size, &stride)| size == 1 || stride % 2 == 0)
        };
        let (dtype, device, flags) = (tensor.dtype(), tensor.device(), tensor.flags());
        Self { dtype, device, flags, is_doubtful, is_even }
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
