//! Instructions of one operation, counted under callgrind.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use super::record::Row;
use crate::tools::Result;

const VALGRIND: &str = "valgrind";

pub(super) fn is_installed() -> bool {
    let mut probe = Command::new(VALGRIND);
    let probe = probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

pub(super) fn why_not() -> &'static str {
    if is_installed() { "`--no-counts` was given" } else { "valgrind is not installed" }
}

/// Counts for each contender. Twice as many operations take as many instructions more as once as many take without the
/// start and the end of the program.
pub(super) fn count(row: &mut Row, program: impl Fn() -> Command) -> Result<()> {
    for contender in &mut row.contenders {
        let instructions = |times: u64| {
            let program = program();
            let mut command = Command::new(VALGRIND);
            command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
            command.arg(program.get_program());
            command.args(["repeat", &row.name, &contender.name, &times.to_string()]);
            collected(&mut command)
        };
        let (once, twice) = (instructions(row.counted)?, instructions(2 * row.counted)?);
        contender.instructions = Some(difference(once, twice, row.counted));
    }
    Ok(())
}

/// Runs a program that says by itself what is counted: it starts with nothing, and what it dumps goes to files whose
/// names begin like that.
pub(super) fn around(program: &Command, file: &Path) -> Command {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(file);
    let mut command = Command::new(VALGRIND);
    command.args(["--quiet", "--tool=callgrind", "--instr-atstart=no"]).arg(out);
    command.arg(program.get_program()).args(program.get_args());
    for (key, value) in program.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 instructions")]
fn difference(once: u64, twice: u64, times: u64) -> f64 {
    twice.saturating_sub(once) as f64 / times as f64
}

fn collected(command: &mut Command) -> Result<u64> {
    let output = command.output().map_err(|error| format!("cannot run {VALGRIND}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("callgrind failed: {}\n{text}", output.status));
    }
    read(&text).ok_or_else(|| format!("callgrind did not say what it collected:\n{text}"))
}

fn read(text: &str) -> Option<u64> {
    let (_, number) = text.lines().find_map(|line| line.split_once("Collected : "))?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_among_what_callgrind_writes() {
        let text = "==7== Events    : Ir\n==7== Collected : 530425\n==7== \n";
        assert_eq!(read(text), Some(530_425));
        assert_eq!(read("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn start_and_end_of_the_program_cancel() {
        let (fixed, operation) = (10_000, 231);
        let (once, twice) = (fixed + 1000 * operation, fixed + 2000 * operation);
        assert!((difference(once, twice, 1000) - 231.0).abs() < 1e-9);
    }
}
