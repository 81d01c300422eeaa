//! Tensors that go out to Python.

mod keep;
mod tensor;

pub use keep::Kept;
pub use tensor::Tensor;
