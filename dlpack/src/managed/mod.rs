//! Tensors that came in: checked once, owned until dropped.

mod abi;
mod access;
mod any;
mod borrowed;
#[cfg(feature = "alloc")]
mod bytes;
mod deleter;
mod descriptor;
mod import;
mod legacy;
mod promise;
mod versioned;

pub use any::AnyManagedTensor;
pub use borrowed::BorrowedTensor;
pub use deleter::Deleter;
pub use descriptor::{Access, Descriptor};
pub use import::ImportMode;
pub use legacy::ManagedTensor;
pub use promise::{Exclusive, ExclusiveUninit, Frozen, Tensor};
pub use versioned::ManagedTensorVersioned;

pub(crate) use abi::{Abi, Handle};
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
pub(crate) use import::describe_own;
