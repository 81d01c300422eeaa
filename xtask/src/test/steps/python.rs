//! The tests in Python: the test extension, and every library that it exchanges tensors with.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite};
use super::pyo3::ABI3;
use crate::python::{Extension, Interpreter, Needs, Venv};

/// The extension that shows all of `dlpack-pyo3`, and the tests.
const EXTENSION: &str = "dlpack-pyo3/tests/extension";
const TESTS: &str = "dlpack-pyo3/tests/python";

/// The example that a newcomer copies, with its tests.
const EXAMPLE: &str = "examples/pyo3_module";

/// What the libraries of `--all-libraries` are imported as. No two of them meet in one process.
const OTHERS: [&str; 7] =
    ["cuda.core", "max", "mlx", "onnxruntime", "paddle", "tensorflow", "warp"];

/// The tests of what the one build for all versions must show.
const SMOKE: &str = "dlpack-pyo3/tests/python/test_smoke.py";

/// The tests, and the example that a newcomer copies.
pub(super) fn run(suite: &mut Suite) -> Outcome {
    let python = Interpreter::usual().map_err(Stop::Missing)?;
    let venv = Venv::provide(&python, Needs::LIBRARIES).map_err(Stop::Missing)?;
    let folder = build(suite, &venv, EXTENSION, &[])?;
    suite.pytest(&mut pytest(&venv, TESTS, &folder))?;
    let example = build(suite, &venv, EXAMPLE, &[])?;
    suite.pytest(&mut pytest(&venv, EXAMPLE, &example))?;
    if !suite.has_all_libraries {
        return Ok(());
    }
    let others = Venv::provide(&python, Needs::ALL_LIBRARIES).map_err(Stop::Missing)?;
    for library in OTHERS {
        suite.pytest(pytest(&others, TESTS, &folder).args(["--library", library]))?;
    }
    Ok(())
}

/// Runs the tests that need no large library with each version of Python that is found.
pub(super) fn versions(suite: &mut Suite) -> Outcome {
    let usual = Interpreter::usual().map_err(Stop::Missing)?;
    let found = Interpreter::all();
    for version in Interpreter::missing(&found) {
        println!("  Python {version} is not installed: skipped");
    }
    let mut one_for_all = None;
    for python in &found {
        let venv = Venv::provide(python, Needs::SMALL).map_err(Stop::Missing)?;
        let one = match &one_for_all {
            Some(folder) => folder,
            None => one_for_all.insert(build(suite, &venv, EXTENSION, &["--features", ABI3])?),
        };
        suite.pytest(&mut pytest(&venv, SMOKE, one))?;
        // The other step has the tests for the usual version.
        if python.version != usual.version {
            let own = build(suite, &venv, EXTENSION, &[])?;
            suite.pytest(pytest(&venv, TESTS, &own).arg("--installed"))?;
        }
    }
    Ok(())
}

/// Builds a package for an environment, and returns the folder that its module is in.
fn build(suite: &mut Suite, venv: &Venv, package: &str, options: &[&str]) -> Outcome<PathBuf> {
    let version = venv.base.version.to_string();
    let kind = if options.is_empty() { &version } else { ABI3 };
    let name = format!("{}-{kind}", package.replace('/', "-"));
    let extension = Extension { package, options, target: suite.own_target("python"), name };
    suite.run(&mut extension.build(venv)?)?;
    Ok(extension.unpack(venv)?)
}

/// A test that hangs ends the run, with the stacks of all threads.
fn pytest(venv: &Venv, tests: &str, extension: &Path) -> Command {
    let mut pytest = venv.command("python");
    pytest.args(["-m", "pytest", tests, "-q", "-rs", "--color=no", "--disable-warnings"]);
    pytest.args(["-p", "no:cacheprovider", "-o", "faulthandler_timeout=300"]);
    pytest.args(["-o", "faulthandler_exit_on_timeout=true"]);
    pytest.env("PYTHONPATH", extension);
    pytest
}
