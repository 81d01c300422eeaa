//! Shapes and strides: small ones against enumeration of every index, huge ones against exact arithmetic.

mod boundaries;
mod case;
mod dense;
mod every;
mod exact;
mod limits;
mod order;
mod overlap;
mod proved;
mod small;
mod strides;
mod widths;

use dlpack::Error;
use dlpack::layout::Layout;
use proptest::test_runner::Config;

use crate::exact::Facts;
use crate::widths::Width;

/// So many, unless `PROPTEST_CASES` says how many an emulator has the time for.
fn cases(count: u32) -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { count };
    Config { cases, failure_persistence: None, ..default }
}

/// What the code under test says, in the terms of the oracles.
fn found(shape: &[i64], strides: &[i64], width: Width) -> Result<Facts, Error> {
    let layout = Layout::new(shape, strides, width.dtype(), width.padded)?;
    let wide = |n: isize| i128::try_from(n).unwrap();
    Ok(Facts {
        numel: i128::try_from(layout.numel()).unwrap(),
        nbytes: i128::try_from(layout.nbytes()).unwrap(),
        first: wide(*layout.extents().start()),
        last: wide(*layout.extents().end()),
        start: wide(layout.byte_extents().start),
        end: wide(layout.byte_extents().end),
    })
}
