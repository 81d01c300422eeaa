//! Tensors that go out: Rust memory, adopted memory, and memory that came in, under a header of our own.

mod adopted;
mod block;
#[cfg(feature = "alloc")]
mod convert;
#[cfg(feature = "alloc")]
mod copies;
mod downcast;
mod exporter;
mod lend;
mod outline;
mod owner;
mod place;
#[cfg(feature = "alloc")]
mod pool;
mod record;
mod release;
mod slot;
mod source;

pub use adopted::Adopted;
pub use exporter::Exporter;
pub use lend::{lend, lend_mut};
pub use owner::{Owner, Shared, Sharing, Unique};
pub use place::{Allocator, Heap, InBlock, Place, header_layout};
#[cfg(feature = "alloc")]
pub use pool::Pool;
pub use release::Release;
pub use slot::{SingleSlot, Slot};
pub use source::Source;
