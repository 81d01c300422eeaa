//! The benchmarks: they compile, and all contenders of a row come to the same result. Nothing is timed.

use std::env;
use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo, require};
use super::super::tally::Tally;
use crate::python::Interpreter;

/// Contenders in Rust.
const PACKAGES: [&str; 4] = ["ours", "peers/dlpark", "peers/dlpack-rs", "peers/pyo3-dlpack"];

const MANIFEST: &str = "--manifest-path benches/Cargo.toml";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let target = suite.own_target("benches");
    suite.run(&mut cargo(&format!("fmt {MANIFEST} --check")))?;
    let mut lint = cargo(&format!("clippy {MANIFEST} --all-targets -- -D warnings"));
    suite.run(lint.env("CARGO_TARGET_DIR", &target))?;
    let mut check = cargo(&format!("run {MANIFEST} -- check"));
    let output = suite.run(check.env("CARGO_TARGET_DIR", &target))?;
    tell(suite, &output)
}

/// The same for the rows of Python, whose contenders are in several packages and languages.
pub(super) fn python(suite: &mut Suite) -> Outcome {
    Interpreter::usual().map_err(Stop::Missing)?;
    ["cc", "c++"].into_iter().try_for_each(require)?;
    for package in PACKAGES {
        let manifest = format!("--manifest-path benches/python/{package}/Cargo.toml");
        suite.run(&mut cargo(&format!("fmt {manifest} --check")))?;
    }
    let this = env::current_exe().map_err(|error| Stop::Failed(error.to_string()))?;
    let output = suite.run(Command::new(this).args(["bench", "--python", "--check"]))?;
    tell(suite, &output)
}

/// Counts what was checked.
fn tell(suite: &mut Suite, output: &str) -> Outcome {
    let checked = count(output);
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
