//! Tells dependents where `dlpack.h` is and, with the feature `bindgen`, declares it anew.

#[cfg(feature = "bindgen")]
#[path = "generate/mod.rs"]
mod generate;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let include = path_from("CARGO_MANIFEST_DIR")?.join("include");
    let header = include.join("dlpack/dlpack.h");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", header.display());
    println!("cargo::metadata=include={}", include.display());
    declare(&header)
}

#[cfg(feature = "bindgen")]
fn declare(header: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed=generate");
    println!("cargo::rerun-if-env-changed=CC");
    println!("cargo::rerun-if-env-changed=LIBCLANG_PATH");
    let file = path_from("OUT_DIR")?.join("bindings.rs");
    let text = generate::bindings(header).map_err(|failure| failure.to_string())?;
    std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

#[cfg(not(feature = "bindgen"))]
fn declare(_: &Path) -> Result<(), String> {
    Ok(())
}

fn path_from(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or(format!("cargo did not set {variable}"))
}
