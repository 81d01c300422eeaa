//! Imported tensors, given out again under a header of ours.
//!
//! The struct that came in is never moved or changed, since its deleter expects it as it was. It becomes the owner in a
//! new block, whose struct says what was checked when the tensor came in, with canonical strides and our version.

use core::ops::Deref;

use super::allocator::Global;
use super::block::{Described, DimsMut, Unpublished, around};
use crate::error::{Error, RejectedError};
use crate::layout::Canonical;
use crate::managed::{
    Abi, Access, AnyManagedTensor, Descriptor, Fields, Managed, ManagedTensor,
    ManagedTensorVersioned, OpaqueTensor,
};
use crate::sys;
use crate::vocabulary::Flags;

impl ManagedTensor {
    /// Puts the tensor under a header of the current ABI.
    ///
    /// This makes one allocation and no copy. Strides are filled in if there were none, and on devices that have addresses
    /// the byte offset becomes part of the data pointer. The flag `READ_ONLY` is set unless the memory is known to be
    /// writable; see [`assume_writable`](Managed::assume_writable).
    ///
    /// # Errors
    ///
    /// Hands the tensor back with [`Error::AllocationFailed`], or with [`Error::NullData`] if there are elements, but no data.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Access, Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2]).build_legacy()?.into_raw();
    /// // SAFETY: the producer passes the tensor on, and keeps to the standard.
    /// let tensor = unsafe { ManagedTensor::from_raw(raw) }?.into_versioned()?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_versioned(self) -> Result<ManagedTensorVersioned, RejectedError<Self>> {
        convert(self)
    }
}

impl ManagedTensorVersioned {
    /// Puts the tensor under a header of the legacy ABI, for consumers that know no other.
    ///
    /// This makes one allocation and no copy. The flag `IS_COPIED` is lost, since that ABI has none.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if that ABI
    /// cannot say what the flags do, [`Error::NullData`] if there are elements, but no data, or [`Error::AllocationFailed`].
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
    pub fn into_legacy(self) -> Result<ManagedTensor, RejectedError<Self>> {
        convert(self)
    }
}

impl AnyManagedTensor {
    /// Returns the tensor in the current ABI, under a new header if it came in the legacy one.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensor::into_versioned`].
    pub fn into_versioned(self) -> Result<ManagedTensorVersioned, RejectedError<Self>> {
        match self {
            Self::Legacy(tensor) => {
                tensor.into_versioned().map_err(|rejected| rejected.map(Self::Legacy))
            }
            Self::Versioned(tensor) => Ok(tensor),
        }
    }
}

impl OpaqueTensor {
    /// Puts the tensor under a header of the legacy ABI, for consumers that know no other.
    ///
    /// This makes one allocation and no copy.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if that ABI
    /// cannot say what the flags do, or [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_opaque()?.into_legacy()?.into_raw();
    /// // SAFETY: an opaque tensor holds the contract.
    /// assert_eq!(unsafe { ManagedTensor::from_raw(raw) }?.numel(), 2);
    ///
    /// let refused = Exporter::new([1_u8, 2]).read_only().into_opaque()?.into_legacy();
    /// assert_eq!(refused.unwrap_err().error(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn into_legacy(self) -> Result<OpaqueTensor<sys::DLManagedTensor>, RejectedError<Self>> {
        // SAFETY: invariant 1 of an opaque tensor: the struct is live. The pointers in it are only passed on.
        let (flags, dl_tensor) = unsafe { ((*self.as_raw()).flags, (*self.as_raw()).dl_tensor) };
        let flags = match express::<sys::DLManagedTensor>(Flags::from_bits(flags)) {
            Ok(flags) => flags,
            Err(error) => return Err(RejectedError::new(self, error)),
        };
        // `downcast` must not find the opaque tensor in the new block: whoever had the new struct may have written the
        // arrays, which the two have in common.
        // SAFETY: the opaque tensor keeps the memory and, by invariant 2, the arrays.
        unsafe { around(Sealed(self), dl_tensor, flags) }
            .map_err(|rejected| rejected.map(|Sealed(tensor)| tensor))
    }
}

/// An owner that has no type outside of this file.
struct Sealed(OpaqueTensor);

fn express<A: Abi>(flags: Flags) -> Result<Flags, Error> {
    A::express(flags)
}

/// The flags that a tensor passes on: a legacy one is read-only unless it is known to be writable.
#[inline]
pub(super) fn inherited<A: Abi>(tensor: &Descriptor) -> Flags {
    let padded = tensor.flags().is_padded();
    let flags = if padded { Flags::IS_SUBBYTE_TYPE_PADDED } else { Flags::NONE };
    let forbidden = match tensor.access() {
        Access::ReadOnly => true,
        Access::Writable => false,
        // The legacy ABI leaves it open again.
        Access::Unknown => A::VERSION.is_some(),
    };
    if forbidden { flags.with(Flags::READ_ONLY) } else { flags }
}

/// A block whose owner is a tensor, and the fields of its struct.
pub(super) type UnderHeader<B, O> = (Unpublished<B, O, Global>, Fields);

/// A tensor as the owner of a block that says what the tensor says.
///
/// The block and the description hold the contract of [`Unpublished::into_managed`]: shape and strides are written, and
/// describe the elements of a checked tensor, which the owner is. A tensor with elements and without data is rejected.
#[inline(always)]
pub(super) fn under_header<B: Abi, O>(owner: O) -> Result<UnderHeader<B, O>, RejectedError<O>>
where
    O: Deref<Target = Descriptor> + Send + 'static,
{
    if owner.data().is_null() && !owner.is_empty() {
        return Err(RejectedError::new(owner, Error::NullData));
    }
    let ndim = owner.ndim();
    let mut block = Unpublished::new(owner, Global, ndim)?;
    let (tensor, dims) = block.tensor_and_dims();
    let axes = tensor.shape().iter().copied().zip(tensor.strides().iter().copied());
    write_canonical(dims, tensor.is_empty(), axes);
    let fields = tensor.canonical_fields();
    Ok((block, fields))
}

/// Writes a shape, and strides with canonical values where they address nothing.
#[inline]
pub(super) fn write_canonical(
    (sizes, steps): DimsMut<'_>,
    is_empty: bool,
    axes: impl DoubleEndedIterator<Item = (i64, i64)> + ExactSizeIterator,
) {
    let mut canonical = Canonical::new(is_empty);
    for ((to, step), (size, stride)) in sizes.iter_mut().zip(steps).zip(axes).rev() {
        to.write(size);
        step.write(canonical.stride(size, stride));
    }
}

/// Puts an owner of a tensor under a header of ours, for use in Rust.
///
/// The flags are those that the tensor passes on.
pub(super) fn managed_under<B: Abi, O>(
    owner: O,
    flags: Flags,
) -> Result<Managed<B>, RejectedError<O>>
where
    O: Deref<Target = Descriptor> + Send + 'static,
{
    let (layout, host) = (owner.layout(), owner.has_host_promise());
    let (block, fields) = under_header(owner)?;
    let described = Described { fields, flags, layout };
    // SAFETY: `under_header` holds the contract. If the promise about the host was made, it was for the same memory.
    unsafe {
        let tensor = block.into_managed(&described)?;
        Ok(if host { tensor.assume_host_accessible() } else { tensor })
    }
}

/// Puts a tensor under a header of either ABI.
fn convert<A: Abi, B: Abi>(tensor: Managed<A>) -> Result<Managed<B>, RejectedError<Managed<A>>> {
    match express::<B>(inherited::<B>(&tensor)) {
        Ok(flags) => managed_under(tensor, flags),
        Err(error) => Err(RejectedError::new(tensor, error)),
    }
}

/// Puts a tensor under a header of either ABI, for a consumer.
pub(super) fn ready<A: Abi, B: Abi>(
    tensor: Managed<A>,
) -> Result<OpaqueTensor<B>, RejectedError<Managed<A>>> {
    let copied = tensor.flags().contains(Flags::IS_COPIED) && B::VERSION.is_some();
    let flags = match express::<B>(inherited::<B>(&tensor)) {
        Ok(flags) if copied => flags.with(Flags::IS_COPIED),
        Ok(flags) => flags,
        Err(error) => return Err(RejectedError::new(tensor, error)),
    };
    let (block, fields) = under_header(tensor)?;
    // SAFETY: `under_header` holds the contract. Whoever alone reaches the tensor is still alone.
    Ok(unsafe { block.into_opaque(&fields, flags) })
}
