//! Arrays of other crates as views and tensors, and the way back: which element is where, and that none is copied.

#[cfg(feature = "bytes")]
mod bytes;
#[cfg(feature = "faer")]
mod faer;
#[cfg(all(feature = "alloc", any(feature = "faer", feature = "nalgebra", feature = "ndarray")))]
mod model;
#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "ndarray")]
mod ndarray;

use harness::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
