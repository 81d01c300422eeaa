//! The harness on trial: what it says about other code is worth no more than what is checked here.

mod allocator;
mod counting;
mod guards;
mod reading;
mod sub_byte;
mod words;
mod writing;

use harness::Managed;
use harness::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The arrays of shape and strides of a live tensor.
fn dims<M: Managed>(tensor: *mut M) -> [*mut i64; 2] {
    // SAFETY: live.
    let inner = unsafe { M::tensor(tensor) };
    // SAFETY: live, and C is not at work on it.
    let inner = unsafe { &*inner };
    [inner.shape, inner.strides]
}
