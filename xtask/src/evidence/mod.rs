//! `cargo xtask evidence`: what takes hours, with a record of what was done.

mod fuzz;
mod mutants;
mod record;

use crate::tools::{Result, flags};

pub(crate) const HELP: &str = "\
Usage: cargo xtask evidence [--seconds N] [PART...]

Runs the parts named, or all of them, at length: each goes on from what evidence/record.tsv says was done on the code
as it is. With `--seconds`, each part takes about so long, and nothing is recorded.

  fuzz [TARGET...]     the fuzz targets, under AddressSanitizer, until each has run as often as it should
  mutants [FAULT...]   the faults of evidence/mutants.txt, each of which a test must notice
";

/// How long a part runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Until its goal is reached, with a record of it.
    Whole,
    /// For about so many seconds.
    Seconds(u64),
}

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let (length, words) = match words {
        ["--seconds", seconds, rest @ ..] => {
            let seconds = seconds.parse();
            let seconds = seconds.map_err(|_| "expected a number after `--seconds`".to_owned())?;
            (Length::Seconds(seconds), rest)
        }
        words => (Length::Whole, words),
    };
    let ([], words) = flags(words, [])?;
    match words.split_first() {
        None => Ok(mutants::run(&[], length)? && fuzz::run(&[], length)?),
        Some((&"fuzz", targets)) => fuzz::run(targets, length),
        Some((&"mutants", names)) => mutants::run(names, length),
        Some((part, _)) => Err(format!("expected a part that `--help` lists, found `{part}`")),
    }
}
