//! Tensors that go out: Rust memory, and memory that came in, under a header of our own.

#[cfg(feature = "alloc")]
mod block;
#[cfg(feature = "alloc")]
mod convert;
#[cfg(feature = "alloc")]
mod copies;
#[cfg(feature = "alloc")]
mod downcast;
#[cfg(feature = "alloc")]
mod exporter;
mod lend;
#[cfg(feature = "alloc")]
mod owner;
#[cfg(feature = "alloc")]
mod record;

#[cfg(feature = "alloc")]
pub use exporter::Exporter;
pub use lend::{lend, lend_mut};
#[cfg(feature = "alloc")]
pub use owner::{Owner, Shared, Sharing, Unique};
