//! What every task needs: the root of the checkout, files, and programs of the system.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, io};

/// The error is one line, ready to be shown.
pub(crate) type Result<T> = core::result::Result<T, String>;

/// Returns the root of the checkout.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns the target directory that cargo chose: this program is its `debug/xtask`.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map_or_else(|| root().join("target"), Path::to_owned)
}

/// Returns the cargo that runs this program, with words separated by spaces as its arguments.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    // Cargo describes xtask to this process; a build below it is of other packages.
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&key);
        }
    }
    command.args(arguments.split_whitespace());
    command
}

/// Says whether `--check` is the one option; no other is known.
pub(crate) fn wants_check(options: &[&str]) -> Result<bool> {
    match options {
        [] => Ok(false),
        ["--check"] => Ok(true),
        [option, ..] => Err(format!("expected `--check` or nothing, found `{option}`")),
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Runs a program to its end; what it writes is seen as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::inherit())).map(drop)
}

/// Runs a program to its end and returns what it wrote.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    finish(command.stdout(Stdio::piped()))
}

fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.stderr(Stdio::inherit()).output() {
        Ok(Output { status, stdout, .. }) if status.success() => Ok(stdout),
        Ok(Output { status, .. }) => Err(format!("{name} failed: {status}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("{name} is needed, and is not installed"))
        }
        Err(error) => Err(format!("cannot run {name}: {error}")),
    }
}

/// Returns `python3 -m pip`, once it is known to run.
pub(crate) fn pip() -> Result<Command> {
    let mut version = Command::new("python3");
    version.args(["-m", "pip", "--version"]);
    match version.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "-qq", "--disable-pip-version-check"]);
            Ok(pip)
        }
        Ok(_) => Err("python3's pip is needed, and is not installed".to_owned()),
        Err(_) => Err("python3 is needed, and is not installed".to_owned()),
    }
}
