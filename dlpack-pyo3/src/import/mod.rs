//! Tensors that come in from Python.

mod bridge;
mod error;
mod runtime;
mod stream;
mod tensor;

pub(crate) use bridge::{attached, python, restore};
pub use error::to_py_err;
#[expect(unused_imports, reason = "until imports have options")]
pub(crate) use runtime::Hook;
pub use runtime::Runtime;
pub use stream::stream_from;
pub use tensor::PyTensor;
