//! Requests and answers: the rules as a table, streams, hostile producers in C, and a consumer in C.
#![cfg(not(miri))]

mod check;
mod layout;
mod legacy;
mod streams;
mod support;

#[cfg(feature = "alloc")]
mod c_consumer;
mod c_producer;
#[cfg(feature = "alloc")]
mod frozen;
#[cfg(feature = "alloc")]
mod rules;
#[cfg(feature = "alloc")]
mod starvation;
mod tables;

#[cfg(feature = "alloc")]
#[global_allocator]
static ALLOCATOR: harness::alloc::CountingAllocator = harness::alloc::CountingAllocator;
