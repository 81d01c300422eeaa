//! What is left of a tensor when somebody else keeps its description.

use core::fmt;

use super::abi::Handle;
use super::any::AnyManagedTensor;
use super::legacy::ManagedTensor;
use super::versioned::ManagedTensorVersioned;
use crate::sys;

/// Runs the deleter of a tensor once, when it is dropped.
///
/// For frameworks with a storage type of their own, which keep address, shape and strides themselves and want of the tensor
/// no more than its end. The type is the same for both ABIs and all producers, and as small as two pointers.
///
/// # Examples
///
/// ```
/// use dlpack::{Deleter, Exporter, ManagedTensorVersioned};
///
/// /// Storage as a framework has it.
/// struct Storage {
///     data: *const f32,
///     len: usize,
///     _deleter: Deleter,
/// }
///
/// # let raw = Exporter::new(vec![1.0_f32, 2.0]).into_raw()?;
/// // SAFETY: the producer passes the tensor on, and keeps to the standard.
/// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// // SAFETY: the elements are initialised and stay as they are; checked to be contiguous `float32`, on the host.
/// let data = unsafe { tensor.as_slice::<f32>() }?.as_ptr();
/// let len = tensor.numel();
/// let storage = Storage { data, len, _deleter: tensor.into_deleter() };
/// assert_eq!((storage.data.is_null(), storage.len), (false, 2));
/// # Ok::<(), dlpack::Error>(())
/// ```
#[must_use = "the deleter runs when this is dropped"]
pub struct Deleter {
    _handle: AnyHandle,
}

/// Held for its drop.
enum AnyHandle {
    Legacy { _handle: Handle<sys::DLManagedTensor> },
    Versioned { _handle: Handle<sys::DLManagedTensorVersioned> },
}

impl fmt::Debug for Deleter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abi = match self._handle {
            AnyHandle::Legacy { .. } => "legacy",
            AnyHandle::Versioned { .. } => "versioned",
        };
        f.debug_tuple("Deleter").field(&format_args!("{abi}")).finish()
    }
}

impl ManagedTensorVersioned {
    /// Forgets what the tensor says of itself, and keeps its memory alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// let data = tensor.data().cast::<u8>();
    /// let deleter = tensor.into_deleter();
    /// // SAFETY: the deleter has not run.
    /// assert_eq!(unsafe { data.read() }, 1);
    /// drop(deleter);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_deleter(self) -> Deleter {
        Deleter { _handle: AnyHandle::Versioned { _handle: self.into_handle() } }
    }
}

impl ManagedTensor {
    /// Forgets what the tensor says of itself, and keeps its memory alive; see
    /// [`ManagedTensorVersioned::into_deleter`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner();
    /// drop(tensor.into_deleter());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_deleter(self) -> Deleter {
        Deleter { _handle: AnyHandle::Legacy { _handle: self.into_handle() } }
    }
}

impl AnyManagedTensor {
    /// Forgets what the tensor says of itself, and keeps its memory alive; see
    /// [`ManagedTensorVersioned::into_deleter`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{AnyManagedTensor, Exporter};
    ///
    /// let tensor = AnyManagedTensor::from(Exporter::new([1_u8]).build()?.into_inner());
    /// drop(tensor.into_deleter());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_deleter(self) -> Deleter {
        match self {
            Self::Legacy(tensor) => tensor.into_deleter(),
            Self::Versioned(tensor) => tensor.into_deleter(),
        }
    }
}
