//! `cargo xtask bench`: this project, its peers and hand-written floors, compared row by row.
//!
//! The package in `benches` does the work. Here it is built and run, the instructions of each contender are counted
//! under callgrind, and the ratios become a table and a picture. `--python` does so for the rows in `benches/python`.

mod callgrind;
mod options;
mod picture;
mod python;
mod record;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};

use self::options::Options;
use self::record::Row;
use crate::tools::{self, Result, cargo, root, target, write};

/// A folder of its own in the target directory: for the build, and for what comes out.
const FOLDER: &str = "benches";

pub(crate) fn run(options: &[&str]) -> Result<ExitCode> {
    let options = Options::parse(options)?;
    if options.is_python {
        return python::run(&options);
    }
    tools::run(&mut build())?;
    if options.is_check {
        tools::run(program(PLAIN).arg("check").args(&options.rows))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = record::read(&lines(program(PLAIN).arg("list").args(&options.rows))?)?;
    for row in &mut rows {
        measure(row, &options)?;
    }
    report("dlpack", &rows, &target().join(FOLDER))?;
    Ok(ExitCode::SUCCESS)
}

const PLAIN: &str = "dlpack-benches";
const COUNTING: &str = "dlpack-benches-mallocs";

/// In the release profile, as users build: without optimisation at link time. An incremental build, which the environment
/// may ask for, would cut the crates into small parts and inline less.
fn build() -> Command {
    let mut command = cargo("build --quiet --release --bins --manifest-path benches/Cargo.toml");
    command.current_dir(root()).env("CARGO_TARGET_DIR", target().join(FOLDER));
    command.env("CARGO_INCREMENTAL", "0");
    command
}

fn program(name: &str) -> Command {
    Command::new(target().join(FOLDER).join("release").join(name))
}

fn lines(command: &mut Command) -> Result<String> {
    String::from_utf8(tools::output(command)?).map_err(|error| error.to_string())
}

fn measure(row: &mut Row, options: &Options) -> Result<()> {
    println!("{}", row.name);
    let how = if options.is_quick { "time-quick" } else { "time" };
    record::add(row, &lines(program(PLAIN).args([how, &row.name]))?)?;
    record::add(row, &lines(program(COUNTING).args(["mallocs", &row.name]))?)?;
    if options.counts_instructions && callgrind::is_installed() {
        callgrind::count(row, || program(PLAIN))?;
    }
    Ok(())
}

/// Shows the ratios of this project, under its name, and of all others; what was drawn is left in the folder.
fn report(ours: &str, rows: &[Row], folder: &Path) -> Result<()> {
    let table = table::draw(ours, rows);
    println!("\n{table}");
    let picture = folder.join("ratios.svg");
    write(&picture, picture::draw(ours, rows).as_bytes())?;
    write(&folder.join("ratios.md"), table.as_bytes())?;
    println!("The picture is {}, the table next to it in ratios.md.", picture.display());
    if rows.iter().flat_map(|row| &row.contenders).all(|found| found.instructions.is_none()) {
        println!("Instructions were not counted: {}.", callgrind::why_not());
    }
    Ok(())
}
