//! `cargo xtask bindgen`: makes `dlpack-sys/src/bindings.rs` anew from the vendored header.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::generate::{self, Failure};
use crate::tools::{self, Result, pip, read_text, root, wants_check, write};

const HEADER: &str = "vendor/dlpack/include/dlpack/dlpack.h";
const BINDINGS: &str = "dlpack-sys/src/bindings.rs";

/// The wheel that brings libclang to a machine that has none.
const WHEEL: &str = "libclang==18.1.1";

/// Where bindgen looks for libclang first.
const LIBCLANG_PATH: &str = "LIBCLANG_PATH";

/// As many differing lines as are shown.
const SHOWN: usize = 5;

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let is_check = wants_check(options)?;
    let generated = generate()?;
    let path = root().join(BINDINGS);
    if is_check {
        return compare(&read_text(&path)?, &generated);
    }
    write(&path, generated.as_bytes())?;
    println!("wrote {BINDINGS}");
    Ok(())
}

fn generate() -> Result<String> {
    provide_libclang()?;
    generate::bindings(&root().join(HEADER)).map_err(|failure| failure.to_string())
}

/// Fetches libclang unless it is installed, and tells this process and those that it starts where it is.
pub(crate) fn provide_libclang() -> Result<()> {
    let is_given = env::var_os(LIBCLANG_PATH).is_some();
    if is_given || !matches!(generate::bindings(&root().join(HEADER)), Err(Failure::NoLibclang)) {
        return Ok(());
    }
    let folder = fetch_libclang()?;
    // SAFETY: xtask has one thread, so nobody else reads the environment.
    unsafe { env::set_var(LIBCLANG_PATH, folder) };
    Ok(())
}

/// Returns the folder of the wheel's libclang, downloaded unless it is there from before.
fn fetch_libclang() -> Result<PathBuf> {
    let folder = root().join(".tools/libclang");
    let native = folder.join("clang/native");
    if !has_files(&native) {
        println!("no libclang is installed: downloading {WHEEL} into .tools/libclang");
        let mut install = pip()?;
        install.args(["install", "--no-deps", "--upgrade", "--target"]);
        tools::run(install.arg(&folder).arg(WHEEL))?;
    }
    println!("using libclang of {}", native.display());
    Ok(native)
}

fn has_files(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
}

fn compare(committed: &str, generated: &str) -> Result<()> {
    if committed == generated {
        println!("{BINDINGS} is up to date");
        return Ok(());
    }
    let (mut committed, mut generated) = (committed.lines(), generated.lines());
    let mut shown = 0;
    for number in 1.. {
        let lines = (committed.next(), generated.next());
        if lines == (None, None) || shown == SHOWN {
            break;
        }
        if lines.0 != lines.1 {
            println!("{BINDINGS}:{number}");
            println!("  committed: {}", lines.0.unwrap_or("(the end)"));
            println!("  generated: {}", lines.1.unwrap_or("(the end)"));
            shown += 1;
        }
    }
    Err(format!("{BINDINGS} is out of date: run `cargo xtask bindgen`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_up_to_date() {
        assert_eq!(compare("a\nb\n", "a\nb\n"), Ok(()));
    }

    #[test]
    fn a_difference_names_the_command_that_mends_it() {
        let message = compare("a\nb\n", "a\nc\n").unwrap_err();
        assert!(message.ends_with("run `cargo xtask bindgen`"));
        assert!(compare("a\n", "a").is_err(), "a lost line end is a difference");
    }
}
