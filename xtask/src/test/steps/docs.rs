//! The documentation: it builds without a warning, and what can have an example has one.

use std::fs;
use std::path::Path;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::TYPES;
use crate::tools::{read_text, root};

pub(super) fn run(suite: &mut Suite) -> Outcome {
    suite.provide_libclang()?;
    let mut build = cargo("doc --workspace --no-deps --all-features");
    suite.run(build.env("RUSTDOCFLAGS", "-D warnings"))?;
    let flags = "-D warnings --cfg docsrs";
    let mut build = cargo(&format!("doc -p dlpack -p dlpack-sys --no-deps --features {TYPES}"));
    suite.run(build.env("RUSTDOCFLAGS", flags).env("RUSTC_BOOTSTRAP", "1"))?;
    let mut count = cargo(&format!("rustdoc -p dlpack --features {TYPES}"));
    count.args(["--", "-Zunstable-options", "--show-coverage"]).env("RUSTC_BOOTSTRAP", "1");
    let table = suite.run(&mut count)?;
    check_coverage(&table)?;
    check_examples(&["dlpack/src", "devices/cudarc/src"])
}

/// Stops if a public function in these folders has no example.
pub(super) fn check_examples(folders: &[&str]) -> Outcome {
    let mut bare = Vec::new();
    for folder in folders {
        find_bare(&root().join(folder), &mut bare)?;
    }
    for function in &bare {
        println!("    | {function} has no example");
    }
    if bare.is_empty() { Ok(()) } else { Err(Stop::Failed("an example is missing".to_owned())) }
}

/// Reads the last row of rustdoc's table: how much is documented, and how much has examples.
pub(super) fn check_coverage(table: &str) -> Outcome {
    let row = table.lines().find(|line| line.starts_with("| Total "));
    let cells: Vec<&str> = row.into_iter().flat_map(|row| row.split('|')).map(str::trim).collect();
    match cells[..] {
        [_, _, _, "100.0%", _, "100.0%", _] => Ok(()),
        [_, _, _, documented, _, examples, _] => Err(Stop::Failed(format!(
            "expected all to be documented and to have examples, found {documented} and {examples}"
        ))),
        _ => Err(Stop::Failed("rustdoc wrote no table of coverage".to_owned())),
    }
}

/// Adds the public functions without an example: rustdoc's table leaves methods out.
fn find_bare(folder: &Path, bare: &mut Vec<String>) -> Outcome {
    let explain = |error| Stop::Failed(format!("cannot read {}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        if path.is_dir() {
            find_bare(&path, bare)?;
        } else {
            let lines = bare_functions(&read_text(&path)?);
            bare.extend(lines.iter().map(|line| format!("{}:{line}", path.display())));
        }
    }
    Ok(())
}

/// Returns the numbers of the lines that open a public function whose documentation has no code.
fn bare_functions(text: &str) -> Vec<usize> {
    let (mut bare, mut has_code) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.starts_with("///") {
            has_code |= line.contains("```");
        } else if !line.starts_with("#[") {
            let is_function = line.starts_with("pub ") && line.contains("fn ");
            if is_function && !has_code {
                bare.push(number);
            }
            has_code = false;
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_row_decides() {
        let table = "| a.rs  | 1 | 100.0% | 1 | 100.0% |\n| Total | 9 | 100.0% | 5 | 100.0% |\n";
        assert!(check_coverage(table).is_ok());
        let table = "| Total  |   9 |   90.0% |    5 |  100.0% |\n";
        let Err(Stop::Failed(message)) = check_coverage(table) else { panic!("90 % is not all") };
        assert!(message.ends_with("found 90.0% and 100.0%"));
        assert!(check_coverage("").is_err());
    }

    #[test]
    fn a_public_function_without_code_is_found() {
        let text = "\
/// One.
///
/// ```
/// one();
/// ```
#[must_use]
pub const fn one() {}

/// Two has none.
pub unsafe fn two() {}

/// A field is no function.
pub field: u8,

fn private() {}
";
        assert_eq!(bare_functions(text), [10]);
    }
}
