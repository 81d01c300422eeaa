//! Whether the machine has the room that libraries of gigabytes take.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Interpreter;
use crate::tools::Result;

/// What an environment takes, in GB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) disk: u64,
    pub(crate) memory: u64,
}

const GB: u64 = 1_000_000_000;

/// Stops with a line that says what is lacking.
pub(super) fn require(needed: Room, folder: &Path, python: &Interpreter) -> Result<()> {
    let disk = free_disk(python.command(), folder);
    let memory = fs::read_to_string("/proc/meminfo").ok();
    let memory = memory.and_then(|table| available(&table));
    for (what, free, needed) in [("disk", disk, needed.disk), ("memory", memory, needed.memory)] {
        if let Some(free) = free.filter(|free| *free < needed * GB) {
            let tenths = free / (GB / 10);
            let free = format!("{}.{}", tenths / 10, tenths % 10);
            return Err(format!("expected {needed} GB of free {what}, found {free} GB"));
        }
    }
    Ok(())
}

/// Returns the free bytes of the disk that a folder is on, if they are known.
fn free_disk(mut python: Command, folder: &Path) -> Option<u64> {
    let ask = "import shutil, sys; print(shutil.disk_usage(sys.argv[1]).free)";
    let answer = python.args(["-I", "-c", ask]).arg(folder).output().ok()?;
    String::from_utf8_lossy(&answer.stdout).trim().parse().ok()
}

/// Reads the line of Linux that says how much memory programs could get.
fn available(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read() {
        let table = "MemTotal:       24 kB\nMemAvailable:       21 kB\n";
        assert_eq!(available(table), Some(21 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
