//! The owner of a `DLManagedTensor`, the struct of DLPack before 1.0.

use core::fmt;
use core::ops::Deref;

use super::abi::Handle;
use super::descriptor::{Access, Descriptor};
use super::import::{self, Header, ImportMode};
use super::promise::{Tensor, sealed};
use crate::error::Error;
use crate::sys;
use crate::vocabulary::Flags;

/// Owns a tensor in the legacy ABI, and runs its deleter once, on drop.
///
/// As [`ManagedTensorVersioned`](crate::ManagedTensorVersioned), for producers that have no other. This
/// struct has neither a version nor flags, so that nothing says whether the memory may be written: its
/// [`access`](Descriptor::access) is [`Unknown`](crate::Access::Unknown).
///
/// # Examples
///
/// ```
/// use dlpack::{Access, Exporter, ManagedTensor};
///
/// # let raw = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build_legacy()?.into_raw();
/// // SAFETY: the producer passes the tensor on, and keeps to the standard.
/// let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.access(), Access::Unknown);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct ManagedTensor {
    /// # Invariants
    ///
    /// 1. `handle` points to a live, aligned struct.
    /// 2. `descriptor` is what the struct said when it came in.
    /// 3. If `lasting`, the struct was made by this crate and has not been out since: its shape and strides hold
    ///    what `descriptor` says until the deleter runs. Otherwise clause S4 has ended, and nobody reads them again.
    handle: Handle<sys::DLManagedTensor>,
    descriptor: Descriptor,
    lasting: bool,
}

impl ManagedTensor {
    /// Takes over a tensor from its producer.
    ///
    /// Null strides mean row-major here, as the standard of that time allowed.
    ///
    /// # Errors
    ///
    /// As for [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw), without
    /// [`Error::UnsupportedVersion`].
    ///
    /// # Safety
    ///
    /// Clauses S1, S3, S4 and S5 of
    /// [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw), where S5 asks for
    /// readable bytes only.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_raw();
    /// // SAFETY: a struct of this crate, just passed on.
    /// let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    /// assert_eq!(tensor.numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub unsafe fn from_raw(raw: *mut sys::DLManagedTensor) -> Result<Self, Error> {
        // SAFETY: clauses S1 and S3.
        let handle = unsafe { import::take(raw) }?;
        // SAFETY: clause S1.
        let tensor = unsafe { &raw const (*raw).dl_tensor };
        let header = Header { version: None, flags: Flags::NONE, access: Access::Unknown };
        // SAFETY: clauses S1 and S4.
        let descriptor = unsafe { import::describe(tensor, header, ImportMode::Lenient) }?;
        Ok(Self { handle, descriptor, lasting: false })
    }

    /// # Safety
    ///
    /// The arguments must hold the invariants of the type.
    pub(crate) const unsafe fn from_parts(
        handle: Handle<sys::DLManagedTensor>,
        descriptor: Descriptor,
        lasting: bool,
    ) -> Self {
        Self { handle, descriptor, lasting }
    }

    /// Returns `true` if the shape and strides of the struct hold until the deleter runs.
    pub(crate) const fn is_lasting(&self) -> bool {
        self.lasting
    }

    pub(super) fn into_handle(self) -> Handle<sys::DLManagedTensor> {
        self.handle
    }

    /// Returns the struct to be passed on to a consumer, who must call its deleter.
    ///
    /// The shape and strides of a struct that this crate has made hold until its deleter runs. A tensor that came in
    /// by [`from_raw`](Self::from_raw) leaves as its producer's own struct, of which that does not hold; see
    /// [`ManagedTensorVersioned::into_raw`](crate::ManagedTensorVersioned::into_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner().into_raw();
    /// // SAFETY: a struct of this crate, just passed on.
    /// drop(unsafe { ManagedTensor::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut sys::DLManagedTensor {
        self.handle.into_raw()
    }

    /// Returns the pointer and keeps the tensor.
    ///
    /// As for [`ManagedTensorVersioned::as_raw`](crate::ManagedTensorVersioned::as_raw), nobody may write the struct or
    /// its shape and strides through the pointer.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner();
    /// // SAFETY: the tensor is alive.
    /// assert_eq!(unsafe { (*tensor.as_raw()).dl_tensor.ndim }, 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn as_raw(&self) -> *mut sys::DLManagedTensor {
        self.handle.as_ptr()
    }
}

impl Deref for ManagedTensor {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl sealed::Described for ManagedTensor {
    fn descriptor_mut(&mut self, _: sealed::Key) -> &mut Descriptor {
        &mut self.descriptor
    }
}

impl Tensor for ManagedTensor {}

impl fmt::Debug for ManagedTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}
