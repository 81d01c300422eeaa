//! Which step runs when: two at a time with `--all`, but never two that build in one folder, since cargo lets one of them wait.

use core::fmt::Write;
use core::panic::AssertUnwindSafe;
use std::fs;
use std::panic::catch_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::judge;
use super::steps::Step;
use super::suite::{Outcome, Stop, Suite};
use super::tally::Tally;
use crate::tools::target;

/// How the chosen steps are run.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) all: bool,
    pub(super) is_whole: bool,
    pub(super) keep_going: bool,
    pub(super) libraries: bool,
}

pub(super) struct Lanes<'a> {
    options: Options,
    state: Mutex<State<'a>>,
    /// Something in the state has changed.
    changed: Condvar,
}

#[derive(Default)]
struct State<'a> {
    waiting: Vec<&'a Step>,
    running: Vec<&'a Step>,
    begun: usize,
    /// One line for each step that has ended.
    table: String,
    total: Tally,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(waiting: Vec<&'a Step>, options: Options) -> Self {
        let state = Mutex::new(State { waiting, ..State::default() });
        Self { options, state, changed: Condvar::new() }
    }

    /// Runs the steps to their end, and returns a table of those that ran, and their sum.
    pub(super) fn run(self, count: usize) -> (String, Tally) {
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    let Options { is_whole, libraries, .. } = self.options;
                    while let Some(step) = self.begin() {
                        self.work(step, |suite| suite.run_step(step, is_whole, libraries));
                    }
                });
            }
        });
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (state.table, state.total)
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the first step that can run, as soon as there is one, and `None` if nothing is left to run.
    fn begin(&self) -> Option<&'a Step> {
        let mut state = self.state();
        loop {
            let has_failed = state.total.failed > 0 && !self.options.keep_going;
            if has_failed || state.waiting.is_empty() {
                return None;
            }
            let is_free = |step: &&Step| is_free(step.folder(), &state.running);
            if let Some(at) = state.waiting.iter().position(is_free) {
                let step = state.waiting.remove(at);
                state.running.push(step);
                state.begun += 1;
                let Step { name, purpose, .. } = step;
                let count = state.begun + state.waiting.len();
                println!("[{}/{count}] {name}: {purpose}", state.begun);
                return Some(step);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, step: &'a Step, run: impl FnOnce(&mut Suite) -> Outcome) {
        let (mut suite, begin) = (Suite::new(step.name), Instant::now());
        // The other lane may wait for this step.
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut suite)));
        let result = result.unwrap_or_else(|_| Err(Stop::Failed("xtask panicked".to_owned())));
        let must_run = self.options.all && !step.is_optional;
        let (tally, verdict) = judge(suite.tally, result, must_run);
        let seconds = begin.elapsed().as_secs_f32();
        println!("{} after {seconds:.0} s: {verdict}\n", step.name);
        let mut state = self.state();
        state.running.retain(|other| other.name != step.name);
        writeln!(state.table, "{:<16} {seconds:>6.0} s  {tally}", step.name).ok();
        state.total += tally;
        // All folders together take tens of gigabytes.
        let is_done = |folder| is_free(folder, &state.running) && is_free(folder, &state.waiting);
        if let (true, true, Some(folder)) =
            (self.options.all, is_done(step.folder()), step.folder())
        {
            fs::remove_dir_all(target().join(folder)).ok();
        }
        self.changed.notify_all();
    }
}

/// Returns whether none of the steps builds in a folder.
fn is_free(folder: Option<&str>, steps: &[&Step]) -> bool {
    steps.iter().all(|step| step.folder() != folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options =
        Options { all: false, is_whole: true, keep_going: true, libraries: false };

    fn step(name: &'static str, folder: &str) -> Step {
        let line = ("set", format!("CARGO_TARGET_DIR={{target}}/{folder}"));
        Step { name, purpose: "", is_optional: false, lines: vec![line] }
    }

    #[test]
    fn a_step_waits_for_those_that_build_in_its_folder() {
        let steps = [step("a", ""), step("b", ""), step("c", "x"), step("d", "x"), step("e", "y")];
        let lanes = Lanes::new(steps.iter().collect(), OPTIONS);
        let begin = || lanes.begin().map(|step| step.name);
        assert_eq!([begin(), begin(), begin()], [Some("a"), Some("c"), Some("e")]);
        lanes.work(&steps[2], |_| Ok(()));
        assert_eq!(begin(), Some("d"));
        lanes.work(&steps[0], |_| panic!("one that panics has ended, too"));
        let (table, total) = lanes.run(2);
        let names: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!((names, total.passed, total.failed), (vec!["c", "a", "b"], 2, 1));
    }

    #[test]
    fn nothing_begins_after_a_failure() {
        let failing = Step { lines: vec![("whole", "false".to_owned())], ..step("failing", "") };
        let steps = [failing, step("b", "x")];
        for (keep_going, passed) in [(false, 0), (true, 1)] {
            let lanes = Lanes::new(steps.iter().collect(), Options { keep_going, ..OPTIONS });
            let (table, total) = lanes.run(1);
            assert_eq!((table.lines().count(), total.failed), (1 + passed, 1));
        }
    }
}
