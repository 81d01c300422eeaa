//! Tensors given to several consumers.

use alloc::sync::Arc;
use core::ops::Deref;

use super::block::{Draft, Shaped};
use super::convert::flags_of_legacy;
use super::parcel::Parcel;
use super::place::Heap;
use super::record::{self, Fields, fields_of, inherited};
use crate::error::Error;
use crate::layout::Canonical;
use crate::managed::{
    Descriptor, Frozen, ManagedTensor, ManagedTensorVersioned, Tensor, describe_own,
};
use crate::sys;
use crate::vocabulary::Flags;

impl ManagedTensor {
    /// Gives the tensor to one more consumer; see [`ManagedTensorVersioned::share`].
    ///
    /// The flag `READ_ONLY` is set unless the memory is known to be writable.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2]).build_legacy()?.into_inner());
    /// assert_eq!(tensor.share()?.data(), tensor.data());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share(self: &Arc<Self>) -> Result<ManagedTensorVersioned, Error> {
        share(self, flags_of_legacy(self))
    }
}

impl ManagedTensorVersioned {
    /// Gives the tensor to one more consumer.
    ///
    /// One allocation, no copy. The deleter of this tensor runs when all consumers and all clones of the `Arc` are
    /// done. `READ_ONLY` and `IS_SUBBYTE_TYPE_PADDED` are passed on; `IS_COPIED` is not, since no consumer
    /// is the only one.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2]).build()?.into_inner());
    /// let (one, two) = (tensor.share()?, tensor.share()?);
    /// assert_eq!(one.data(), two.data());
    /// assert_eq!(Arc::strong_count(&tensor), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share(self: &Arc<Self>) -> Result<Self, Error> {
        share(self, inherited(self))
    }
}

impl ManagedTensorVersioned {
    /// Gives the tensor to one more consumer, as [`share`](Self::share) does, but without a description.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2]).build()?.into_inner());
    /// let raw = tensor.share_parcel()?.into_raw();
    /// // SAFETY: just passed on.
    /// let child = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert_eq!(child.data(), tensor.data());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share_parcel(self: &Arc<Self>) -> Result<Parcel, Error> {
        let (shaped, fields) = wrapped(self, inherited(self))?;
        // SAFETY: a struct of ours, just published.
        Ok(unsafe { Parcel::from_raw(record::publish(shaped, &fields)) })
    }
}

impl<O: Tensor + Send + Sync + 'static> Frozen<O> {
    /// Gives the tensor to one more consumer, read-only, as its elements are to stay as they are.
    ///
    /// As [`ManagedTensorVersioned::share`] otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Access, Exporter};
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let child = tensor.share()?;
    /// assert_eq!(child.access(), Access::ReadOnly);
    /// assert_eq!(child.as_slice::<u8>()?, tensor.as_slice::<u8>()?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share(self: &Arc<Self>) -> Result<Frozen<ManagedTensorVersioned>, Error> {
        let tensor = share(self, inherited(self).with(Flags::READ_ONLY))?;
        // SAFETY: the promise that this type stands for; the new tensor keeps it alive.
        Ok(unsafe { tensor.assume_frozen() })
    }
}

fn share<T>(tensor: &Arc<T>, flags: Flags) -> Result<ManagedTensorVersioned, Error>
where
    T: Deref<Target = Descriptor> + Send + Sync + 'static,
{
    let (shaped, fields) = wrapped(tensor, flags)?;
    let dl_tensor = record::outlined(&shaped, &fields);
    // The short way of imports is the shortest.
    // SAFETY: shape and strides lie in the block, written.
    let mut described = unsafe { describe_own(&raw const dl_tensor, fields.flags) }?;
    described.host = tensor.host;
    Ok(record::versioned(shaped, &fields, described))
}

type Wrapped<T> = Shaped<sys::DLManagedTensorVersioned, Keep<T>, Heap>;

/// Puts the tensor under a new header.
#[inline]
fn wrapped<T>(tensor: &Arc<T>, flags: Flags) -> Result<(Wrapped<T>, Fields), Error>
where
    T: Deref<Target = Descriptor> + Send + Sync + 'static,
{
    let fields = fields_of(tensor, flags);
    let draft = Draft::new(Keep(Arc::clone(tensor)), Heap, tensor.ndim())?;
    let mut canonical = Canonical::new(tensor.is_empty());
    let mut strides = tensor.strides().iter().rev();
    let shaped = draft.try_with_dims(tensor.shape(), |&size| {
        Some((size, canonical.stride(size, *strides.next()?)))
    });
    // Cannot fail: there are as many strides as sizes, for which the draft was made.
    shaped.map(|shaped| (shaped, fields)).map_err(|_| Error::AllocationFailed)
}

/// A shared tensor, which dereferences as the tensor does.
pub(super) struct Keep<T>(pub(super) Arc<T>);

impl<T: Deref<Target = Descriptor>> Deref for Keep<T> {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        &self.0
    }
}
