//! What follows `cargo xtask bench`.

use crate::tools::Result;

/// The words of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Fewer and shorter rounds.
    pub(super) is_quick: bool,
    pub(super) counts_instructions: bool,
    /// The rows of Python instead of those of Rust.
    pub(super) is_python: bool,
    /// Nothing is measured; contenders only have to agree.
    pub(super) is_check: bool,
    /// Names of rows, or how they begin; none means all.
    pub(super) rows: Vec<String>,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { counts_instructions: true, ..Self::default() };
        for &word in words {
            match word {
                "--quick" => options.is_quick = true,
                "--no-counts" => options.counts_instructions = false,
                "--python" => options.is_python = true,
                "--check" => options.is_check = true,
                _ if word.starts_with('-') => {
                    return Err(format!(
                        "expected `--python`, `--quick`, `--no-counts`, `--check` or rows, found `{word}`"
                    ));
                }
                _ => options.rows.push(word.to_owned()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_everything() {
        let options = Options::parse(&[]).unwrap();
        assert!(options.counts_instructions && !options.is_quick && !options.is_check);
        assert!(options.rows.is_empty());
    }

    #[test]
    fn flags_and_rows_are_told_apart() {
        let options = Options::parse(&["import", "--quick", "--no-counts", "fp4"]).unwrap();
        assert!(options.is_quick && !options.counts_instructions);
        assert_eq!(options.rows, ["import", "fp4"]);
        assert!(Options::parse(&["--check"]).unwrap().is_check);
        assert!(Options::parse(&["--python", "numpy"]).unwrap().is_python);
    }

    #[test]
    fn an_unknown_flag_is_refused_by_name() {
        assert!(Options::parse(&["--fast"]).unwrap_err().ends_with("found `--fast`"));
    }
}
