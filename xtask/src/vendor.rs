//! `cargo xtask vendor`: gets the pinned `dlpack.h` out of the wheel that carries it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::tools::{self, Result, output, pip, read, read_text, root, wants_check, write};

const PIN: &str = "vendor/dlpack/pin.toml";
const HEADERS: [&str; 2] =
    ["vendor/dlpack/include/dlpack/dlpack.h", "dlpack-sys/include/dlpack/dlpack.h"];
const LICENSE: &str = "vendor/dlpack/LICENSE";

/// Any wheel will do, as the header is in each: this is one of those that there are.
const WHEEL: [&str; 6] = [
    "--no-deps",
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    "--platform=manylinux_2_28_x86_64",
    "--dest",
];

const READ_MEMBER: &str =
    "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let pin = read_text(&root().join(PIN))?;
    if !wants_check(options)? {
        refresh(&pin)?;
    }
    check(&pin)
}

/// Compares each vendored file to its pinned hash.
fn check(pin: &str) -> Result<()> {
    let (header, license) = (pinned(pin, "header-sha256")?, pinned(pin, "license-sha256")?);
    for (path, expected) in [(HEADERS[0], header), (HEADERS[1], header), (LICENSE, license)] {
        let found = sha256(&read(&root().join(path))?);
        if found != expected {
            return Err(format!("{path}: expected sha256 {expected}, found {found}"));
        }
        println!("{path} is the pinned one");
    }
    Ok(())
}

fn refresh(pin: &str) -> Result<()> {
    let (wheel, member) = (pinned(pin, "wheel")?, pinned(pin, "member")?);
    println!("downloading {wheel}");
    let file = download(wheel, &root().join(".tools/vendor"))?;
    let header = output(Command::new("python3").args(["-c", READ_MEMBER]).arg(file).arg(member))?;
    let (expected, found) = (pinned(pin, "header-sha256")?, sha256(&header));
    if found != expected {
        return Err(format!("{member} of {wheel}: expected sha256 {expected}, found {found}"));
    }
    for path in HEADERS {
        write(&root().join(path), &header)?;
    }
    Ok(())
}

/// Downloads a wheel into a folder of its own and returns its path.
fn download(wheel: &str, folder: &Path) -> Result<PathBuf> {
    let explain = |error| format!("cannot use {}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(explain)?;
    }
    tools::run(pip()?.arg("download").args(WHEEL).arg(folder).arg(wheel))?;
    let first = fs::read_dir(folder).map_err(explain)?.next();
    let first = first.ok_or_else(|| format!("pip downloaded nothing for {wheel}"))?;
    Ok(first.map_err(explain)?.path())
}

/// Returns the value of a line `key = "value"`.
fn pinned<'a>(pin: &'a str, key: &str) -> Result<&'a str> {
    pin.lines()
        .filter_map(|line| line.split_once(" = "))
        .find_map(|(found, value)| (found == key).then(|| value.trim_matches('"')))
        .ok_or_else(|| format!("{PIN} has no `{key}`"))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_the_pinned_ones() {
        assert_eq!(run(&["--check"]), Ok(()));
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let pin = "header-sha256 = \"00\"\nlicense-sha256 = \"00\"";
        let message = check(pin).unwrap_err();
        assert!(message.starts_with(
            "vendor/dlpack/include/dlpack/dlpack.h: expected sha256 00, found 62052bef"
        ));
    }

    #[test]
    fn sha256_of_the_standards_example() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }
}
