//! The exchange API from both sides: functions of libraries in C called from Rust, and of libraries in Rust from C.
//!
//! Where a row of the list in `tests/hostile` is about it, the test has the row's number.

#[cfg(not(miri))]
mod allocate;
mod chain;
#[cfg(not(miri))]
mod honest;
#[cfg(feature = "alloc")]
mod in_rust;
#[cfg(not(miri))]
mod lending;
mod memory;
#[cfg(not(miri))]
mod missing;
#[cfg(not(miri))]
mod objects;
#[cfg(all(feature = "alloc", not(miri)))]
mod panics;
mod report;
#[cfg(feature = "alloc")]
mod shelf;
#[cfg(all(feature = "alloc", not(miri)))]
mod starvation;
#[cfg(not(miri))]
mod support;
#[cfg(all(feature = "alloc", not(miri)))]
mod told_allocate;
#[cfg(all(feature = "alloc", not(miri)))]
mod told_objects;

use harness::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
