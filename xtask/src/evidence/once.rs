//! Parts that take minutes: each runs to its end, and the record says when it did and how much it was.

use super::record::{Record, rustc};
use super::{Length, coverage, no_panic};
use crate::bench;
use crate::python::Python;
use crate::tools::{Result, command, output};

/// A part.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// What it shows, for the page.
    pub(super) what: &'static str,
    /// What is counted.
    pub(super) unit: &'static str,
    /// Returns how much it was, and with what.
    run: fn() -> Result<(usize, String)>,
}

pub(super) const PARTS: [Part; 4] = [
    Part {
        name: "speed",
        what: "no operation takes 3 % more instructions than `benches/counts.tsv` and `benches/python/counts.tsv` say",
        unit: "operations",
        run: speed,
    },
    Part {
        name: "arithmetic",
        what: "what `layout` and views rest on is proved, step by step for any number of axes, and every layout with small numbers is right",
        unit: "lemmas",
        run: arithmetic,
    },
    Part {
        name: "no-panic",
        what: "what foreign input reaches has no panic in it that a linker finds: the gate, the validator, views, deleters, \
               producers and exchange tables, apart from what `evidence/no-panic` says why",
        unit: "functions",
        run: no_panic::run,
    },
    Part {
        name: "coverage",
        what: "tests in Rust run at least 98 % of the lines of `dlpack`, and `evidence/uncovered.txt` says why not the others",
        unit: "lines",
        run: coverage::run,
    },
];

pub(super) fn find(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}

impl Part {
    pub(super) fn run(&self, length: Length) -> Result<bool> {
        let (count, with) = (self.run)()?;
        println!("{}: {count} {}, with {with}", self.name, self.unit);
        if let Length::Whole = length {
            let mut record = Record::read()?;
            record.forget(self.name, self.unit);
            record.add(self.name, self.unit, u64::try_from(count).unwrap_or(u64::MAX), &with)?;
        }
        Ok(true)
    }
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
