//! A safe layer over the part of CPython's C API that this crate uses.
//!
//! Neither this module nor those up to [`route`](crate::route) use PyO3, apart from its declarations of that API, and what
//! tells whether it calls a `__traverse__`. A failure is an exception that is set in the thread, which [`Raised`] stands for.

mod attach;
mod attached;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
mod buffer;
mod call;
mod exception;
mod give_back;
mod integer;
mod module;
mod name;
mod object;
mod once_object;
mod raise;
mod reference;
mod text;
mod tuple;
pub(crate) mod unwind;

pub(crate) use attach::try_attach;
pub(crate) use attached::Attached;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
pub(crate) use buffer::Buffer;
pub(crate) use call::{KeywordCall, Values};
pub(crate) use exception::{End, ExceptBlock, SavedException, Undisturbed};
pub use give_back::end_other;
pub(crate) use give_back::give_back;
pub(crate) use integer::{handle, integer, integer_or_member, make_bool};
pub(crate) use module::{loaded, loaded_by_text};
pub(crate) use name::{Name, names};
pub(crate) use object::{Object, Owned};
pub(crate) use once_object::OnceObject;
pub(crate) use pyo3::ffi;
pub(crate) use raise::{Class, ForPython, Raised, beginning, raise, raise_error};
pub(crate) use reference::Reference;
pub(crate) use tuple::{Tuple, make_pair, make_tuple, pair};
pub(crate) use unwind::call_no_args;
pub use unwind::guarded;
