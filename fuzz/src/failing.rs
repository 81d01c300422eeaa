//! A global allocator that refuses an allocation on demand.
//!
//! A program that wants it says `#[global_allocator] static GLOBAL: Failing = Failing;`. In others nothing is ever refused.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;
use std::alloc::System;

thread_local! {
    /// How many allocations are granted before one is refused; `None` grants all.
    static GRANTED: Cell<Option<u32>> = const { Cell::new(None) };
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, which refuses what [`refusing`] asks it to.
#[derive(Clone, Copy, Debug)]
pub struct Failing;

fn refuses() -> bool {
    let Some(granted) = GRANTED.get() else { return false };
    match granted.checked_sub(1) {
        Some(rest) => {
            GRANTED.set(Some(rest));
            false
        }
        None => {
            GRANTED.set(None);
            REFUSED.set(true);
            true
        }
    }
}

// SAFETY: as for the system's allocator, which may refuse anything.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return ptr::null_mut();
        }
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refuses() {
            return ptr::null_mut();
        }
        // SAFETY: the contract is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if refuses() {
            return ptr::null_mut();
        }
        // SAFETY: the contract is the same.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Runs a call in which the allocation after the first `granted` ones is refused, and says whether there was one.
pub fn refusing<R>(granted: Option<u32>, call: impl FnOnce() -> R) -> (R, bool) {
    REFUSED.set(false);
    GRANTED.set(granted);
    let result = call();
    GRANTED.set(None);
    (result, REFUSED.get())
}
