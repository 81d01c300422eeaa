//! How often the crate asks for memory, and that it gives all of it back.
//!
//! Counted on the thread of each test, in this process's allocator; what C allocates does not go there.
#![cfg(feature = "alloc")]

mod conversions;
mod exports;
mod imports;
mod views;

use harness::alloc::{CountingAllocator, bytes_out, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Runs `body`, which must allocate `expected` times.
#[track_caller]
fn allocates<R>(expected: u64, body: impl FnOnce() -> R) -> R {
    let (result, found) = count(body);
    assert_eq!(found, expected, "allocations");
    result
}

/// Runs `body`, after which as many bytes must be out as before.
#[track_caller]
fn gives_all_back(body: impl FnOnce()) {
    let before = bytes_out();
    body();
    assert_eq!(bytes_out(), before, "bytes out, with those that were out before");
}
