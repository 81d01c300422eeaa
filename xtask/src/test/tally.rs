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
        let mut tally = output.lines().rev().find_map(pytest_line).unwrap_or_default();
        for line in output.lines().map(str::trim_start) {
            if let Some(result) = line.strip_prefix("test result: ") {
                tally.passed += count(result, "passed;");
                tally.failed += count(result, "failed;");
                tally.skipped += count(result, "ignored;");
            } else if line.starts_with("Running examples/") || line.starts_with("checked\t") {
                tally += Self::PASSED;
            }
        }
        tally
    }
}

/// Returns the counts of a line such as `2 failed, 41 passed, 3 skipped in 1.20s`.
fn pytest_line(line: &str) -> Option<Tally> {
    let (counts, _) = line.trim_matches(['=', ' ']).split_once(" in ")?;
    let mut tally = Tally::default();
    for count in counts.split(", ") {
        let (number, what) = count.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" => tally.passed += number,
            "failed" | "error" | "errors" | "xpassed" => tally.failed += number,
            "skipped" | "xfailed" => tally.skipped += number,
            "deselected" | "warning" | "warnings" => {}
            _ => return None,
        }
    }
    Some(tally)
}

/// Returns the number in front of a word.
fn count(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
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
