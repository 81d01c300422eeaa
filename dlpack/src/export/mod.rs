//! Tensors that go out: Rust memory, adopted memory, and memory that came in, under a header of our own.

mod adopted;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod arcs;
mod block;
#[cfg(feature = "alloc")]
mod convert;
#[cfg(feature = "alloc")]
mod copies;
mod downcast;
mod exporter;
mod lend;
#[cfg(all(feature = "alloc", target_has_atomic = "8"))]
mod loan;
mod outline;
mod owner;
mod owners;
mod parcel;
mod place;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod pool;
mod record;
mod release;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod share;
mod slot;
mod source;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod subview;

pub use adopted::Adopted;
pub use exporter::Exporter;
pub use lend::{lend, lend_mut};
#[cfg(all(feature = "alloc", target_has_atomic = "8"))]
pub use loan::{Claim, Loaned, loan};
pub use owner::{Owner, Shared, Sharing, Unique};
pub use parcel::Parcel;
pub use place::{Allocator, Heap, InBlock, Place, header_layout};
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
pub use pool::Pool;
pub use release::Release;
pub use slot::{SingleSlot, Slot};
pub use source::Source;
