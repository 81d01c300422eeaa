//! Views against a naive model of them: what is seen, what is written, what is refused.

#[cfg(feature = "alloc")]
mod broadcast;
mod debug;
mod edges;
mod errors;
mod items;
mod iteration;
mod model;
mod operations;
#[cfg(feature = "alloc")]
mod ranks;
mod reading;
mod reshaping;
mod scenario;
mod writing;

use proptest::test_runner::Config;

/// The most axes that a view of this build can have.
const MAX_NDIM: usize = if cfg!(feature = "alloc") { 64 } else { 8 };

/// Fewer under an interpreter, where each case takes a thousand times as long.
fn cases(count: u32) -> Config {
    let cases = if cfg!(miri) { count / 64 + 1 } else { count };
    Config { cases, failure_persistence: None, ..Config::default() }
}
