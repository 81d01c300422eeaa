//! Where headers lie, and what happens to header, owner and place in which order.
//!
//! Pure Rust, so that an interpreter such as Miri can judge it too.
#![cfg(feature = "alloc")]

mod abi;
mod allocators;
mod diary;
mod in_block;
mod loans;
mod pools;
mod slots;
