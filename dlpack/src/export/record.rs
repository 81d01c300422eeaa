//! A block and what it describes, made into a C struct and the tensor that owns it.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::block::{Exported, Shaped};
use super::place::Place;
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Access, Descriptor, Handle, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags, Version};

/// What a tensor says of itself, apart from its shape and strides.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) data: *mut c_void,
    pub(super) byte_offset: u64,
    pub(super) device: Device,
    pub(super) dtype: DataType,
    pub(super) flags: Flags,
}

impl Fields {
    /// The description of a tensor with this shape and these strides, of which `layout` is the layout.
    #[inline]
    pub(super) fn describe(&self, dims: Dims<i64>, layout: Layout) -> Descriptor {
        let access = Access::of(self.flags);
        Descriptor {
            data: self.data,
            byte_offset: self.byte_offset,
            device: self.device,
            dtype: self.dtype,
            flags: self.flags,
            version: Some(Version::CURRENT),
            access,
            host: false,
            dims,
            layout,
        }
    }
}

/// Returns what a new struct says of a tensor, apart from shape and strides.
pub(super) fn fields_of(tensor: &Descriptor, flags: Flags) -> Fields {
    let device = tensor.device.canonical();
    let (data, byte_offset) = if tensor.is_empty() {
        (core::ptr::null_mut(), 0)
    } else {
        folded(tensor.data, tensor.byte_offset, device)
    };
    Fields { data, byte_offset, device, dtype: tensor.dtype, flags }
}

/// Returns the flags that a tensor passes on to whoever gets it next.
pub(super) fn inherited(tensor: &Descriptor) -> Flags {
    let mut flags = Flags::NONE;
    if tensor.access() == Access::ReadOnly {
        flags = flags.with(Flags::READ_ONLY);
    }
    if tensor.flags().is_padded() {
        flags = flags.with(Flags::IS_SUBBYTE_TYPE_PADDED);
    }
    flags
}

/// Returns the data pointer and the byte offset, which becomes part of an address, since some consumers ignore it.
///
/// What leaves the address space stays as it is, and is refused by views as it was before.
pub(super) fn folded(data: *mut c_void, byte_offset: u64, device: Device) -> (*mut c_void, u64) {
    let is_address = device.device_type.is_address() && !data.is_null();
    match isize::try_from(byte_offset) {
        Ok(offset) if is_address && data.addr().checked_add_signed(offset).is_some() => {
            (data.wrapping_byte_offset(offset), 0)
        }
        _ => (data, byte_offset),
    }
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

/// Makes a block a tensor in the current ABI, of which `tensor` is the description.
pub(super) fn versioned<O: Send + 'static, P: Place>(
    shaped: Shaped<sys::DLManagedTensorVersioned, O, P>,
    fields: &Fields,
    tensor: Descriptor,
) -> ManagedTensorVersioned {
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(publish(shaped, fields)) };
    // SAFETY: the descriptor says what was written, and shape and strides lie in the block.
    unsafe { ManagedTensorVersioned::from_parts(handle, tensor, true) }
}

/// Makes a block a tensor in the legacy ABI, of which `tensor` is the description; [`check_legacy`] has passed.
pub(super) fn legacy<O: Send + 'static, P: Place>(
    shaped: Shaped<sys::DLManagedTensor, O, P>,
    fields: &Fields,
    mut tensor: Descriptor,
) -> ManagedTensor {
    tensor.version = None;
    tensor.flags = Flags::NONE;
    // SAFETY: a struct of ours, just published.
    let handle = unsafe { Handle::new(publish(shaped, fields)) };
    // SAFETY: the descriptor says what was written, and shape and strides lie in the block.
    unsafe { ManagedTensor::from_parts(handle, tensor, true) }
}

/// Writes the C struct; who gets the pointer owns the tensor. For the legacy ABI [`check_legacy`] has passed.
#[inline(always)]
pub(super) fn publish<A: Exported, O: Send + 'static, P: Place>(
    shaped: Shaped<A, O, P>,
    fields: &Fields,
) -> NonNull<A> {
    let dl_tensor = outlined(&shaped, fields);
    shaped.publish(|manager_ctx| A::fill(dl_tensor, manager_ctx, fields.flags))
}

/// The part of the C struct that is a tensor; its shape and strides are those in the block.
#[inline(always)]
pub(super) fn outlined<A: Exported, O: Send + 'static, P: Place>(
    shaped: &Shaped<A, O, P>,
    fields: &Fields,
) -> sys::DLTensor {
    let (shape, strides) = shaped.dims();
    sys::DLTensor {
        data: fields.data,
        device: fields.device.into(),
        // Cannot fail: there are at most 64 dimensions.
        ndim: i32::try_from(shaped.shape().len()).unwrap_or(0),
        dtype: fields.dtype.into(),
        shape,
        strides,
        byte_offset: fields.byte_offset,
    }
}
