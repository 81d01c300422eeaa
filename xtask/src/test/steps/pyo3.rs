//! `dlpack-pyo3` as a crate: format, lints, documentation, and its tests, which embed an interpreter.

use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::docs::{COVERAGE, check_coverage, check_examples};
use super::style::{clippy, fmt};
use crate::python::{Absent, Interpreter};
use crate::rustdoc;

/// Its package and its test extension, which have a workspace of their own.
pub(super) const MANIFEST: &str = "dlpack-pyo3/Cargo.toml";

/// The example that a newcomer copies, which has a workspace of its own, too.
const EXAMPLE: &str = "examples/pyo3_module/Cargo.toml";

/// The feature for one build that all supported versions of Python import.
pub(super) const ABI3: &str = "abi3";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let python = Interpreter::usual().map_err(Stop::Missing)?;
    let target = suite.own_target("pyo3");
    let on_target = |command: &mut Command| {
        python.choose(command).env("CARGO_TARGET_DIR", &target);
    };
    fmt(suite, MANIFEST)?;
    clippy(suite, MANIFEST, "", on_target)?;
    clippy(suite, MANIFEST, &format!("--features {ABI3}"), on_target)?;
    fmt(suite, EXAMPLE)?;
    clippy(suite, EXAMPLE, "", on_target)?;
    document(suite, on_target)?;
    check_free_threaded(suite)?;
    let mut tests =
        cargo(&format!("test -p dlpack-pyo3 --no-fail-fast --manifest-path {MANIFEST}"));
    on_target(&mut tests);
    suite.test(python.embed(&mut tests).map_err(Stop::Missing)?)
}

/// Builds the documentation: all is documented, and what can have an example has one.
fn document(suite: &mut Suite, prepare: impl Fn(&mut Command)) -> Outcome {
    let doc = || {
        let mut command =
            cargo(&format!("doc -p dlpack-pyo3 --no-deps --manifest-path {MANIFEST}"));
        prepare(&mut command);
        command
    };
    suite.run(doc().env("RUSTDOCFLAGS", "-D warnings"))?;
    let mut count = doc();
    count.env("RUSTDOCFLAGS", COVERAGE);
    let tables = suite.run(rustdoc::allow_unstable(&mut count)?)?;
    check_coverage(&tables, "src/lib.rs")?;
    check_examples(&["dlpack-pyo3/src"])
}

/// Compiles for a Python in which threads run side by side.
fn check_free_threaded(suite: &mut Suite) -> Outcome {
    let target = suite.own_target("pyo3-absent");
    let mut check = cargo(&format!("check --workspace --manifest-path {MANIFEST}"));
    Absent::FREE_THREADED.choose(&mut check, &target.with_extension("txt"))?;
    suite.run(check.env("CARGO_TARGET_DIR", target)).map(drop)
}
