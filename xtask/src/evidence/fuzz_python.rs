//! Producers in Python, and what is done with their tensors, drawn from bytes: `kit/drawn.py` and `kit/rounds.py` of the tests in
//! Python.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mutants::{Outcome, check_command, is_built};
use super::record::Record;
use super::{Length, place_extension};
use crate::python::Python;
use crate::tools::{Result, command, host, output, root, run as execute, rustc, target};

/// The name in the record, and how many executions there are to be.
pub(super) const GOAL: (&str, u64) = ("py-producers", 20_000_000);

/// The executions for a seed, as `kit/rounds.py` has them: a script and its rounds.
const FOR_EACH_SEED: u64 = 16;

/// CPython leaves some memory at its end. Where an allocation was made is of use for a crash only, which can be repeated without
/// this. What is freed is used at once, if it is used again; a larger quarantine takes more time.
const SANITIZER: &str = "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=1:\
    thread_local_quarantine_size_kb=16:max_free_fill_size=4096";

/// After so many seconds what was done is recorded.
const SLICE: u64 = 120;

pub(super) fn run(length: Length) -> Result<bool> {
    let python = Python::usual()?;
    let folder = target().join("fuzz-python");
    execute(&mut build(root(), &folder, &python)?)?;
    let modules = install(&folder, "modules")?;
    let (name, goal) = GOAL;
    if let Length::Seconds(seconds) = length {
        println!("{name}: {} executions", draw(&python, &modules, 0, seconds)?);
        return Ok(true);
    }
    loop {
        let record = Record::read()?;
        let (done, code) = (record.count("fuzz", name), record.code_of("fuzz", name).to_owned());
        println!("{name}: {done} of {goal} executions on code {code}");
        if done >= goal {
            return Ok(true);
        }
        // The seeds go on where they ended: there is one for so many executions.
        let count = draw(&python, &modules, done / FOR_EACH_SEED, SLICE)?;
        let mut now = Record::read()?;
        if now.code_of("fuzz", name) != code {
            return Err("the code has changed: start again".to_owned());
        }
        now.add("fuzz", name, count, &format!("{}, CPython {}", rustc()?, python.version))?;
    }
}

/// Builds the code of a tree, and runs seeds for a minute.
pub(super) fn check(tree: &Path, longest: Duration) -> Result<Outcome> {
    let python = Python::usual()?;
    // Beside what was built without a fault, so that dependencies need not be built again.
    let folder = target().join("fuzz-python");
    let mut cargo = build(tree, &folder, &python)?;
    for (package, level) in [("dlpack-pyo3", 1), ("dlpack-pyo3-tests", 0)] {
        for setting in [format!("opt-level={level}"), "debug=0".to_owned()] {
            cargo.arg("--config").arg(format!("profile.dev.package.{package}.{setting}"));
        }
    }
    if !is_built(&mut cargo, longest)? {
        return Ok(Outcome::NotCompiled);
    }
    let modules = install(&folder, "modules-with-fault")?;
    check_command(&mut drawing(tree, &python, &modules, 0, 60)?, longest)
}

/// The command that builds the extension of the tests under AddressSanitizer.
fn build(tree: &Path, folder: &Path, python: &Python) -> Result<Command> {
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--manifest-path", "dlpack-pyo3/tests/extension/Cargo.toml"])
        .args(["--config", "profile.dev.opt-level=3", "--config", "profile.dev.debug=2"])
        .args(["--target", &host()?, "--target-dir"])
        .arg(folder)
        .current_dir(tree)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_INCREMENTAL", "0")
        .env("PYO3_PYTHON", &python.program);
    Ok(cargo)
}

/// Copies what was built to where Python finds it, and returns that folder.
fn install(folder: &Path, name: &str) -> Result<PathBuf> {
    let modules = folder.join(name);
    place_extension(&folder.join(host()?).join("debug"), &modules)?;
    Ok(modules)
}

/// Runs seeds for some time, and returns how many executions there were.
fn draw(python: &Python, modules: &Path, first: u64, seconds: u64) -> Result<u64> {
    let said = output(&mut drawing(root(), python, modules, first, seconds)?)?;
    said.trim().parse().map_err(|_| format!("kit/rounds.py said `{said}`"))
}

/// The command that runs seeds for so many seconds.
fn drawing(
    tree: &Path,
    python: &Python,
    modules: &Path,
    first: u64,
    seconds: u64,
) -> Result<Command> {
    // Python has no sanitizer of its own, so that the one of the C compiler comes first.
    let runtime = output(command("cc").arg("-print-file-name=libasan.so"))?;
    let mut drawn = command(&python.program);
    drawn
        .args(["-m", "kit.rounds", &first.to_string(), &seconds.to_string()])
        .current_dir(tree.join("dlpack-pyo3/tests/python"))
        .env("PYTHONPATH", modules)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Each object is an allocation of its own.
        .env("PYTHONMALLOC", "malloc")
        .env("LD_PRELOAD", runtime.trim())
        .env("ASAN_OPTIONS", SANITIZER)
        .env("CC", "cc -fsanitize=address");
    Ok(drawn)
}
