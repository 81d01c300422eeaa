//! `cargo xtask bench`: this project, its peers and hand-written floors, compared row by row.
//!
//! The package in `benches` does the work. Here it is built and run, the instructions of each contender are counted
//! under callgrind, and the ratios become a table. `--python` does so for the rows in `benches/python`.

mod callgrind;
mod kept;
mod python;
mod record;
mod table;

use std::path::Path;
use std::process::Command;

use self::kept::{Keep, Kept};
use self::record::Row;
use crate::tools::{self, Result, command, flags, output, target, write};

pub(crate) const HELP: &str = "\
compares this project with peers and with hand-written floors

Usage: cargo xtask bench [--python] [--check] [--quick] [--no-counts] [ROW...]

Without a row it measures all; a row may be given by the beginning of its name.

  --python     the rows where arrays of Python's libraries go in and out; needs python3 with venv
  --check      measures nothing, and fails unless all contenders of a row come to one result
  --quick      fewer and shorter rounds
  --no-counts  counts no instructions, for which valgrind must be installed

  --compare     counts only this project's instructions, and fails if an operation takes 3 % more than benches/counts.tsv
                or, with `--python`, benches/python/counts.tsv says; the latter has the rows that need only NumPy
  --record      counts them, and writes the file
  --comparable  counts nothing, and fails if the file was written with other programs than those that are installed
";

/// The words of the command line.
struct Options<'a> {
    is_python: bool,
    is_check: bool,
    is_quick: bool,
    /// Instructions are counted.
    counts: bool,
    rows: Vec<&'a str>,
}

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let ([is_python, is_check, is_quick, no_counts, compare, record, comparable], rows) = flags(
        words,
        ["--python", "--check", "--quick", "--no-counts", "--compare", "--record", "--comparable"],
    )?;
    let keep = match [compare, record, comparable] {
        [false, false, false] => None,
        [true, false, false] => Some(Keep::Compare),
        [false, true, false] => Some(Keep::Record),
        [false, false, true] => Some(Keep::Comparable),
        _ => return Err("expected one of `--compare`, `--record` and `--comparable`".to_owned()),
    };
    if keep.is_some() && !rows.is_empty() {
        return Err(format!(
            "expected no rows, found `{}`: the file has the counts of all rows",
            rows.join(" ")
        ));
    }
    let counts = !no_counts && callgrind::is_installed();
    let options = Options { is_python, is_check, is_quick, counts, rows };
    if let Some(keep) = keep {
        return if is_python { python::keep(keep) } else { keep_all(keep) };
    }
    if options.is_python {
        return python::run(&options);
    }
    tools::run(&mut build())?;
    if options.is_check {
        tools::run(program(PLAIN).arg("check").args(&options.rows))?;
        return Ok(true);
    }
    let mut rows = record::read(&output(program(PLAIN).arg("list").args(&options.rows))?)?;
    for row in &mut rows {
        println!("{}", row.name);
        record::add(row, &output(program(PLAIN).args([options.how(), &row.name]))?)?;
        record::add(row, &output(program(COUNTING).args(["mallocs", &row.name]))?)?;
        if options.counts {
            callgrind::count(row, || program(PLAIN))?;
        }
    }
    report("dlpack", &rows, &target().join("benches"))
}

/// Where the counts of this project are kept.
const COUNTS: &str = "benches/counts.tsv";

fn keep_all(keep: Keep) -> Result<bool> {
    let kept = Kept { file: COUNTS, with: callgrind::with()? };
    if keep == Keep::Comparable {
        return kept.check_comparable().map(|()| true);
    }
    tools::run(&mut build())?;
    let mut rows = record::read(&output(program(PLAIN).arg("list"))?)?;
    kept::own(&mut rows);
    for row in &mut rows {
        callgrind::count(row, || program(PLAIN))?;
    }
    kept.keep(&rows, keep)
}

/// Compares all counts that are kept. Returns how many there are, and `false` if an operation takes more instructions.
pub(crate) fn compare() -> Result<(usize, bool)> {
    let is_kept = keep_all(Keep::Compare)? & python::keep(Keep::Compare)?;
    let mut count = 0;
    for file in [COUNTS, python::COUNTS] {
        let text = tools::read(file)?;
        count += text.lines().filter(|line| !line.starts_with('#')).count();
    }
    Ok((count, is_kept))
}

impl Options<'_> {
    fn how(&self) -> &'static str {
        if self.is_quick { "time-quick" } else { "time" }
    }
}

const PLAIN: &str = "dlpack-benches";
const COUNTING: &str = "dlpack-benches-mallocs";

/// In the release profile, as users build: without optimisation at link time. An incremental build, which the environment
/// may ask for, would cut the crates into small parts and inline less.
fn build() -> Command {
    let mut build = command("cargo");
    build.args("build --quiet --release --bins --manifest-path benches/Cargo.toml".split(' '));
    build.env("CARGO_TARGET_DIR", target().join("benches")).env("CARGO_INCREMENTAL", "0");
    build
}

fn program(name: &str) -> Command {
    Command::new(target().join("benches/release").join(name))
}

/// Shows the ratios of this project, under its name, and of all others, and leaves the table in the folder.
fn report(ours: &str, rows: &[Row], folder: &Path) -> Result<bool> {
    let table = table::draw(ours, rows);
    println!("\n{table}\nThe table is in {}.", folder.join("ratios.md").display());
    write(folder.join("ratios.md"), &table)?;
    if rows.iter().flat_map(|row| &row.contenders).all(|found| found.instructions.is_none()) {
        println!(
            "No instructions were counted: `--no-counts` was given, or valgrind is not installed."
        );
    }
    Ok(true)
}
