//! What follows `cargo xtask test`.

use super::steps::STEPS;
use crate::tools::Result;

/// The words of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// A step whose tools are absent fails.
    pub(crate) is_all: bool,
    /// The tests in Python meet libraries that take many gigabytes, too.
    pub(crate) has_all_libraries: bool,
    /// A failure does not end the run.
    pub(crate) keeps_going: bool,
    pub(crate) is_list: bool,
    /// The steps to run; none means each.
    steps: Vec<&'static str>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for &word in words {
            match word {
                "--all" => options.is_all = true,
                "--all-libraries" => options.has_all_libraries = true,
                "--keep-going" => options.keeps_going = true,
                "--list" => options.is_list = true,
                _ if word.starts_with('-') => {
                    return Err(format!(
                        "expected `--all`, `--all-libraries`, `--keep-going`, `--list` or steps, found `{word}`"
                    ));
                }
                _ => options.steps.push(known(word)?),
            }
        }
        Ok(options)
    }

    pub(crate) fn selects(&self, step: &str) -> bool {
        self.is_whole() || self.steps.contains(&step)
    }

    /// Says whether every step is to run.
    pub(crate) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }
}

fn known(word: &str) -> Result<&'static str> {
    let step = STEPS.iter().find(|step| step.name == word);
    let step = step.ok_or_else(|| {
        format!("no step is called `{word}`; `cargo xtask test --list` names them")
    })?;
    Ok(step.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(words: &[&str]) -> Vec<&'static str> {
        let options = Options::parse(words).unwrap();
        STEPS.iter().map(|step| step.name).filter(|name| options.selects(name)).collect()
    }

    #[test]
    fn no_step_means_every_step() {
        assert_eq!(selected(&["--all"]).len(), STEPS.len());
        assert!(Options::parse(&["--all"]).unwrap().is_whole());
    }

    #[test]
    fn named_steps_run_in_the_order_of_the_list() {
        assert_eq!(selected(&["clippy", "--keep-going", "fmt"]), ["fmt", "clippy"]);
        assert!(!Options::parse(&["fmt"]).unwrap().is_whole());
    }

    #[test]
    fn flags_are_told_apart() {
        let options = Options::parse(&["--all", "--keep-going", "--list"]).unwrap();
        assert!(options.is_all && options.keeps_going && options.is_list);
        assert!(!options.has_all_libraries);
        let options = Options::parse(&["python", "--all-libraries"]).unwrap();
        assert!(options.has_all_libraries && !options.is_all && options.selects("python"));
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
    }

    #[test]
    fn an_unknown_word_is_refused_by_name() {
        assert!(Options::parse(&["--al"]).unwrap_err().ends_with("found `--al`"));
        assert!(Options::parse(&["clipy"]).unwrap_err().starts_with("no step is called `clipy`"));
    }

    #[test]
    fn names_of_steps_are_unique() {
        for (place, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..place].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }
}
