//! What this crate uses of CPython's C API, in types that keep its rules.
//!
//! Nothing here, nor in the rooms up to [`roads`](crate::roads), knows PyO3 but for its declarations of that API. As
//! there, a failure is an exception that is set in the thread, and [`Raised`] says so.

mod attached;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
mod buffer;
mod call;
mod class_name;
mod handling;
mod items;
mod last;
mod module;
mod name;
mod number;
mod object;
mod once;
mod pending;
mod raise;
mod reach;
mod reference;
mod text;
mod tuple;

pub(crate) use attached::Attached;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
pub(crate) use buffer::Buffer;
pub(crate) use call::{Keywords, Values};
pub(crate) use handling::Handling;
pub(crate) use items::{Items, items};
pub(crate) use last::{call_no_args, dec_ref};
pub(crate) use module::loaded;
pub(crate) use name::{Name, names};
pub(crate) use number::{index, integer, truth};
pub(crate) use object::{Object, Owned};
pub(crate) use once::Once;
pub(crate) use pending::Pending;
pub(crate) use pyo3::ffi;
pub(crate) use raise::{Kind, Raised, raise, raise_error};
pub(crate) use reach::reach;
pub(crate) use reference::Reference;
pub(crate) use tuple::tuple;
