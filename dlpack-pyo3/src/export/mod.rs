//! Tensors that go out to Python.

mod tensor;

pub use tensor::Tensor;
