//! What is committed although it could be generated: the header of the standard, and its declarations in Rust.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::python::pip;
use crate::tools::{Result, command, output, read, root, run, target, wants_check, write};

pub(crate) const BINDGEN_HELP: &str = "\
generates the declarations of dlpack-sys from dlpack.h

Usage: cargo xtask bindgen [--check]

  --check  writes nothing, and fails if the committed file differs

It needs a C compiler, and libclang, which pip downloads into .tools.
";

pub(crate) const VENDOR_HELP: &str = "\
downloads the pinned dlpack.h

Usage: cargo xtask vendor [--check]

  --check  downloads nothing, and fails if a committed file is not the pinned one

vendor/dlpack/pin.toml says which version it is, where it comes from, and its checksum.
";

const BINDINGS: &str = "dlpack-sys/src/bindings.rs";
const PIN: &str = "vendor/dlpack/pin.toml";
const HEADERS: [&str; 2] =
    ["vendor/dlpack/include/dlpack/dlpack.h", "dlpack-sys/include/dlpack/dlpack.h"];
const LICENSE: &str = "vendor/dlpack/LICENSE";

/// The wheel that brings libclang.
const LIBCLANG: &str = "libclang==18.1.1";

/// Any wheel will do, as the header is in each: this is one of those that there are.
const WHEEL: &str = "--no-deps --only-binary=:all: --implementation=cp --python-version=3.11 \
     --platform=manylinux_2_28_x86_64 --target";

pub(crate) fn bindgen(words: &[&str]) -> Result<bool> {
    let is_check = wants_check(words)?;
    let mut build = command("cargo");
    build.args("build --quiet -p dlpack-sys --features bindgen --message-format=json".split(' '));
    let messages = output(build.env("LIBCLANG_PATH", libclang()?))?;
    let folder = messages.lines().filter(|line| line.contains("dlpack-sys")).find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["out_dir"].as_str()?))
    });
    let folder = folder.ok_or("cargo did not name the folder of the build script of dlpack-sys")?;
    publish(BINDINGS, &read(folder.join("bindings.rs"))?, is_check, "bindgen")
}

/// Writes a generated file, or compares it with the committed one and shows where they differ.
pub(crate) fn publish(path: &str, text: &str, is_check: bool, task: &str) -> Result<bool> {
    if !is_check {
        println!("writing {path}");
        return write(path, text).map(|()| true);
    }
    if read(path)? == text {
        println!("{path} is up to date");
        return Ok(true);
    }
    let generated = target().join("xtask").join(path);
    write(&generated, text)?;
    // Its exit status says that they differ.
    run(command("git").args(["--no-pager", "diff", "--no-index", path]).arg(generated)).ok();
    println!("{path} is out of date: run `cargo xtask {task}` and read the difference");
    Ok(false)
}

/// Returns the folder of libclang, which pip downloads.
fn libclang() -> Result<PathBuf> {
    let folder = root().join(".tools/libclang");
    if !folder.join("clang/native").is_dir() {
        let mut install = pip("python3");
        install.args(["install", "--no-deps", "--upgrade", LIBCLANG, "--target"]).arg(&folder);
        run(&mut install)?;
    }
    Ok(folder.join("clang/native"))
}

pub(crate) fn vendor(words: &[&str]) -> Result<bool> {
    let pin = read(PIN)?;
    if !wants_check(words)? {
        let folder = root().join(".tools/vendor");
        fs::remove_dir_all(&folder).ok();
        let mut install = pip("python3");
        install.arg("install").args(WHEEL.split_whitespace()).arg(&folder);
        run(install.arg(pinned(&pin, "wheel")?))?;
        let header = read(folder.join(pinned(&pin, "member")?))?;
        HEADERS.iter().try_for_each(|path| write(path, &header))?;
    }
    check(&pin)
}

/// Compares each vendored file with its pinned hash.
fn check(pin: &str) -> Result<bool> {
    let (header, license) = (pinned(pin, "header-sha256")?, pinned(pin, "license-sha256")?);
    for (path, expected) in [(HEADERS[0], header), (HEADERS[1], header), (LICENSE, license)] {
        let hash = Sha256::digest(read(path)?);
        let found: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        if found != expected {
            return Err(format!("{path}: expected sha256 {expected}, found {found}"));
        }
        println!("{path} is the pinned one");
    }
    Ok(true)
}

/// Returns the value of a line `key = "value"`.
fn pinned<'a>(pin: &'a str, key: &str) -> Result<&'a str> {
    let values = pin.lines().filter_map(|line| line.split_once(" = "));
    let value = values.into_iter().find(|(found, _)| *found == key).map(|(_, value)| value);
    Ok(value.ok_or_else(|| format!("{PIN} has no `{key}`"))?.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_noticed() {
        assert_eq!(check(&read(PIN).unwrap()), Ok(true));
        let message = check("header-sha256 = \"00\"\nlicense-sha256 = \"00\"").unwrap_err();
        assert!(message.contains("dlpack.h: expected sha256 00, found 62052bef"), "{message}");
    }
}
