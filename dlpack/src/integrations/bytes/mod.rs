//! Buffers of `bytes` to and from tensors.

mod from_tensor;
mod into_tensor;
