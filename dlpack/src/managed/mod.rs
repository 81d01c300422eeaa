//! Tensors that came in: checked once, owned until dropped.

mod abi;
mod block_header;
mod handle;
mod import;

mod tensor;

mod promise;

mod descriptor;

mod access;

mod any;
mod borrowed;

#[cfg(feature = "alloc")]
mod bytes;
mod opaque;

pub use abi::Abi;
pub use any::AnyManagedTensor;
pub use borrowed::BorrowedTensor;
pub use descriptor::{Access, Descriptor};
pub use opaque::OpaqueTensor;
pub use promise::{Exclusive, ExclusiveUninit, Frozen, TensorSlice};
pub use tensor::{Managed, ManagedTensor, ManagedTensorVersioned};

pub(crate) use abi::{Header, sealed};
pub(crate) use block_header::{BlockHeader, BlockKind};
pub(crate) use descriptor::Fields;
pub(crate) use handle::Handle;
