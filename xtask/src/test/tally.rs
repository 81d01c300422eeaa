//! How many tests passed, failed and were skipped: read from what programs write, added up, written as one line.

use core::fmt;
use core::ops::AddAssign;

/// `Display` writes the line that ends a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// Adds up the lines of `cargo test`, one for each test binary or example, those of the benchmarks, one for each row,
    /// and the line that ends a run of pytest.
    pub(crate) fn read(output: &str) -> Self {
        let pytest = |line: &str| counts(line.trim_matches(['=', ' ']).split_once(" in ")?.0);
        let mut tally = output.lines().rev().find_map(pytest).unwrap_or_default();
        for line in output.lines().map(str::trim_start) {
            let result = line.strip_prefix("test result: ").and_then(|line| line.split_once(". "));
            if let Some((counted, _)) = result.and_then(|(_, line)| line.split_once("; finished")) {
                tally += counts(counted).unwrap_or_default();
            } else if line.starts_with("Running examples/") || line.starts_with("checked\t") {
                tally += Self::PASSED;
            }
        }
        tally
    }
}

/// Returns what a list such as `2 failed, 41 passed, 3 skipped` or `41 passed; 0 failed; 7 filtered out` says.
fn counts(list: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    for count in list.split([',', ';']) {
        let (number, what) = count.trim_start().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" => tally.passed += number,
            "failed" | "error" | "errors" | "xpassed" => tally.failed += number,
            "skipped" | "xfailed" | "ignored" => tally.skipped += number,
            "deselected" | "warning" | "warnings" | "measured" | "filtered out" => {}
            _ => return None,
        }
    }
    Some(tally)
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_programs_are_added_up() {
        let output = "\
running 3 tests
test b ... FAILED
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s
     Running examples/pool.rs (target/debug/examples/pool-1)
test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 1.20s
checked\timport-1d\t5
error: 3 failed; 4 passed;
";
        assert_eq!(Tally::read(output).to_string(), "43 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn the_last_line_of_pytest_counts() {
        let output = "1 failed, 2 passed in the file\n\
             == 2 failed, 40 passed, 3 skipped, 5 deselected, 1 xfailed, 2 errors in 61.20s (0:01:01) ==\n";
        assert_eq!(Tally::read(output).to_string(), "40 passed, 4 failed, 4 skipped");
        for output in ["no tests ran in 0.01s\n", "....Fatal Python error: Segmentation fault\n"] {
            assert_eq!(Tally::read(output), Tally::default(), "{output}");
        }
    }
}
