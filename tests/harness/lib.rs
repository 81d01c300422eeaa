//! The Rust face of the C tensor library in `tests/c`, and what else the tests need that must not come from `dlpack`.
//!
//! It knows the `dlpack-sys` structs and, but for [`abi`], nothing of the crate under test. Whatever goes wrong in here panics.

pub mod abi;
pub mod alloc;
pub mod consumer;
mod dtype;
pub mod exchange;
pub mod ffi;
mod lend;
mod managed;
pub mod negotiate;
pub mod owners;
mod record;
pub mod release;
mod spec;
pub mod vocabulary;

pub use dtype::{Plain, bytes_of, dtype};
pub use managed::Managed;
pub use record::{Record, current_thread, has_guard_pages, hides_deleted, live, stray_deletes};
pub use spec::Spec;

/// The code in the README runs as the examples in the documentation do.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;
