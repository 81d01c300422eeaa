//! What is told about a step at its end, and about all steps at the end of a run.

use core::time::Duration;

use super::tally::Tally;

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

/// What is known of a step that ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) step: &'static str,
    pub(crate) tally: Tally,
    pub(crate) verdict: Verdict,
    pub(crate) wall: Duration,
}

impl Report {
    pub(crate) fn print_end(&self) {
        let Self { step, wall, .. } = self;
        let seconds = wall.as_secs_f32();
        match &self.verdict {
            Verdict::Passed => println!("{step}: passed in {seconds:.1} s\n"),
            Verdict::Failed(why) => println!("{step}: failed in {seconds:.1} s: {why}\n"),
            Verdict::Skipped(why) => println!("{step}: skipped: {why}\n"),
        }
    }

    fn row(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Skipped(_) => "skipped",
        };
        let Self { step, tally, wall, .. } = self;
        format!("{step:<15} {verdict:<8} {:>6.1} s   {tally}", wall.as_secs_f32())
    }
}

pub(crate) fn print_table(reports: &[Report]) {
    for report in reports {
        println!("{}", report.row());
    }
    let wall: Duration = reports.iter().map(|report| report.wall).sum();
    println!("{:<15} {:<8} {:>6.1} s", "together", "", wall.as_secs_f32());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_the_step_and_its_end() {
        let verdict = Verdict::Skipped("valgrind is needed".to_owned());
        let wall = Duration::from_millis(1260);
        let report = Report { step: "valgrind", tally: Tally::SKIPPED, verdict, wall };
        let expected = "valgrind        skipped     1.3 s   0 passed, 0 failed, 1 skipped";
        assert_eq!(report.row(), expected);
    }
}
