//! `cargo xtask evidence`: what takes hours, with a record of what was done.

mod cargo_mutants;
mod checks;
mod coverage;
mod faults;
mod fuzz;
mod fuzz_python;
mod machines;
mod mutants;
mod no_panic;
mod one_build;
mod record;
mod report;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use crate::tools::{Result, flags};

pub(crate) const HELP: &str = "\
runs the checks that take hours, and records what they did

Usage: cargo xtask evidence [--seconds N] [PART [NAME...]]

Runs the part named, or all of them, at length: each goes on from what evidence/record.tsv says was done on the code
as it is. EVIDENCE.md is written afterwards. With `--seconds`, fuzz, faults and mutants take about so long each, and
nothing is recorded.

  report               nothing but the page
  fuzz [TARGET...]     the fuzz targets, under AddressSanitizer, until each has run as often as it should
  fuzz-python          producers in Python and what is done with their tensors, from bytes, under AddressSanitizer
  faults               producers of one fault each, under AddressSanitizer
  mutants [FAULT...]   the faults of evidence/mutants.txt, each of which a test must notice
  cargo-mutants [MODULE...]
                       the mutants that cargo-mutants makes of the modules of dlpack and dlpack-pyo3, such as
                       dlpack/src/view, from where the last run ended; evidence/survivors.txt says why no test notices some
  machines [NAME...]   the tests on other machines and with other standard libraries, as xtask/machines.txt has them
  coverage             which lines of dlpack the tests run; needs the llvm-cov of the compiler's LLVM
  coverage-python      the same of dlpack-pyo3, by its tests in Python
  no-panic             what foreign input reaches, linked without the panic handler
  arithmetic           proofs of what layouts rest on, and every layout with small numbers
  free-threaded        the tests in Python on a CPython without a global lock; `.ci/free-threaded-python` builds one
  speed                the instructions of each operation, compared with those that are kept
";

/// How long a part runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Until its goal is reached, with a record of it.
    Whole,
    /// For about so many seconds.
    Seconds(u64),
}

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let (length, words) = match words {
        ["--seconds", seconds, rest @ ..] => {
            let seconds = seconds.parse();
            let seconds = seconds.map_err(|_| "expected a number after `--seconds`".to_owned())?;
            (Length::Seconds(seconds), rest)
        }
        words => (Length::Whole, words),
    };
    let ([], words) = flags(words, [])?;
    let done = match words.split_first() {
        None => {
            checks::CHECKS.iter().try_for_each(|check| check.run(length))?;
            faults::run(length)?
                && mutants::run(&[], length)?
                && cargo_mutants::run(&[], length)?
                && fuzz::run(&[], length)?
                && fuzz_python::run(length)?
                // No machine takes a few seconds only.
                && (matches!(length, Length::Seconds(_)) || machines::run(&[], length)?)
        }
        Some((&"fuzz", targets)) => fuzz::run(targets, length)?,
        Some((&"mutants", names)) => mutants::run(names, length)?,
        Some((&"cargo-mutants", modules)) => cargo_mutants::run(modules, length)?,
        Some((&"machines", names)) => machines::run(names, length)?,
        Some((&"fuzz-python", [])) => fuzz_python::run(length)?,
        Some((&"faults", [])) => faults::run(length)?,
        Some((&"report", [])) => true,
        Some((name, rest)) => match checks::find(name) {
            Some(check) if rest.is_empty() => {
                check.run(length)?;
                true
            }
            _ => {
                return Err(format!(
                    "expected one part that `--help` lists, found `{}`",
                    words.join(" ")
                ));
            }
        },
    };
    if let Length::Whole = length {
        report::run()?;
    }
    Ok(done)
}

/// Copies the extension of the tests in Python from where it was built to where it is imported, and returns the former.
fn place_extension(built: &Path, modules: &Path) -> Result<PathBuf> {
    let library = built.join(format!("{DLL_PREFIX}dlpack_pyo3_tests{DLL_SUFFIX}"));
    fs::create_dir_all(modules)
        .and_then(|()| fs::copy(&library, modules.join("dlpack_pyo3_tests.so")))
        .map_err(|error| format!("cannot copy {}: {error}", library.display()))?;
    Ok(library)
}
