//! `cargo xtask bench --python`: the rows in `benches/python`, where arrays of Python's libraries go into native code
//! and out of it.

use std::path::PathBuf;

use super::record::{self, Row};
use super::{Program, callgrind};
use crate::python::Python;
use crate::test::{run_whole, steps};
use crate::tools::{Result, command, output, root, target, write};

/// Where the counts of this project are kept, for the rows that need only NumPy.
pub(super) const COUNTS: &str = "benches/python/counts.tsv";

/// The rows that need only NumPy.
pub(super) const NUMPY_ROWS: &str = "numpy-protocol numpy table-view table give-view give dlpack to-numpy \
     package-to-numpy refuse-numpy flat-numpy flat-give";

/// Prints the versions of Python and NumPy, on which the counts depend.
const WITH: &str = "
import platform, numpy
print(f'{platform.python_implementation()} {platform.python_version()}, NumPy {numpy.__version__}')
";

/// Says with which programs this project's contenders are counted.
pub(super) fn with() -> Result<String> {
    let python = Python::usual()?.venv("requirements-small")?.join("python");
    let with = output(command(&python.to_string_lossy()).args(["-I", "-c", WITH]))?;
    Ok(format!("{}, {}", with.trim(), callgrind::with()?))
}

/// Builds what the rows import, with or without the peers. Hashes are the same in every run, so that the same instructions are
/// counted; JAX would look for other devices.
pub(super) fn build(has_peers: bool) -> Result<Program> {
    for step in steps::benches().iter().filter(|step| has_peers || step.name == "own") {
        let (tally, verdict) = run_whole(step);
        if tally.passed == 0 {
            return Err(format!("{}: {verdict}", step.name));
        }
    }
    let python = Python::usual()?;
    let venv = python.venv(if has_peers { "requirements" } else { "requirements-small" })?;
    let modules = folder().join(format!("modules-{}", python.version));
    let words = [venv.join("python"), root().join("benches/python")];
    let environment = [
        ("PYTHONPATH", &*modules.to_string_lossy()),
        ("PYTHONHASHSEED", "0"),
        ("JAX_PLATFORMS", "cpu"),
    ];
    Ok(Program {
        words: words.map(|path| path.display().to_string()).into(),
        environment: environment.map(|(name, value)| (name, value.to_owned())).into(),
    })
}

pub(super) fn can_count(program: &Program) -> Result<bool> {
    Ok(output(&mut program.command(&["can-count"]))? == "yes\n")
}

/// Counts for all rows in one process: importing the libraries under valgrind takes longest.
pub(super) fn count(rows: &mut [Row], program: &Program, how: &str) -> Result<()> {
    if !can_count(program)? {
        return Err("callgrind.h is not installed: `apt-get install valgrind`".to_owned());
    }
    let file = folder().join("callgrind/out");
    write(&file, "")?;
    // The program says by itself what is counted, and what it dumps goes to files whose names begin like that.
    let file = file.to_string_lossy();
    let out = format!("--callgrind-out-file={file}");
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", &out];
    let mut command = program.under(&valgrind, &[how, &file]);
    for line in output(command.args(rows.iter().map(|row| &row.name)))?.lines() {
        let name = line.split('\t').nth(1);
        let row = rows.iter_mut().find(|row| Some(row.name.as_str()) == name);
        record::add(row.ok_or_else(|| record::unexpected(line))?, line)?;
    }
    Ok(())
}

/// A folder of its own in the target directory: for what is built, and for what comes out.
pub(super) fn folder() -> PathBuf {
    target().join("benches/python")
}
