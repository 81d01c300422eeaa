//! The benchmarks: they compile, and all contenders of a row come to the same result. Nothing is timed.

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::super::tally::Tally;

const MANIFEST: &str = "--manifest-path benches/Cargo.toml";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let target = suite.own_target("benches");
    suite.run(&mut cargo(&format!("fmt {MANIFEST} --check")))?;
    let mut lint = cargo(&format!("clippy {MANIFEST} --all-targets -- -D warnings"));
    suite.run(lint.env("CARGO_TARGET_DIR", &target))?;
    let mut check = cargo(&format!("run {MANIFEST} -- check"));
    let output = suite.run(check.env("CARGO_TARGET_DIR", &target))?;
    let checked = count(&output);
    suite.tally += Tally { passed: checked, ..Tally::default() };
    if checked == 0 { Err(Stop::Failed("no row was checked".to_owned())) } else { Ok(()) }
}

/// How many rows the benchmarks say that they have checked.
fn count(output: &str) -> u64 {
    output.lines().filter(|line| line.starts_with("checked\t")).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checked_row_counts() {
        let output = "   Compiling a v1.0.0\nchecked\timport-1d\t5\nchecked\tfp4\t2\n";
        assert_eq!(count(output), 2);
        assert_eq!(count("error: import-1d: dlpark"), 0);
    }
}
