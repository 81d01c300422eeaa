//! Tensor libraries in C and C++ behind one interface, as `shims/peer.h` has it.
//!
//! Tensors move between this crate and a library as C structs only.

#![cfg(target_os = "linux")]

mod abi;
mod library;
mod memory;
mod tensor;

pub use abi::Struct;
pub use library::{
    ARROW, ARROW_ARRAYS, Export, Import, Library, Reason, Request, TORCH, TVM_FFI, Table,
};
pub use memory::{Counter, Layout, Memory, Ours, gather, pattern};
pub use tensor::{Description, Refused, Tensor};
