//! DLPack tensors as arguments and results of Python extensions that are written in Rust with PyO3.
//!
//! - A function that takes [`PyTensor`] takes arrays of NumPy, PyTorch, JAX and all others that speak DLPack, and buffers.
//! - A function that returns [`Tensor`] returns an object that all of them import.

extern crate alloc;

mod capsule;
mod export;
mod import;
mod protocol;
mod raw;
mod roads;

pub use dlpack;
pub use export::{Kept, Tensor};
pub use import::{PyTensor, Runtime, stream_from};
