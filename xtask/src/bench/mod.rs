//! `cargo xtask bench`: this project, its peers and hand-written floors, compared row by row.
//!
//! The package in `benches` does the work. Here it is built and run, the instructions of each contender are counted
//! under callgrind, and the ratios become a table. `--python` does so for the rows in `benches/python`.

mod callgrind;
mod kept;
mod python;
mod record;
mod table;

use std::path::PathBuf;
use std::process::Command;

use self::kept::{Keep, Kept};
use self::record::Row;
use crate::tools::{self, Result, command, flags, output, read, target, write};

pub(crate) const HELP: &str = "\
compares this project with peers and with hand-written floors

Usage: cargo xtask bench [--python] [--check] [--quick] [ROW...]

Without a row it measures all; a row may be given by the beginning of its name. Instructions are counted if valgrind is installed.

  --python     the rows where arrays of Python's libraries go in and out; needs python3 with venv
  --check      measures nothing, and fails unless all contenders of a row come to one result
  --quick      fewer and shorter rounds

  --compare     counts only this project's instructions, and fails if an operation takes 3 % more than benches/counts.tsv
                or, with `--python`, benches/python/counts.tsv says; the latter has the rows that need only NumPy
  --record      counts them, and writes the file
  --comparable  counts nothing, and fails if the file was written with other programs than those that are installed
";

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let known = ["--python", "--check", "--quick", "--compare", "--record", "--comparable"];
    let ([is_python, is_check, is_quick, compare, record, comparable], names) =
        flags(words, known)?;
    let keep = match [compare, record, comparable] {
        [false, false, false] => return measure(is_python, is_check, is_quick, &names),
        [true, false, false] => Keep::Compare,
        [false, true, false] => Keep::Record,
        [false, false, true] => Keep::Comparable,
        _ => return Err("expected one of `--compare`, `--record` and `--comparable`".to_owned()),
    };
    if names.is_empty() {
        return keep_counts(is_python, keep);
    }
    let names = names.join(" ");
    Err(format!("expected no rows, found `{names}`: the file has the counts of all rows"))
}

/// What does the work: the beginning of its command line, and its environment.
struct Program {
    words: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Program {
    fn command(&self, words: &[&str]) -> Command {
        self.under(&[], words)
    }

    /// Returns the command that runs it under another program.
    fn under(&self, other: &[&str], words: &[&str]) -> Command {
        let own = self.words.iter().map(String::as_str);
        let mut all = other.iter().copied().chain(own).chain(words.iter().copied());
        let mut command = command(all.next().unwrap_or_default());
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(all).envs(environment);
        command
    }

    fn rows(&self, names: &[&str]) -> Result<Vec<Row>> {
        record::read(&output(self.command(&["list"]).args(names))?)
    }
}

/// Compares all contenders of the rows, and shows a table.
fn measure(is_python: bool, is_check: bool, is_quick: bool, names: &[&str]) -> Result<bool> {
    let program = if is_python { python::build(true)? } else { build()? };
    if is_check {
        return tools::run(program.command(&["check"]).args(names)).map(|()| true);
    }
    let mut rows = program.rows(names)?;
    for row in &mut rows {
        println!("{}", row.name);
        let how = if is_quick { "time-quick" } else { "time" };
        record::add(row, &output(&mut program.command(&[how, &row.name]))?)?;
        if !is_python {
            let mut mallocs = command(&binary("dlpack-benches-mallocs"));
            record::add(row, &output(mallocs.args(["mallocs", &row.name]))?)?;
        }
    }
    let counts = callgrind::is_installed() && (!is_python || python::can_count(&program)?);
    if counts {
        println!("instructions");
        match is_python {
            true => python::count(&mut rows, &program, "count")?,
            false => rows.iter_mut().try_for_each(|row| callgrind::count(row, &program))?,
        }
    }
    let table = table::draw(if is_python { "dlpack-pyo3" } else { "dlpack" }, &rows);
    let file = if is_python { python::folder() } else { folder() }.join("ratios.md");
    println!("\n{table}\nThe table is in {}.", file.display());
    write(file, &table)?;
    if !counts {
        println!("No instructions were counted: valgrind is not installed.");
    }
    Ok(true)
}

/// Counts the instructions of this project's contenders, in Python in the rows that need only NumPy.
fn keep_counts(is_python: bool, keep: Keep) -> Result<bool> {
    let kept = match is_python {
        true => Kept { file: python::COUNTS, with: python::with()? },
        false => Kept { file: COUNTS, with: callgrind::with()? },
    };
    if keep == Keep::Comparable {
        return kept.check_comparable().map(|()| true);
    }
    let program = if is_python { python::build(false)? } else { build()? };
    let names = if is_python { python::NUMPY_ROWS } else { "" };
    let mut rows = program.rows(&names.split_whitespace().collect::<Vec<_>>())?;
    kept::own(&mut rows);
    match is_python {
        true => python::count(&mut rows, &program, "count-own")?,
        false => rows.iter_mut().try_for_each(|row| callgrind::count(row, &program))?,
    }
    kept.keep(&rows, keep)
}

/// Compares all counts that are kept. Returns how many there are, and `false` if an operation takes more instructions.
pub(crate) fn compare() -> Result<(usize, bool)> {
    let is_kept = keep_counts(false, Keep::Compare)? & keep_counts(true, Keep::Compare)?;
    let text = read(COUNTS)? + &read(python::COUNTS)?;
    Ok((text.lines().filter(|line| !line.starts_with('#')).count(), is_kept))
}

/// Where the counts of this project are kept.
const COUNTS: &str = "benches/counts.tsv";

/// Builds in the release profile, as users build: without optimisation at link time. An incremental build, which the environment
/// may ask for, would cut the crates into small parts and inline less.
fn build() -> Result<Program> {
    let mut build = command("cargo");
    build.args("build --quiet --release --bins --manifest-path benches/Cargo.toml".split(' '));
    tools::run(build.env("CARGO_TARGET_DIR", folder()).env("CARGO_INCREMENTAL", "0"))?;
    Ok(Program { words: vec![binary("dlpack-benches")], environment: vec![] })
}

fn folder() -> PathBuf {
    target().join("benches")
}

fn binary(name: &str) -> String {
    folder().join("release").join(name).display().to_string()
}
