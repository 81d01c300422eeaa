//! How often the crate asks for memory, and that it gives all of it back.
//!
//! Counted on the thread of each test, in this process's allocator; what C allocates does not go there.
#![cfg(feature = "alloc")]

mod conversions;
mod exports;
mod imports;
mod views;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

use harness::alloc::{CountingAllocator, count};

/// The counting allocator, which also weighs what is out.
struct Scales;

#[global_allocator]
static ALLOCATOR: Scales = Scales;

thread_local! {
    static OUT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: memory comes from `CountingAllocator` and goes there.
unsafe impl GlobalAlloc for Scales {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        OUT.set(OUT.get().wrapping_add(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { CountingAllocator.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        OUT.set(OUT.get().wrapping_add(len).wrapping_sub(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { CountingAllocator.realloc(block, layout, len) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        OUT.set(OUT.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { CountingAllocator.dealloc(block, layout) }
    }
}

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
    let before = OUT.get();
    body();
    assert_eq!(OUT.get(), before, "bytes out, with those that were out before");
}
