//! Checks of minutes, each of which runs to its end. The record says when it did, and how much it checked.

use super::record::Record;
use super::{Length, coverage, no_panic};
use crate::bench;
use crate::python::Python;
use crate::tools::{Result, command, output, program, rustc};

/// A part of `cargo xtask evidence` that runs to its end.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What it shows, for `EVIDENCE.md`.
    pub(super) what: &'static str,
    /// What it counts.
    pub(super) unit: &'static str,
    /// Returns how much it has checked, and with which programs.
    run: fn() -> Result<(usize, String)>,
}

pub(super) const CHECKS: [Check; 6] = [
    Check {
        name: "speed",
        what: "no operation takes 3 % more instructions than `benches/counts.tsv` and `benches/python/counts.tsv` say",
        unit: "operations",
        run: speed,
    },
    Check {
        name: "arithmetic",
        what: "what `layout` and views rest on is proved, step by step for any number of axes, and every layout with small numbers is right",
        unit: "lemmas",
        run: arithmetic,
    },
    Check {
        name: "no-panic",
        what: "a linker finds no panic in what foreign input reaches: the gate, the validator, views, producers and exchange tables, \
               nor in any deleter of an export, apart from the functions for which `evidence/no-panic` says why",
        unit: "functions",
        run: no_panic::run,
    },
    Check {
        name: "coverage",
        what: "tests in Rust run at least 98 % of the lines of `dlpack`, and `evidence/uncovered.txt` says why they do not run the others",
        unit: "lines",
        run: coverage::run,
    },
    Check {
        name: "free-threaded",
        what: "where threads run side by side, they share capsules, classes and tensors, and all tests in Python that need no library \
               but NumPy pass",
        unit: "tests",
        run: free_threaded,
    },
    Check {
        name: "coverage-python",
        what: "tests in Python run at least 95 % of the lines of `dlpack-pyo3`, and `evidence/uncovered.txt` says why they do not run the others",
        unit: "lines",
        run: coverage::run_python,
    },
];

pub(super) fn find(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.name == name)
}

impl Check {
    pub(super) fn run(&self, length: Length) -> Result<()> {
        let (count, with) = (self.run)()?;
        println!("{}: {count} {}, with {with}", self.name, self.unit);
        if let Length::Whole = length {
            let mut record = Record::read()?;
            record.forget(self.name, self.unit);
            record.add(self.name, self.unit, u64::try_from(count).unwrap_or(u64::MAX), &with)?;
        }
        Ok(())
    }
}

/// Runs the step of this name, whose last line is a tally.
fn free_threaded() -> Result<(usize, String)> {
    let python = Python::free_threaded()?;
    let step = output(command(&program().to_string_lossy()).args(["test", "free-threaded"]))?;
    let last = step.lines().last().unwrap_or_default();
    let passed = last.split_once(" passed").and_then(|(count, _)| count.parse().ok());
    let passed = passed.ok_or_else(|| format!("expected a number of tests, found `{last}`"))?;
    Ok((passed, format!("CPython {} and the oldest PyO3 of the manifest", python.version)))
}

fn speed() -> Result<(usize, String)> {
    match bench::compare()? {
        (count, true) => Ok((count, format!("{} and callgrind", rustc()?))),
        (_, false) => Err("an operation takes more instructions than before".to_owned()),
    }
}

/// The requirements of the proofs.
const PROVER: &str = "evidence/arithmetic/requirements";

/// At length, more layouts are enumerated than in the tests.
const EVERY: &str = "5,4";

fn arithmetic() -> Result<(usize, String)> {
    let python = Python::usual()?.venv(PROVER)?.join("python");
    let proofs = output(command(&python.to_string_lossy()).arg("evidence/arithmetic/prove.py"))?;
    let last = proofs.lines().last().unwrap_or_default();
    let (lemmas, prover) = last.split_once(" lemmas proved with ").unwrap_or_default();
    let lemmas =
        lemmas.parse().map_err(|_| format!("expected a number of lemmas, found `{last}`"))?;
    let mut cargo = command("cargo");
    cargo.args("test -p dlpack-tests --test layout -- every proved --nocapture".split(' '));
    let tests = output(cargo.env("DLPACK_EVERY", EVERY))?;
    let found = tests.lines().find_map(|line| line.split_once(" layouts"));
    let layouts = found.and_then(|(before, _)| before.trim_start_matches('.').parse::<u64>().ok());
    let layouts = layouts.ok_or("the tests do not say how many layouts they have looked at")?;
    Ok((lemmas, format!("{prover}, and {layouts} layouts enumerated")))
}
