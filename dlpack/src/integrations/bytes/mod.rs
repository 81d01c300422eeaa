//! Buffers of `bytes`: as the owners of tensors, and tensors as buffers.

mod kept;
mod owners;
