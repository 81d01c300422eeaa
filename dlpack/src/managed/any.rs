//! The owner of a tensor in either ABI.

use core::ops::Deref;

use super::descriptor::Descriptor;
use super::promise::promise_methods;
use super::tensor::{ManagedTensor, ManagedTensorVersioned};

/// Owns a tensor in either ABI, for code that accepts both.
///
/// # Examples
///
/// ```
/// use dlpack::{AnyManagedTensor, Exporter};
///
/// fn describe(tensor: impl Into<AnyManagedTensor>) -> String {
///     format!("{:?}", tensor.into().shape())
/// }
///
/// let old = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner();
/// let new = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
/// assert_eq!(describe(old), describe(new));
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyManagedTensor {
    /// A tensor in the legacy ABI.
    Legacy(ManagedTensor),
    /// A tensor in the current ABI.
    Versioned(ManagedTensorVersioned),
}

impl AnyManagedTensor {
    fn descriptor_mut(&mut self) -> &mut Descriptor {
        match self {
            Self::Legacy(tensor) => tensor.descriptor_mut(),
            Self::Versioned(tensor) => tensor.descriptor_mut(),
        }
    }
}

promise_methods!([] AnyManagedTensor);

impl Deref for AnyManagedTensor {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        match self {
            Self::Legacy(tensor) => tensor,
            Self::Versioned(tensor) => tensor,
        }
    }
}

impl From<ManagedTensor> for AnyManagedTensor {
    fn from(tensor: ManagedTensor) -> Self {
        Self::Legacy(tensor)
    }
}

impl From<ManagedTensorVersioned> for AnyManagedTensor {
    fn from(tensor: ManagedTensorVersioned) -> Self {
        Self::Versioned(tensor)
    }
}
