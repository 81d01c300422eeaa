//! Imported tensors, given out again under a header of ours.
//!
//! The struct that came in is never moved or changed, since its deleter expects it as it was. It becomes the owner in a
//! new block, whose struct says what was checked when the tensor came in, with canonical strides and our version. If it is
//! under a header of ours already and grants no more than its owner, that header ends, and the owner goes under the new one.

use core::ops::Deref;

use super::allocator::Global;
use super::block::{DimsMut, Unpublished};
use crate::error::{Error, RejectedError};
use crate::layout::canonical;
use crate::managed::sealed::Abi as _;
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
            Self::Legacy(tensor) => tensor.into_versioned().map_err(|it| it.map(Self::Legacy)),
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
        let flags = sys::DLManagedTensor::express(Flags::from_bits(flags));
        let (this, flags) = RejectedError::unless_ok(self, flags)?;
        // `downcast` must not find the opaque tensor in the new block: whoever had the new struct may have written the
        // arrays, which the two have in common.
        match Unpublished::new(Sealed(this), Global, 0) {
            // SAFETY: the opaque tensor keeps the memory and, by invariant 2, the arrays.
            Ok(block) => Ok(unsafe { OpaqueTensor::new(block.publish(dl_tensor, flags)) }),
            Err(rejected) => Err(rejected.map(|Sealed(tensor)| tensor)),
        }
    }
}

/// An owner that has no type outside of this file.
struct Sealed(OpaqueTensor);

/// The flags that a tensor passes on: a legacy one is read-only unless it is known to be writable.
///
/// # Errors
///
/// What the ABI cannot express, and [`Error::NullData`] if there are elements, but no data.
#[inline]
pub(super) fn inherited<A: Abi>(tensor: &Descriptor) -> Result<Flags, Error> {
    let padded = tensor.flags().is_padded();
    let flags = if padded { Flags::IS_SUBBYTE_TYPE_PADDED } else { Flags::NONE };
    let forbidden = match tensor.access() {
        Access::ReadOnly => true,
        Access::Writable => false,
        // The legacy ABI leaves it open again.
        Access::Unknown => A::VERSION.major != 0,
    };
    let flags = A::express(if forbidden { flags.with(Flags::READ_ONLY) } else { flags })?;
    if tensor.data().is_null() && !tensor.is_empty() { Err(Error::NullData) } else { Ok(flags) }
}

/// Returns `true` if two tensors name the same elements, and the second grants and promises no more than the first.
pub(super) fn covers(one: &Descriptor, other: &Descriptor) -> bool {
    let (has, wants) = (one.access(), other.access());
    one.canonical_fields() == other.canonical_fields()
        && (one.shape(), one.strides()) == (other.shape(), other.strides())
        && one.flags().without(Flags::READ_ONLY) == other.flags().without(Flags::READ_ONLY)
        && (has == wants || has == Access::Writable || wants == Access::ReadOnly)
        && (one.has_host_promise() || !other.has_host_promise())
}

/// Writes a tensor's shape, and its strides with canonical values where they address nothing. Returns the fields of a
/// struct for it.
#[inline(always)]
pub(super) fn write((sizes, steps): DimsMut<'_>, tensor: &Descriptor) -> Fields {
    let mut canonical = canonical(tensor.is_empty());
    let axes = tensor.shape().iter().zip(tensor.strides());
    for ((to, step), (&size, &stride)) in sizes.iter_mut().zip(steps).zip(axes).rev() {
        to.write(size);
        step.write(canonical(size, stride));
    }
    tensor.canonical_fields()
}

/// A tensor for a consumer, or the tensor of which it could not be made.
type Ready<A, B> = Result<OpaqueTensor<B>, RejectedError<Managed<A>>>;

/// Puts a tensor under a header of either ABI, with flags that it passes on.
fn under_header<A: Abi, B: Abi>(tensor: Managed<A>, flags: Flags) -> Ready<A, B> {
    let done = again::<A, B, ManagedTensorVersioned>(tensor, flags)
        .or_else(|tensor| again::<A, B, ManagedTensor>(tensor, flags));
    #[cfg(target_has_atomic = "ptr")]
    let done = done.or_else(|tensor| again::<A, B, super::whole::Shared>(tensor, flags));
    done.unwrap_or_else(|tensor| block_of(tensor, |tensor| tensor, flags))
}

/// Puts the owner of a tensor that grants no more than its owner under the new header, without the header of before, so that
/// tensors which are passed on and on do not become a chain. Returns other tensors.
fn again<A: Abi, B: Abi, O: Deref<Target = Descriptor> + Send + Sync + 'static>(
    tensor: Managed<A>,
    flags: Flags,
) -> Result<Ready<A, B>, Managed<A>> {
    if !tensor.owner::<O>().is_some_and(|(owner, _)| covers(owner, &tensor)) {
        return Err(tensor);
    }
    // SAFETY: the tensor has just been found to have such an owner.
    let take = |tensor: Managed<A>| unsafe { tensor.into_owner::<O>().unwrap_unchecked() };
    Ok(block_of(tensor, take, flags))
}

/// A block with what `take` makes of a tensor: itself, or an owner of the same elements that grants no less.
#[inline(always)]
fn block_of<A: Abi, B: Abi, O: Deref<Target = Descriptor> + Send + 'static>(
    tensor: Managed<A>,
    take: impl FnOnce(Managed<A>) -> O,
    flags: Flags,
) -> Ready<A, B> {
    let ndim = tensor.ndim();
    let mut block = Unpublished::taken_from(tensor, take, Global, ndim)?;
    let (owner, dims) = block.tensor_and_dims();
    let fields = write(dims, owner);
    // SAFETY: shape and strides are written, and say of the owner what its description says, with the flags that it passes
    // on. Whoever alone reaches the tensor is still alone.
    Ok(unsafe { block.into_opaque(&fields, flags) })
}

/// Puts a tensor under a header of either ABI, for use in Rust.
fn convert<A: Abi, B: Abi>(tensor: Managed<A>) -> Result<Managed<B>, RejectedError<Managed<A>>> {
    // SAFETY: the invariants of the descriptor hold while the new tensor keeps this one, or what grants no less of the same
    // elements; the flags grant no more.
    let described =
        inherited::<B>(&tensor).and_then(|flags| unsafe { tensor.in_our_struct::<B>(flags) });
    let (tensor, described) = RejectedError::unless_ok(tensor, described)?;
    let opaque = under_header(tensor, described.flags())?;
    // SAFETY: the struct is new, and says what the description says.
    Ok(unsafe { Managed::exported(opaque.into_handle(), described) })
}

/// Puts a tensor under a header of either ABI, for a consumer.
pub(super) fn ready<A: Abi, B: Abi>(tensor: Managed<A>) -> Ready<A, B> {
    let copied = tensor.flags().contains(Flags::IS_COPIED) && B::VERSION.major != 0;
    let flags = inherited::<B>(&tensor);
    let (tensor, flags) = RejectedError::unless_ok(tensor, flags)?;
    under_header(tensor, if copied { flags.with(Flags::IS_COPIED) } else { flags })
}
