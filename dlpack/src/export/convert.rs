//! Tensors that came in, given out again under a header of our own.
//!
//! The struct that came in is never moved or changed, since its deleter expects it as it was. It becomes the owner
//! of a new one, with canonical strides and our version.

use core::ffi::c_void;

use super::block::{Draft, Exported, Shaped};
use super::place::Heap;
use super::record::{self, Fields};
use crate::dims::Dims;
use crate::error::{Error, Rejected};
use crate::layout;
use crate::managed::{Access, AnyManagedTensor, Descriptor, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::Flags;

impl ManagedTensor {
    /// Puts the tensor under a header of the current ABI.
    ///
    /// One allocation, no copy. Strides are filled in if there were none, and on devices that have addresses the byte
    /// offset becomes part of the data pointer. The flag `READ_ONLY` is set unless the memory is known to be writable; see
    /// [`Tensor::assume_writable`](crate::Tensor::assume_writable).
    ///
    /// # Errors
    ///
    /// Hands the tensor back with [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Access, Exporter, ManagedTensor};
    ///
    /// # let raw = Exporter::new([1_u8, 2]).build_legacy()?.into_raw();
    /// // SAFETY: the producer passes the tensor on, and keeps to the standard.
    /// let tensor = unsafe { ManagedTensor::from_raw(raw) }?.into_versioned()?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_versioned(self) -> Result<ManagedTensorVersioned, Rejected<Self>> {
        let flags = flags_of_legacy(&self);
        let wrapped = wrap::<sys::DLManagedTensorVersioned, _>(self, flags)?;
        Ok(record::versioned(wrapped.shaped, &wrapped.fields, wrapped.tensor))
    }
}

impl ManagedTensorVersioned {
    /// Puts the tensor under a header of the legacy ABI, for consumers that know no other.
    ///
    /// One allocation, no copy. The flag `IS_COPIED` is lost, since that ABI has none.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if that ABI
    /// cannot say what the flags do, or [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// let tensor = Exporter::new([1_u8, 2]).build()?.into_inner().into_legacy()?;
    /// assert_eq!(tensor.shape(), [2]);
    ///
    /// let tensor = Exporter::new([1_u8, 2]).read_only().build()?.into_inner();
    /// let refused = tensor.into_legacy().unwrap_err();
    /// assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn into_legacy(self) -> Result<ManagedTensor, Rejected<Self>> {
        let flags = inherited(&self);
        if let Err(error) = record::check_legacy(flags) {
            return Err(Rejected::new(self, error));
        }
        let wrapped = wrap::<sys::DLManagedTensor, _>(self, flags)?;
        Ok(record::legacy(wrapped.shaped, &wrapped.fields, wrapped.tensor))
    }
}

impl AnyManagedTensor {
    /// Returns the tensor in the current ABI, under a new header if it came in the legacy one.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensor::into_versioned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{AnyManagedTensor, Exporter};
    ///
    /// let tensor = AnyManagedTensor::from(Exporter::new([1_u8]).build_legacy()?.into_inner());
    /// assert_eq!(tensor.into_versioned()?.numel(), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_versioned(self) -> Result<ManagedTensorVersioned, Rejected<Self>> {
        match self {
            Self::Legacy(tensor) => {
                tensor.into_versioned().map_err(|rejected| rejected.map(Self::Legacy))
            }
            Self::Versioned(tensor) => Ok(tensor),
        }
    }
}

/// The flag that a legacy tensor cannot have: read-only, unless it is known to be writable.
pub(super) fn flags_of_legacy(tensor: &Descriptor) -> Flags {
    if tensor.access() == Access::Writable { Flags::NONE } else { Flags::READ_ONLY }
}

/// The flags that a tensor passes on.
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

/// A tensor that has become the owner of a new one.
pub(super) struct Wrapped<A: Exported, O: 'static> {
    pub(super) shaped: Shaped<A, O, Heap>,
    pub(super) fields: Fields,
    pub(super) tensor: Descriptor,
}

/// Makes a tensor the owner of a new one.
pub(super) fn wrap<A: Exported, O>(owner: O, flags: Flags) -> Result<Wrapped<A, O>, Rejected<O>>
where
    O: core::ops::Deref<Target = Descriptor> + Send + 'static,
{
    let fields = fields_of(&owner, flags);
    let tensor = match copy_of(&owner, &fields) {
        Ok(tensor) => tensor,
        Err(error) => return Err(Rejected::new(owner, error)),
    };
    let draft = Draft::new(owner, Heap, tensor.ndim())?;
    let shaped = draft.with_dims(tensor.shape(), tensor.strides())?;
    Ok(Wrapped { shaped, fields, tensor })
}

/// The data pointer and the byte offset, which is folded into an address, since some consumers ignore it.
///
/// What leaves the address space stays as it is, and is refused by views as it was before.
fn folded(tensor: &Descriptor) -> (*mut c_void, u64) {
    let is_address = tensor.device.device_type.is_address() && !tensor.data.is_null();
    match isize::try_from(tensor.byte_offset) {
        Ok(offset) if is_address && tensor.data.addr().checked_add_signed(offset).is_some() => {
            (tensor.data.wrapping_byte_offset(offset), 0)
        }
        _ => (tensor.data, tensor.byte_offset),
    }
}

pub(super) fn fields_of(tensor: &Descriptor, flags: Flags) -> Fields {
    let (data, byte_offset) =
        if tensor.is_empty() { (core::ptr::null_mut(), 0) } else { folded(tensor) };
    let device = tensor.device.canonical();
    Fields { data, byte_offset, device, dtype: tensor.dtype, flags }
}

fn copy_of(tensor: &Descriptor, fields: &Fields) -> Result<Descriptor, Error> {
    let mut dims = Dims::copied(tensor.shape(), tensor.strides())?;
    let (shape, strides) = dims.both_mut();
    layout::normalize_strides(shape, strides);
    let mut copy = fields.describe(dims, tensor.layout);
    copy.host = tensor.host;
    Ok(copy)
}
