//! A draft and a description, made into a C struct and the tensor that owns it.

use super::block::{Draft, Exported};
use crate::error::Error;
use crate::managed::{Access, Descriptor, Handle, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{Flags, Version};

/// A description for an export with these flags, to be filled in.
#[inline]
pub(super) fn describe(flags: Flags) -> Descriptor {
    let access = if flags.is_read_only() { Access::ReadOnly } else { Access::Writable };
    Descriptor::unfilled(Some(Version::CURRENT), flags, access)
}

/// Refuses what the legacy ABI cannot say.
pub(super) const fn check_legacy(flags: Flags) -> Result<(), Error> {
    if flags.is_read_only() {
        return Err(Error::ReadOnlyNotExpressible);
    }
    if flags.is_padded() {
        return Err(Error::PaddedNotExpressible);
    }
    Ok(())
}

/// Ends a draft as a tensor in the current ABI.
pub(super) fn versioned<O: Send + 'static>(
    mut draft: Draft<sys::DLManagedTensorVersioned, O>,
    tensor: Descriptor,
) -> ManagedTensorVersioned {
    let dl_tensor = write(&mut draft, &tensor);
    let raw = draft.publish(|manager_ctx| sys::DLManagedTensorVersioned {
        version: Version::CURRENT.into(),
        manager_ctx,
        deleter: Some(<sys::DLManagedTensorVersioned as Exported>::DELETER),
        flags: tensor.flags.bits(),
        dl_tensor,
    });
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(raw) };
    // SAFETY: the descriptor says what was written.
    unsafe { ManagedTensorVersioned::from_parts(handle, tensor) }
}

/// Ends a draft as a tensor in the legacy ABI; [`check_legacy`] has passed.
pub(super) fn legacy<O: Send + 'static>(
    mut draft: Draft<sys::DLManagedTensor, O>,
    mut tensor: Descriptor,
) -> ManagedTensor {
    let dl_tensor = write(&mut draft, &tensor);
    let raw = draft.publish(|manager_ctx| sys::DLManagedTensor {
        dl_tensor,
        manager_ctx,
        deleter: Some(<sys::DLManagedTensor as Exported>::DELETER),
    });
    tensor.version = None;
    tensor.flags = Flags::NONE;
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(raw) };
    // SAFETY: the descriptor says what was written.
    unsafe { ManagedTensor::from_parts(handle, tensor) }
}

fn write<A: Exported, O: Send + 'static>(
    draft: &mut Draft<A, O>,
    tensor: &Descriptor,
) -> sys::DLTensor {
    let (shape, strides) = draft.write_dims(tensor.shape(), tensor.strides());
    sys::DLTensor {
        data: tensor.data,
        device: tensor.device.into(),
        // Cannot fail: there are at most 64 dimensions.
        ndim: i32::try_from(tensor.ndim()).unwrap_or(0),
        dtype: tensor.dtype.into(),
        shape,
        strides,
        byte_offset: tensor.byte_offset,
    }
}
