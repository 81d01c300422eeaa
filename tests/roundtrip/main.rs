//! Tensors of any layout and dtype on their way from Rust to C and back, and from C to Rust and back.
//!
//! What must come out is computed here from the numbers that a case is made of, bit by bit, in `model.rs`.
#![cfg(feature = "alloc")]

mod coverage;
mod dtypes;
mod exported;
mod imported;
mod layouts;
mod model;
mod orders;
mod release;
mod seen;
mod shared;
mod vectors;
mod written;

use proptest::test_runner::Config;

/// As many cases as a debug build runs in a few seconds.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
