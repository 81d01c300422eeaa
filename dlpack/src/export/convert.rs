//! Tensors that came in, given out again under a header of our own.
//!
//! The struct that came in is never moved or changed, since its deleter expects it as it was. It becomes the owner
//! of a new one, with canonical strides and our version.

use super::block::{Draft, Exported, Shaped};
use super::place::Heap;
use super::record::{self, Fields, fields_of, inherited};
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

    /// Puts a tensor whose arrays need not last under a header of this crate, in the same ABI.
    pub(super) fn into_lasting(self) -> Result<Self, Rejected<Self>> {
        if self.is_lasting() {
            return Ok(self);
        }
        let wrapped = wrap::<sys::DLManagedTensor, _>(self, Flags::NONE)?;
        Ok(record::legacy(wrapped.shaped, &wrapped.fields, wrapped.tensor))
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

    /// Puts a tensor whose arrays need not last under a header of this crate, in the same ABI.
    ///
    /// It goes to one consumer, so that what is marked as a copy remains one.
    pub(super) fn into_lasting(self) -> Result<Self, Rejected<Self>> {
        if self.is_lasting() {
            return Ok(self);
        }
        let mut flags = inherited(&self);
        if self.flags().contains(Flags::IS_COPIED) {
            flags = flags.with(Flags::IS_COPIED);
        }
        let wrapped = wrap::<sys::DLManagedTensorVersioned, _>(self, flags)?;
        Ok(record::versioned(wrapped.shaped, &wrapped.fields, wrapped.tensor))
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

fn copy_of(tensor: &Descriptor, fields: &Fields) -> Result<Descriptor, Error> {
    let mut dims = Dims::copied(tensor.shape(), tensor.strides())?;
    let (shape, strides) = dims.both_mut();
    layout::normalize_strides(shape, strides);
    let mut copy = fields.describe(dims, tensor.layout);
    copy.host = tensor.host;
    Ok(copy)
}
