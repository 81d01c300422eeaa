//! Tensors that go out to Python.

pub(crate) mod class;
mod copy;
mod inside;
mod keep;
mod legacy;
mod respond;
mod source;
mod tensor;

pub use inside::Inside;
pub use keep::Kept;
pub use legacy::ReadOnlyAsLegacy;
pub use source::Export;
pub use tensor::Tensor;
