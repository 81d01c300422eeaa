//! Tensors that are imported from Python.

mod borrow;
mod bridge;
mod cells;
mod elements;
mod error;
mod options;
mod require;
mod runtime;
mod stream;
mod tensor;
mod untyped;

pub use borrow::with_borrowed;
pub(crate) use bridge::{attached, object, python, restore, to_err};
pub use cells::Cells;
pub use elements::{Any, Elements};
pub(crate) use error::Text;
pub use error::to_py_err;
pub use options::Import;
pub use require::{ColumnMajor, Dense, OnCuda, OnHost, Rank, Requirement, RowMajor, Writable};
pub use runtime::Runtime;
pub use stream::stream_from;
pub use tensor::PyTensor;
