//! `cargo xtask test`: every check of the repository, step by step.

mod options;
mod report;
mod steps;
mod suite;
mod tally;
mod toolchain;

use std::process::ExitCode;
use std::time::Instant;

use self::options::Options;
use self::report::{Report, Verdict};
use self::steps::{STEPS, Step};
use self::suite::{Outcome, Stop, Suite};
use self::tally::Tally;
use crate::tools::Result;

/// The whole suite has more tests than this; a run with fewer has lost some.
const FEWEST_TESTS: u64 = 500;

pub(crate) fn run(options: &[&str]) -> Result<ExitCode> {
    let options = Options::parse(options)?;
    if options.is_list {
        for Step { name, purpose, .. } in STEPS {
            println!("{name:<15} {purpose}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let reports = run_steps(&options);
    let mut total = Tally::default();
    for report in &reports {
        total += report.tally;
    }
    report::print_table(&reports);
    if options.is_whole() && total.failed == 0 && total.executed() < FEWEST_TESTS {
        println!("expected at least {FEWEST_TESTS} tests, found {}", total.executed());
        total += Tally::FAILED;
    }
    println!("{total}");
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_steps(options: &Options) -> Vec<Report> {
    let mut reports = Vec::new();
    for step in STEPS.iter().filter(|step| options.selects(step.name)) {
        println!("{}: {}", step.name, step.purpose);
        let report = run_step(step, options);
        report.print_end();
        let is_over = report.tally.failed > 0 && !options.keeps_going;
        reports.push(report);
        if is_over {
            break;
        }
    }
    reports
}

fn run_step(step: &Step, options: &Options) -> Report {
    let start = Instant::now();
    let mut suite = Suite::new(step.name, options.has_all_libraries);
    let result = (step.run)(&mut suite);
    let (tally, verdict) = judge(suite.tally, result, options.is_all && !step.is_optional);
    Report { step: step.name, tally, verdict, wall: start.elapsed() }
}

/// Turns the end of a step into counts: what has no tests counts as one.
fn judge(mut tally: Tally, result: Outcome, must_run: bool) -> (Tally, Verdict) {
    match result {
        Ok(()) => {
            if tally == Tally::default() {
                tally = Tally::PASSED;
            }
            (tally, Verdict::Passed)
        }
        Err(Stop::Missing(why)) if must_run => {
            tally += Tally::FAILED;
            (tally, Verdict::Failed(why))
        }
        Err(Stop::Missing(why)) => {
            tally += Tally::SKIPPED;
            (tally, Verdict::Skipped(why))
        }
        Err(Stop::Failed(message)) => {
            if tally.failed == 0 {
                tally += Tally::FAILED;
            }
            (tally, Verdict::Failed(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Outcome {
        Err(Stop::Missing("valgrind is not installed".to_owned()))
    }

    #[test]
    fn a_step_without_tests_counts_as_one() {
        assert_eq!(judge(Tally::default(), Ok(()), false).0, Tally::PASSED);
        let failure = Err(Stop::Failed("no".to_owned()));
        assert_eq!(judge(Tally::default(), failure, false).0, Tally::FAILED);
    }

    #[test]
    fn a_failure_that_was_counted_is_not_counted_again() {
        let tally = Tally { passed: 7, failed: 2, skipped: 1 };
        let (counted, verdict) = judge(tally, Err(Stop::Failed("no".to_owned())), false);
        assert_eq!(counted, tally);
        assert!(matches!(verdict, Verdict::Failed(_)));
        assert_eq!(judge(tally, Ok(()), false).0, tally);
    }

    #[test]
    fn an_absent_tool_skips_the_step_unless_all_must_run() {
        let (tally, verdict) = judge(Tally::default(), missing(), false);
        assert_eq!(tally, Tally::SKIPPED);
        assert!(matches!(verdict, Verdict::Skipped(why) if why == "valgrind is not installed"));
        let (tally, verdict) = judge(Tally::default(), missing(), true);
        assert_eq!(tally, Tally::FAILED);
        assert!(matches!(verdict, Verdict::Failed(_)));
    }

    #[test]
    fn what_passed_before_a_tool_was_missed_still_counts() {
        let before = Tally { passed: 3, failed: 0, skipped: 0 };
        let expected = Tally { passed: 3, failed: 0, skipped: 1 };
        assert_eq!(judge(before, missing(), false).0, expected);
    }
}
