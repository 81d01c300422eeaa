//! How many tests passed, failed and were skipped: read from `cargo test`, added up, written as one line.

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

    /// Adds up the lines `test result:` that `cargo test` wrote, one for every test binary.
    pub(crate) fn read(output: &str) -> Self {
        let mut tally = Self::default();
        for result in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            tally.passed += count(result, "passed;");
            tally.failed += count(result, "failed;");
            tally.skipped += count(result, "ignored;");
        }
        tally
    }

    /// Reads the line that ends a run of pytest, `2 failed, 41 passed, 3 skipped in 1.20s`.
    pub(crate) fn read_pytest(output: &str) -> Self {
        output.lines().rev().find_map(pytest_line).unwrap_or_default()
    }

    pub(crate) fn executed(&self) -> u64 {
        self.passed + self.failed
    }
}

/// Returns the counts of a line if it is the one that ends a run of pytest.
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

    const OUTPUT: &str = "\
running 3 tests
test a ... ok
test b ... FAILED
test c ... ignored

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s

   Doc-tests dlpack
test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 1.20s
";

    #[test]
    fn results_of_all_binaries_are_added_up() {
        assert_eq!(Tally::read(OUTPUT), Tally { passed: 41, failed: 1, skipped: 3 });
    }

    #[test]
    fn only_result_lines_count() {
        let output = "error: 3 failed; 4 passed;\nthe test result: ok. 9 passed; 9 failed;\n";
        assert_eq!(Tally::read(output), Tally::default());
        assert_eq!(Tally::read("test result: ok."), Tally::default());
    }

    #[test]
    fn the_last_line_of_pytest_counts() {
        let output = "...F\n1 failed, 2 passed in the file\n\
             == 2 failed, 40 passed, 3 skipped, 5 deselected, 1 xfailed, 2 errors in 61.20s (0:01:01) ==\n";
        assert_eq!(Tally::read_pytest(output), Tally { passed: 40, failed: 4, skipped: 4 });
        let quiet = "....\n4 passed, 1 warning in 0.02s\n";
        assert_eq!(Tally::read_pytest(quiet), Tally { passed: 4, failed: 0, skipped: 0 });
    }

    #[test]
    fn a_run_of_pytest_without_an_end_counts_nothing() {
        for output in
            ["", "no tests ran in 0.01s\n", "....Fatal Python error: Segmentation fault\n"]
        {
            assert_eq!(Tally::read_pytest(output), Tally::default(), "{output}");
        }
    }

    #[test]
    fn the_summary_is_one_plain_line() {
        let mut tally = Tally { passed: 498, failed: 0, skipped: 2 };
        tally += Tally::PASSED;
        tally += Tally::FAILED;
        tally += Tally::SKIPPED;
        assert_eq!(tally.to_string(), "499 passed, 1 failed, 3 skipped");
        assert_eq!(tally.executed(), 500);
    }
}
