//! Odd and hostile tensors, and the answer that is expected to each.
//!
//! `rows` has the list; the tests of row 42 are called `h042_...`. Each counts how often the deleter ran.

#[cfg(not(miri))]
mod access;
mod autotraits;
#[cfg(not(miri))]
mod data;
#[cfg(not(miri))]
mod deleter;
#[cfg(not(miri))]
mod device;
#[cfg(not(miri))]
mod dtype;
#[cfg(feature = "alloc")]
mod export;
#[cfg(not(miri))]
mod header;
mod in_rust;
mod producer;
#[cfg(all(feature = "alloc", not(miri)))]
mod reexport;
mod rows;
#[cfg(not(miri))]
mod shape;
#[cfg(not(miri))]
mod shape_pointers;
#[cfg(all(feature = "alloc", not(miri)))]
mod starvation;
#[cfg(not(miri))]
mod strides;
#[cfg(not(miri))]
mod sub_byte;
#[cfg(not(miri))]
mod support;

use harness::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
