//! Which step runs when: two at a time with `--all`, but never two that build in one folder, since cargo lets one of them wait.

use core::fmt::Write;
use std::fs;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::judge;
use super::steps::Step;
use super::suite::Suite;
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
    steps: Vec<&'a Step>,
    state: Mutex<State>,
    /// Something in the state has changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// One entry for each step, in their order.
    progress: Vec<Progress>,
    begun: usize,
    total: Tally,
}

#[derive(Clone, PartialEq)]
enum Progress {
    Waiting,
    Running,
    /// Holds the line of the table.
    Ended(String),
}

impl<'a> Lanes<'a> {
    pub(super) fn new(steps: Vec<&'a Step>, options: Options) -> Self {
        let progress = vec![Progress::Waiting; steps.len()];
        let state = Mutex::new(State { progress, ..State::default() });
        Self { options, steps, state, changed: Condvar::new() }
    }

    /// Runs the steps to their end, and returns a table of those that ran, and their sum.
    pub(super) fn run(self, count: usize) -> (String, Tally) {
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    while let Some(at) = self.begin() {
                        self.work(at);
                    }
                });
            }
        });
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lines = state.progress.into_iter().filter_map(|progress| match progress {
            Progress::Ended(line) => Some(line),
            _ => None,
        });
        (lines.collect(), state.total)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the first step that can run, as soon as there is one, and `None` if nothing is left to run.
    fn begin(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            let has_failed = state.total.failed > 0 && !self.options.keep_going;
            if has_failed || !state.progress.contains(&Progress::Waiting) {
                return None;
            }
            if let Some(at) = self.first_free(&state.progress) {
                state.progress[at] = Progress::Running;
                state.begun += 1;
                let Step { name, purpose, .. } = self.steps[at];
                println!("[{}/{}] {name}: {purpose}", state.begun, self.steps.len());
                return Some(at);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn first_free(&self, progress: &[Progress]) -> Option<usize> {
        let are_in = |wanted: Progress| {
            let steps = progress.iter().zip(&self.steps).enumerate();
            steps.filter(move |(_, (progress, _))| **progress == wanted)
        };
        let is_used =
            |folder| are_in(Progress::Running).any(|(_, (_, step))| step.folder() == folder);
        are_in(Progress::Waiting).find(|(_, (_, step))| !is_used(step.folder())).map(|(at, _)| at)
    }

    fn work(&self, at: usize) {
        let (step, begin) = (self.steps[at], Instant::now());
        let mut suite = Suite::new(step.name);
        let result = suite.run_step(step, self.options.is_whole, self.options.libraries);
        let must_run = self.options.all && !step.is_optional;
        let (tally, verdict) = judge(suite.tally, result, must_run);
        let seconds = begin.elapsed().as_secs_f32();
        println!("{}: {verdict} after {seconds:.0} s\n", step.name);
        let mut line = String::new();
        writeln!(line, "{:<16} {seconds:>6.0} s  {tally}", step.name).ok();
        let mut state = self.state();
        state.progress[at] = Progress::Ended(line);
        state.total += tally;
        // All folders together take tens of gigabytes.
        let is_used = |folder| {
            let mut others = state.progress.iter().zip(&self.steps);
            others.any(|(progress, step)| {
                !matches!(progress, Progress::Ended(_)) && step.folder() == Some(folder)
            })
        };
        if let (true, Some(folder)) =
            (self.options.all, step.folder().filter(|name| !is_used(name)))
        {
            fs::remove_dir_all(target().join(folder)).ok();
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, folder: &str) -> Step {
        let lines = match folder {
            "" => vec![],
            folder => vec![("set", format!("CARGO_TARGET_DIR={{target}}/{folder}"))],
        };
        Step { name, purpose: "", is_optional: false, lines }
    }

    #[test]
    fn a_step_waits_for_those_that_build_in_its_folder() {
        let steps = [step("a", ""), step("b", ""), step("c", "x"), step("d", "x"), step("e", "y")];
        let options = Options { all: false, is_whole: true, keep_going: false, libraries: false };
        let lanes = Lanes::new(steps.iter().collect(), options);
        assert_eq!([lanes.begin(), lanes.begin(), lanes.begin()], [Some(0), Some(2), Some(4)]);
        lanes.work(2);
        assert_eq!(lanes.begin(), Some(3));
        lanes.work(0);
        assert_eq!(lanes.begin(), Some(1));
        [1, 3, 4].into_iter().for_each(|at| lanes.work(at));
        assert_eq!(lanes.begin(), None);
        let (table, total) = lanes.run(2);
        let names: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!((names, total.passed), (vec!["a", "b", "c", "d", "e"], 5));
    }

    #[test]
    fn nothing_begins_after_a_failure() {
        let failing = Step {
            lines: vec![("whole", "false".to_owned())],
            ..step("lanes-test-that-fails", "")
        };
        let steps = [failing, step("b", "x")];
        let options = Options { all: false, is_whole: true, keep_going: false, libraries: false };
        let (table, total) = Lanes::new(steps.iter().collect(), options).run(1);
        assert_eq!((table.lines().count(), total), (1, Tally::FAILED));
        let options = Options { keep_going: true, ..options };
        let (table, total) = Lanes::new(steps.iter().collect(), options).run(1);
        assert_eq!((table.lines().count(), total.passed, total.failed), (2, 1, 1));
    }
}
