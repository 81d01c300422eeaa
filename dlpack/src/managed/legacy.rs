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
    /// 1. Points to a live, aligned struct.
    /// 2. `descriptor` is what it said when it came in.
    handle: Handle<sys::DLManagedTensor>,
    descriptor: Descriptor,
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
    /// // SAFETY: `into_raw` passes on a tensor that holds the contract.
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
        Ok(Self { handle, descriptor })
    }

    /// # Safety
    ///
    /// The arguments must hold the invariants of the type.
    pub(crate) const unsafe fn from_parts(
        handle: Handle<sys::DLManagedTensor>,
        descriptor: Descriptor,
    ) -> Self {
        Self { handle, descriptor }
    }

    pub(super) fn into_handle(self) -> Handle<sys::DLManagedTensor> {
        self.handle
    }

    /// Passes the tensor on to a consumer, who must call its deleter.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner().into_raw();
    /// // SAFETY: just passed on.
    /// drop(unsafe { ManagedTensor::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut sys::DLManagedTensor {
        self.handle.into_raw()
    }

    /// Returns the pointer and keeps the tensor.
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
