//! `cargo xtask test`: the checks of the repository, step by step.

mod lanes;
pub(crate) mod steps;
mod suite;
mod tally;

use core::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use self::lanes::{Lanes, Options};
use self::steps::Step;
use self::suite::{Outcome, Stop, Suite};
use self::tally::Tally;
use crate::tools::{Result, flags};

pub(crate) const HELP: &str = "\
runs the checks of the repository

Usage: cargo xtask test [--all] [--keep-going] [--libraries] [--list] [STEP...]

Without a step it runs what takes a few minutes. Steps named are run whole. A step whose tools are
not installed is skipped and names them. The last line counts tests and checks.

  --all         runs every step whole, two at a time, fails if tools are missing, and removes what
                each has built
  --keep-going  does not end at the first step that fails
  --libraries   tests in Python also with onnxruntime, mlx, warp, TensorFlow, paddle, MAX and cuda-core
  --list        lists the steps; those with a star are run in part without `--all`
";

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let ([all, keep_going, libraries, list], names) =
        flags(words, ["--all", "--keep-going", "--libraries", "--list"])?;
    let (steps, _) = steps::read();
    if let Some(name) = names.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        return Err(format!(
            "expected a step that `cargo xtask test --list` names, found `{name}`"
        ));
    }
    if list {
        for step in &steps {
            let star = if step.is_quick() { '*' } else { ' ' };
            println!("{:<16}{star} {}", step.name, step.purpose);
        }
        return Ok(true);
    }
    let is_whole = all || !names.is_empty();
    let is_chosen = |step: &&Step| match names.is_empty() {
        true => all || step.is_quick(),
        false => names.contains(&step.name),
    };
    let chosen: Vec<&Step> = steps.iter().filter(is_chosen).collect();
    let (options, start) = (Options { all, is_whole, keep_going, libraries }, Instant::now());
    // Most commands keep one core busy.
    let cores = available_parallelism().map_or(1, NonZero::get);
    let (table, total) = Lanes::new(chosen, options).run(if all { cores.min(2) } else { 1 });
    println!("{table}{:<16} {:>6.0} s\n{total}", "together", start.elapsed().as_secs_f32());
    Ok(total.failed == 0)
}

/// Runs a step whole, and returns how many tests passed and failed, and a word about its end.
pub(crate) fn run_whole(step: &Step) -> (Tally, String) {
    println!("{}: {}", step.name, step.purpose);
    let mut suite = Suite::new(step.name);
    let result = suite.run_step(step, true, false);
    judge(suite.tally, result, false)
}

/// Turns the end of a step into counts and a word: what has no tests counts as one.
fn judge(mut tally: Tally, result: Outcome, must_run: bool) -> (Tally, String) {
    let (one, verdict) = match result {
        Ok(()) => (Tally::PASSED, "passed".to_owned()),
        Err(Stop::Missing(why)) if !must_run => (Tally::SKIPPED, format!("skipped: {why}")),
        Err(Stop::Missing(why) | Stop::Failed(why)) => (Tally::FAILED, format!("failed: {why}")),
    };
    let is_told =
        (one == Tally::PASSED && tally.passed > 0) || (one == Tally::FAILED && tally.failed > 0);
    if !is_told {
        tally += one;
    }
    (tally, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_at_least_once() {
        let missing = || Err(Stop::Missing("valgrind is not installed".to_owned()));
        let failed = || Err(Stop::Failed("no".to_owned()));
        let tests = Tally { passed: 7, failed: 2, skipped: 1 };
        assert_eq!(judge(Tally::default(), Ok(()), true).0, Tally::PASSED);
        assert_eq!(judge(Tally::default(), failed(), false).0, Tally::FAILED);
        assert_eq!(judge(tests, failed(), false).0, tests);
        assert_eq!(judge(Tally::default(), missing(), false).0, Tally::SKIPPED);
        assert_eq!(judge(Tally::default(), missing(), true).0, Tally::FAILED);
        assert!(judge(tests, missing(), false).1.contains("skipped: valgrind is not installed"));
    }

    #[test]
    fn unknown_steps_and_flags_are_refused_by_name() {
        assert!(run(&["clipy"]).unwrap_err().ends_with("found `clipy`"));
        assert!(run(&["--al"]).unwrap_err().ends_with("found `--al`"));
    }
}
