//! What is written into a C struct of our own, and the tensor that comes of it.

use core::ffi::c_void;

use super::block::{Draft, Exported};
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Access, Descriptor, Handle, ManagedTensor, ManagedTensorVersioned, Parts};
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags, Version};

/// Everything of a tensor but its owner.
pub(super) struct Record {
    pub(super) data: *mut c_void,
    pub(super) byte_offset: u64,
    pub(super) device: Device,
    pub(super) dtype: DataType,
    pub(super) flags: Flags,
    /// `layout` is `Layout::new` of these.
    pub(super) dims: Dims<i64>,
    pub(super) layout: Layout,
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
pub(super) fn versioned<O: 'static>(
    mut draft: Draft<sys::DLManagedTensorVersioned, O>,
    record: Record,
) -> ManagedTensorVersioned {
    let dl_tensor = record.write(&mut draft);
    let raw = draft.publish(|manager_ctx| sys::DLManagedTensorVersioned {
        version: Version::CURRENT.into(),
        manager_ctx,
        deleter: Some(<sys::DLManagedTensorVersioned as Exported>::DELETER),
        flags: record.flags.bits(),
        dl_tensor,
    });
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(raw) };
    // SAFETY: the descriptor says what was written.
    unsafe { ManagedTensorVersioned::from_parts(handle, record.describe(Some(Version::CURRENT))) }
}

/// Ends a draft as a tensor in the legacy ABI; [`check_legacy`] has passed.
pub(super) fn legacy<O: 'static>(
    mut draft: Draft<sys::DLManagedTensor, O>,
    record: Record,
) -> ManagedTensor {
    let dl_tensor = record.write(&mut draft);
    let raw = draft.publish(|manager_ctx| sys::DLManagedTensor {
        dl_tensor,
        manager_ctx,
        deleter: Some(<sys::DLManagedTensor as Exported>::DELETER),
    });
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(raw) };
    // SAFETY: the descriptor says what was written.
    unsafe { ManagedTensor::from_parts(handle, record.describe(None)) }
}

impl Record {
    fn write<A: Exported, O: 'static>(&self, draft: &mut Draft<A, O>) -> sys::DLTensor {
        let (shape, strides) = draft.write_dims(self.dims.shape(), self.dims.strides());
        sys::DLTensor {
            data: self.data,
            device: self.device.into(),
            // Cannot fail: there are at most 64 dimensions.
            ndim: i32::try_from(self.dims.ndim()).unwrap_or(0),
            dtype: self.dtype.into(),
            shape,
            strides,
            byte_offset: self.byte_offset,
        }
    }

    fn describe(self, version: Option<Version>) -> Descriptor {
        let access = if self.flags.is_read_only() { Access::ReadOnly } else { Access::Writable };
        Descriptor::from_parts(Parts {
            data: self.data,
            byte_offset: self.byte_offset,
            device: self.device,
            dtype: self.dtype,
            flags: if version.is_some() { self.flags } else { Flags::NONE },
            version,
            access,
            dims: self.dims,
            layout: self.layout,
        })
    }
}
