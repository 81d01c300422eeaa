//! `cargo xtask bench`: this project, its peers and hand-written floors, compared row by row.
//!
//! The package in `benches` does the work. Here it is built and run, the instructions of each contender are counted
//! under callgrind, and the ratios become a table. `--python` does so for the rows in `benches/python`.

mod callgrind;
mod python;
mod record;
mod table;

use std::path::Path;
use std::process::Command;

use self::record::Row;
use crate::tools::{self, Result, command, flags, output, target, write};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [--python] [--check] [--quick] [--no-counts] [ROW...]

Without a row it measures all; a row may be given by the beginning of its name.

  --python     the rows where arrays of Python's libraries go in and out; needs python3 with venv
  --check      measures nothing, and fails unless all contenders of a row come to one result
  --quick      fewer and shorter rounds
  --no-counts  counts no instructions, for which valgrind must be installed
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
    let ([is_python, is_check, is_quick, no_counts], rows) =
        flags(words, ["--python", "--check", "--quick", "--no-counts"])?;
    let options = Options {
        is_python,
        is_check,
        is_quick,
        counts: !no_counts && callgrind::is_installed(),
        rows,
    };
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
