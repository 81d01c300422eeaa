//! `dlpack-pyo3` as a crate: format, lints, documentation, and its tests, which embed an interpreter.

use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::style::{clippy, fmt};
use crate::python::Interpreter;
use crate::tools::{root, write};

/// Its package and its test extension, which have a workspace of their own.
pub(super) const MANIFEST: &str = "dlpack-pyo3/Cargo.toml";

/// The feature for one build that all supported versions of Python import.
pub(super) const ABI3: &str = "abi3";

/// What PyO3 is told about a Python without a global interpreter lock, so that none needs to be installed.
const FREE_THREADED: &str = "\
implementation=CPython
version=3.14
shared=true
build_flags=Py_GIL_DISABLED
suppress_build_script_link_lines=true
";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let python = Interpreter::usual().map_err(Stop::Missing)?;
    let target = suite.own_target("pyo3");
    let on_target = |command: &mut Command| {
        python.choose(command).env("CARGO_TARGET_DIR", &target);
    };
    fmt(suite, MANIFEST)?;
    clippy(suite, MANIFEST, "", on_target)?;
    clippy(suite, MANIFEST, &format!("--features {ABI3}"), on_target)?;
    check_free_threaded(suite)?;
    let mut docs = cargo(&format!("doc -p dlpack-pyo3 --no-deps --manifest-path {MANIFEST}"));
    on_target(&mut docs);
    suite.run(docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    let mut tests =
        cargo(&format!("test -p dlpack-pyo3 --no-fail-fast --manifest-path {MANIFEST}"));
    on_target(&mut tests);
    suite.test(python.embed(&mut tests).map_err(Stop::Missing)?)
}

/// Compiles, and no more, for a Python in which threads run side by side.
fn check_free_threaded(suite: &mut Suite) -> Outcome {
    let target = suite.own_target("pyo3-free-threaded");
    let config = target.with_extension("txt");
    write(&config, FREE_THREADED.as_bytes())?;
    let mut check = cargo(&format!("check --workspace --manifest-path {MANIFEST}"));
    check.env("PYO3_CONFIG_FILE", root().join(config)).env("CARGO_TARGET_DIR", target);
    suite.run(&mut check).map(drop)
}
