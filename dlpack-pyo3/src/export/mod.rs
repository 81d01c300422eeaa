//! Tensors that go out to Python.

#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
pub(crate) mod buffer;
mod class;
mod copy;
pub(crate) mod exchange;
mod guard;
mod hand_over;
mod inside;
mod keep;
mod legacy;
pub(crate) mod method;
mod respond;
mod source;
mod tensor;

pub use hand_over::hand_over;
pub use inside::Inside;
pub use keep::Kept;
pub use legacy::ReadOnlyAsLegacy;
pub use source::{Export, Lend};
pub use tensor::Tensor;
