//! Tensors across the C ABI that array libraries share: owned, checked, typed.
#![no_std]
#![cfg_attr(docsrs, feature(doc_auto_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;

pub use dlpack_sys as sys;

mod dims;
mod error;
mod export;
pub mod layout;
mod managed;
mod view;
mod vocabulary;

pub use error::{Error, Rejected};
#[cfg(feature = "alloc")]
pub use export::{Exporter, Owner, Shared, Sharing, Unique};
pub use export::{lend, lend_mut};
pub use managed::{
    Access, AnyManagedTensor, BorrowedTensor, Descriptor, Exclusive, ExclusiveUninit, Frozen,
    ImportMode, ManagedTensor, ManagedTensorVersioned, Tensor,
};
pub use view::{
    Item, Iter, IterMut, PackedIter, PackedView, ReadCell, TensorView, TensorViewMut, Unaligned,
};
pub use vocabulary::*;
