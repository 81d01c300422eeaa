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
mod raw_parts;
mod reading;
mod reductions;
mod reshaping;
mod scenario;
mod writing;

use proptest::test_runner::Config;

/// The most axes that a view of this build can have.
const MAX_NDIM: usize = if cfg!(feature = "alloc") { 64 } else { 8 };

/// So many, unless `PROPTEST_CASES` says how many an emulator has the time for.
fn cases(count: u32) -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { count };
    Config { cases, failure_persistence: None, ..default }
}
