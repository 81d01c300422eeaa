//! rustdoc with its unstable options. Cargo itself must not be told: build scripts of dependencies ask for the variable
//! that allows them, so that all would be built anew, and once more without it.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, ExitCode};

use crate::tools::{self, Result};

/// Set where this program stands in for rustdoc; the rustdoc that it then runs.
const STANDS_IN: &str = "XTASK_RUSTDOC";

/// Makes cargo run this program as its rustdoc.
pub(crate) fn allow_unstable(command: &mut Command) -> Result<&mut Command> {
    let this = env::current_exe().map_err(|error| format!("cannot find xtask: {error}"))?;
    let rustdoc = env::var_os("RUSTDOC").unwrap_or("rustdoc".into());
    Ok(command.env("RUSTDOC", this).env(STANDS_IN, rustdoc))
}

/// Runs rustdoc if cargo has started this program for it.
pub(crate) fn run() -> Option<Result<ExitCode>> {
    let rustdoc = env::var_os(STANDS_IN)?;
    Some(tools::run(&mut unlocked(&rustdoc)).map(|()| ExitCode::SUCCESS))
}

fn unlocked(rustdoc: &OsStr) -> Command {
    let mut command = Command::new(rustdoc);
    command.args(env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1");
    command
}
