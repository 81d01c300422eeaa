//! Tensors that go out: Rust memory, memory of any other kind, and imported tensors, under a header of ours.

mod allocator;
mod block;
mod build;
#[cfg(feature = "alloc")]
mod copies;
mod exporter;
mod lend;
#[cfg(all(feature = "alloc", target_has_atomic = "8"))]
mod loan;
mod on_drop;
mod opaque;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod pool;
#[cfg(feature = "alloc")]
mod reexport;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod share;
mod slot;
mod source;
mod spec;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod whole;

pub use allocator::{Allocator, Global, InPlace};
pub use exporter::Exporter;
#[cfg(all(feature = "alloc", target_has_atomic = "8"))]
pub use loan::{Claim, Loaned};
pub use on_drop::OnDrop;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
pub use pool::Pool;
pub use slot::Slot;
