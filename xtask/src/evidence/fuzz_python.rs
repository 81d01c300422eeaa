//! Producers in Python, and what is done with their tensors, drawn from bytes: `kit/drawn.py` of the tests in Python.

use std::path::{Path, PathBuf};

use super::record::Record;
use super::{Length, place_extension};
use crate::python::Python;
use crate::tools::{Result, command, host, output, root, run as execute, rustc, target};

/// The name in the record, and how many producers are drawn.
pub(super) const GOAL: (&str, u64) = ("py-producers", 20_000_000);

/// After so many seconds what was done is recorded.
const SLICE: u64 = 120;

pub(super) fn run(length: Length) -> Result<bool> {
    let python = Python::usual()?;
    let modules = build(&python)?;
    let (name, goal) = GOAL;
    if let Length::Seconds(seconds) = length {
        println!("{name}: {} producers", draw(&python, &modules, 0, seconds)?);
        return Ok(true);
    }
    loop {
        let record = Record::read()?;
        let (done, code) = (record.count("fuzz", name), record.code_of("fuzz", name).to_owned());
        println!("{name}: {done} of {goal} producers on code {code}");
        if done >= goal {
            return Ok(true);
        }
        // Each number is the seed of another producer.
        let count = draw(&python, &modules, done, SLICE)?;
        let mut now = Record::read()?;
        if now.code_of("fuzz", name) != code {
            return Err("the code has changed: start again".to_owned());
        }
        now.add("fuzz", name, count, &format!("{}, CPython {}", rustc()?, python.version))?;
    }
}

/// Builds the extension of the tests under AddressSanitizer, and returns the folder from which it is imported.
fn build(python: &Python) -> Result<PathBuf> {
    let (host, folder) = (host()?, target().join("fuzz-python"));
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--manifest-path", "dlpack-pyo3/tests/extension/Cargo.toml"])
        .args(["--target", &host])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_TARGET_DIR", &folder)
        .env("PYO3_PYTHON", &python.program);
    execute(&mut cargo)?;
    let modules = folder.join("modules");
    place_extension(&folder.join(host).join("debug"), &modules)?;
    Ok(modules)
}

/// Runs producers for some seconds, and returns how many.
fn draw(python: &Python, modules: &Path, first: u64, seconds: u64) -> Result<u64> {
    // Python has no sanitizer of its own, so that the one of the C compiler comes first.
    let runtime = output(command("cc").arg("-print-file-name=libasan.so"))?;
    let mut drawn = command(&python.program);
    drawn
        .args(["-m", "kit.drawn", &first.to_string(), &seconds.to_string()])
        .current_dir(root().join("dlpack-pyo3/tests/python"))
        .env("PYTHONPATH", modules)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Each object is an allocation of its own.
        .env("PYTHONMALLOC", "malloc")
        .env("LD_PRELOAD", runtime.trim())
        // CPython leaves some memory at its end.
        .env("ASAN_OPTIONS", "detect_leaks=0:malloc_context_size=8:quarantine_size_mb=32")
        .env("CC", "cc -fsanitize=address");
    let said = output(&mut drawn)?;
    said.trim().parse().map_err(|_| format!("kit/drawn.py said `{said}`"))
}
