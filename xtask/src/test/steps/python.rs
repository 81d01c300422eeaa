//! The tests in Python: the test extension, and every library that it exchanges tensors with.

use std::path::Path;
use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite};
use super::pyo3::ABI3;
use crate::python::{Extension, Interpreter, Needs, Venv};

/// The extension that shows all of `dlpack-pyo3`, and the tests.
const EXTENSION: &str = "dlpack-pyo3/tests/extension";
const TESTS: &str = "dlpack-pyo3/tests/python";

/// The libraries of the default run.
const LIBRARIES: Needs =
    Needs { name: "", file: "dlpack-pyo3/tests/requirements.txt", disk: 7, memory: 3 };

/// Those of which even one is large, together.
const ALL_LIBRARIES: Needs =
    Needs { name: "all", file: "dlpack-pyo3/tests/requirements-all.txt", disk: 6, memory: 3 };

/// What there is for all versions of Python.
const SMALL: Needs =
    Needs { name: "small", file: "dlpack-pyo3/tests/requirements-small.txt", disk: 1, memory: 1 };

/// What the libraries of `--all-libraries` are imported as. No two of them meet in one process.
const OTHERS: [&str; 7] =
    ["cuda.core", "max", "mlx", "onnxruntime", "paddle", "tensorflow", "warp"];

/// The tests of what one build for all versions must show.
const SMOKE: &str = "dlpack-pyo3/tests/python/test_smoke.py";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let python = Interpreter::usual().map_err(Stop::Missing)?;
    let venv = Venv::provide(&python, LIBRARIES).map_err(Stop::Missing)?;
    let extension = extension(suite, &python, EXTENSION, &[]);
    let folder = build(suite, &extension, &venv, &python)?;
    suite.pytest(&mut pytest(&venv, TESTS, &folder))?;
    if !suite.has_all_libraries {
        return Ok(());
    }
    let others = Venv::provide(&python, ALL_LIBRARIES).map_err(Stop::Missing)?;
    for library in OTHERS {
        let mut tests = pytest(&others, TESTS, &folder);
        suite.pytest(tests.args(["--library", library]))?;
    }
    Ok(())
}

/// Runs the tests that need no large library with each version of Python that is found.
pub(super) fn versions(suite: &mut Suite) -> Outcome {
    let usual = Interpreter::usual().map_err(Stop::Missing)?;
    let tools = Venv::provide(&usual, LIBRARIES).map_err(Stop::Missing)?;
    let found = Interpreter::all();
    for version in Interpreter::missing(&found) {
        println!("  Python {version} is not installed: skipped");
    }
    let Some(oldest) = found.first() else {
        return Err(Stop::Missing("no supported Python is installed".to_owned()));
    };
    let one = extension(suite, oldest, EXTENSION, &["--features", ABI3]);
    let one_for_all = build(suite, &one, &tools, oldest)?;
    for python in &found {
        let venv = Venv::provide(python, SMALL).map_err(Stop::Missing)?;
        suite.pytest(&mut pytest(&venv, SMOKE, &one_for_all))?;
        if python.version != usual.version {
            let own = extension(suite, python, EXTENSION, &[]);
            let folder = build(suite, &own, &tools, python)?;
            suite.pytest(pytest(&venv, TESTS, &folder).arg("--installed"))?;
        }
    }
    Ok(())
}

/// Describes a build whose place is named after what it is for.
fn extension<'a>(
    suite: &Suite,
    python: &Interpreter,
    package: &'a str,
    options: &'a [&'a str],
) -> Extension<'a> {
    let package_name = package.replace('/', "-");
    let kind = if options.is_empty() { python.version.to_string() } else { ABI3.to_owned() };
    let target = suite.own_target("python");
    Extension { package, options, target, name: format!("{package_name}-{kind}") }
}

fn build(
    suite: &mut Suite,
    extension: &Extension<'_>,
    tools: &Venv,
    python: &Interpreter,
) -> Outcome<std::path::PathBuf> {
    suite.run(&mut extension.build(tools, python)?)?;
    Ok(extension.unpack(python)?)
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
