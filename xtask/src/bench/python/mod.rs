//! `cargo xtask bench --python`: the rows in `benches/python`, where arrays of Python's libraries go into native code
//! and out of it.

mod build;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use self::build::Modules;
use super::options::Options;
use super::record::{self, Row};
use super::{callgrind, lines, report};
use crate::tools::{self, Result, root, target};

/// A folder of its own in the target directory: for what is built, and for what comes out.
fn folder() -> PathBuf {
    target().join("benches/python")
}

pub(super) fn run(options: &Options) -> Result<ExitCode> {
    let modules = Modules::build(&folder())?;
    let program = || {
        let mut program = modules.python();
        program.arg(root().join("benches/python"));
        program
    };
    if options.is_check {
        tools::run(program().arg("check").args(&options.rows))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = record::read(&lines(program().arg("list").args(&options.rows))?)?;
    let how = if options.is_quick { "time-quick" } else { "time" };
    for row in &mut rows {
        println!("{}", row.name);
        record::add(row, &lines(program().args([how, &row.name]))?)?;
    }
    let can_count = lines(program().arg("can-count"))? == "yes\n";
    if options.counts_instructions && callgrind::is_installed() && can_count {
        println!("instructions");
        count(&mut rows, &program())?;
    }
    report("dlpack-pyo3", &rows, &folder())?;
    Ok(ExitCode::SUCCESS)
}

/// Counts for all rows in one process: importing the libraries under valgrind takes longest.
fn count(rows: &mut [Row], program: &Command) -> Result<()> {
    let dumps = folder().join("callgrind");
    fs::create_dir_all(&dumps)
        .map_err(|error| format!("cannot make {}: {error}", dumps.display()))?;
    let file = dumps.join("out");
    let mut command = callgrind::around(program, &file);
    command.arg("count").arg(&file).args(rows.iter().map(|row| &row.name));
    for line in lines(&mut command)?.lines() {
        let name = line.split('\t').nth(1);
        let row = rows.iter_mut().find(|row| Some(row.name.as_str()) == name);
        record::add(row.ok_or_else(|| record::unexpected(line))?, line)?;
    }
    Ok(())
}
