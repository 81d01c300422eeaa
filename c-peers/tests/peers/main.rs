//! Tensors that cross between this crate and libtvm_ffi, libtorch and Arrow C++, as C structs of both ABIs.
//!
//! What the libraries do that the standard does not ask for is asserted too, so that a new version that differs is noticed.

#![cfg(target_os = "linux")]

mod allocator;
mod cases;
mod export;
mod flags;
mod import;
mod refusals;
mod sharing;
