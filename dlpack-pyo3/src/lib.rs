//! DLPack tensors as arguments and results of Python extensions that are written in Rust with PyO3.
//!
//! - A function that takes [`PyTensor`] takes arrays of NumPy, PyTorch, JAX and all others that speak DLPack, and buffers.
//! - A function that returns [`Tensor`] returns an object that all of them import.
//! - A class of your own that implements [`Export`](trait@Export) is such an object, too.

extern crate alloc;

mod capsule;
mod export;
mod import;
mod protocol;
mod raw;
mod roads;

pub use dlpack;
pub use export::{Export, Inside, Kept, Lend, ReadOnlyAsLegacy, Tensor, hand_over};
pub use import::{
    Any, Cells, Elements, Import, PyTensor, Runtime, stream_from, to_py_err, with_borrowed,
};
pub use import::{ColumnMajor, Dense, OnCuda, OnHost, Rank, Requirement, RowMajor, Writable};

/// What the code that [`export!`] makes calls. Not for others.
#[doc(hidden)]
pub mod __private {
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    pub use crate::export::buffer::{get_buffer, release_buffer};
    pub use crate::export::exchange::exchange_api;
    pub use crate::export::method::{dlpack_device_method, dlpack_method};
}
