//! What each row is measured against: the same work, written by hand for one case, without an interface to keep.
//!
//! A floor makes every check that the row is about, and no other. Nothing here uses `dlpack`; the C structs are those
//! of `dlpack-sys`.

pub mod export;
pub mod fold;
pub mod fp4;
pub mod import;
pub mod layout;
