//! The documentation: it builds without a warning, and what can have an example has one.

use std::fs;
use std::path::Path;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use crate::rustdoc;
use crate::tools::{read_text, root};

/// The flags of rustdoc for tables of what is documented.
pub(super) const COVERAGE: &str = "-Zunstable-options --show-coverage";

/// What is built is the same each time, so that only rustdoc runs anew.
const DOC: &str = "doc --workspace --no-deps --all-features";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    suite.provide_libclang()?;
    suite.run(cargo(DOC).env("RUSTDOCFLAGS", "-D warnings"))?;
    let mut build = cargo(DOC);
    build.env("RUSTDOCFLAGS", "-D warnings --cfg docsrs");
    suite.run(rustdoc::allow_unstable(&mut build)?)?;
    let mut count = cargo(DOC);
    count.env("RUSTDOCFLAGS", COVERAGE);
    let tables = suite.run(rustdoc::allow_unstable(&mut count)?)?;
    check_coverage(&tables, "dlpack/src/lib.rs")?;
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

/// Reads the last row of the table that names a file: how much is documented, and how much has examples.
pub(super) fn check_coverage(tables: &str, file: &str) -> Outcome {
    let named = format!("| {file} ");
    let mut rows = tables.lines().skip_while(|line| !line.starts_with(&named));
    let row = rows.find(|line| line.starts_with("| Total "));
    let cells: Vec<&str> = row.into_iter().flat_map(|row| row.split('|')).map(str::trim).collect();
    match cells[..] {
        [_, _, _, "100.0%", _, "100.0%", _] => Ok(()),
        [_, _, _, documented, _, examples, _] => Err(Stop::Failed(format!(
            "expected all to be documented and to have examples, found {documented} and {examples}"
        ))),
        _ => Err(Stop::Failed(format!("rustdoc wrote no table with {file}"))),
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

/// Returns the numbers of the lines that open a public, shown function whose documentation has no code.
fn bare_functions(text: &str) -> Vec<usize> {
    let (mut bare, mut has_code) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.starts_with("///") {
            has_code |= line.contains("```");
        } else if line == "#[doc(hidden)]" {
            has_code = true;
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
    fn the_total_row_of_the_right_table_decides() {
        let tables = "\
| a.rs  | 1 | 50.0% | 1 | 0.0% |
| Total | 9 | 50.0% | 0 | 0.0% |
| b.rs  | 1 | 100.0% | 1 | 100.0% |
| c.rs  | 1 | 100.0% | 0 |   0.0% |
| Total | 9 | 100.0% | 5 | 100.0% |
";
        assert!(check_coverage(tables, "b.rs").is_ok());
        let Err(Stop::Failed(message)) = check_coverage(tables, "a.rs") else { panic!("50 %") };
        assert!(message.ends_with("found 50.0% and 0.0%"));
        let Err(Stop::Failed(message)) = check_coverage(tables, "d.rs") else { panic!("no d.rs") };
        assert_eq!(message, "rustdoc wrote no table with d.rs");
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

#[doc(hidden)]
pub fn hidden() {}

fn private() {}
";
        assert_eq!(bare_functions(text), [10]);
    }
}
