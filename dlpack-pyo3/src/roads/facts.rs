//! The little that has to be known of a tensor before it is taken.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{DataType, Descriptor, Device, DeviceType, Flags};

/// What a table's tensor is judged by.
///
/// Copies of a few numbers. A function that gets the tensor itself to look at makes the compiler keep it where it is, only to
/// move it afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) dtype: DataType,
    device: Device,
    flags: Flags,
    /// Whether all neighbours lie an even number of elements apart.
    pub(super) is_even: bool,
}

impl Facts {
    #[inline(always)]
    pub(super) fn of(tensor: &Descriptor) -> Self {
        // Of several elements side by side, the last axis has neighbours that are next to one another.
        let is_even = if tensor.is_contiguous() && tensor.numel() > 1 {
            false
        } else {
            let mut axes = tensor.shape().iter().zip(tensor.strides());
            axes.all(|(&size, &stride)| size == 1 || stride % 2 == 0)
        };
        let (dtype, device, flags) = (tensor.dtype(), tensor.device(), tensor.flags());
        Self { dtype, device, flags, is_even }
    }

    /// Whether such a tensor is what was asked for, without anybody's waiting for a device. `request` is one that
    /// asks for a tensor of the current ABI where it is, or on the CPU.
    #[inline]
    pub(super) fn answer(self, request: &Request) -> bool {
        let is_ready = self.device.device_type == DeviceType::CPU
            || (request.stream.is_no_sync() && request.wanted_device().is_none());
        let is_copied = self.flags.contains(Flags::IS_COPIED);
        is_ready && !(is_copied && request.copy == CopyPolicy::NEVER)
    }
}
