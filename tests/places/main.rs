//! Where headers lie, and what happens to header, owner and place in which order.
//!
//! Pure Rust, so that an interpreter such as Miri can judge it too.

mod allocators;
mod diary;
mod end;
mod in_block;
#[cfg(feature = "alloc")]
mod loans;
#[cfg(feature = "alloc")]
mod pools;
#[cfg(feature = "alloc")]
mod reentrance;
mod slots;
