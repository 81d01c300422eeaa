//! Instructions of one operation, counted under callgrind.

use std::process::Command;

use super::Program;
use super::record::Row;
use crate::tools::{Result, command, output, rustc, succeeds};

const VALGRIND: &str = "valgrind";

pub(super) fn is_installed() -> bool {
    succeeds(command(VALGRIND).arg("--version"))
}

/// What counts depend on, besides the code: the compiler, valgrind and the processor's architecture.
pub(super) fn with() -> Result<String> {
    let valgrind = output(command(VALGRIND).arg("--version"))?;
    Ok(format!("{}, {}, {}", rustc()?, valgrind.trim(), std::env::consts::ARCH))
}

/// Counts for each contender. Twice as many operations take as many instructions more as once as many take without the
/// start and the end of the program.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 instructions")]
pub(super) fn count(row: &mut Row, program: &Program) -> Result<()> {
    for contender in &mut row.contenders {
        let instructions = |times: u64| {
            let valgrind = [VALGRIND, "--tool=callgrind", "--callgrind-out-file=/dev/null"];
            let words = ["repeat", &row.name, &contender.name, &times.to_string()];
            collected(&mut program.under(&valgrind, &words))
        };
        let (once, twice) = (instructions(row.counted)?, instructions(2 * row.counted)?);
        contender.instructions = Some(twice.saturating_sub(once) as f64 / row.counted as f64);
    }
    Ok(())
}

fn collected(command: &mut Command) -> Result<u64> {
    let output = command.output().map_err(|error| format!("cannot run {VALGRIND}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let number = text.lines().find_map(|line| Some(line.split_once("Collected : ")?.1));
    let number = number.filter(|_| output.status.success()).and_then(|n| n.trim().parse().ok());
    number.ok_or_else(|| format!("callgrind failed: {}\n{text}", output.status))
}
