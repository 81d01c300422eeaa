//! Tensors that come in from Python.

mod bridge;
mod tensor;

pub(crate) use bridge::{attached, to_err};
pub use tensor::PyTensor;
