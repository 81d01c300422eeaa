//! Tensors that are exported to Python.

pub(crate) mod array;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
pub(crate) mod buffer;
mod class;
mod copy;
pub(crate) mod exchange;
mod failure;
mod framework;
mod legacy;
mod list;
mod macros;
pub(crate) mod methods;
mod py_owner;
mod readiness;
mod respond;
mod tensor;
mod trampoline;

pub use class::Export;
pub use framework::to_framework_of;
pub use legacy::ReadOnlyAsLegacy;
pub use py_owner::PyOwner;
pub use tensor::Tensor;
