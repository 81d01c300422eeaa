//! The steps, as `xtask/steps.txt` has them.

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    /// The tool cannot be had everywhere, so that even `--all` does without.
    pub(crate) is_optional: bool,
    /// Each with its first word taken off.
    pub(crate) lines: Vec<(&'static str, String)>,
}

impl Step {
    /// Returns whether part of it runs without `--all`.
    pub(crate) fn is_quick(&self) -> bool {
        self.lines.iter().any(|(word, _)| ["quick", "always"].contains(word))
    }

    /// Returns the folder below `target` in which it builds, if it has one of its own or shares it with few others.
    pub(crate) fn folder(&self) -> Option<&str> {
        let mut lines = self
            .lines
            .iter()
            .filter_map(|(_, line)| line.strip_prefix("CARGO_TARGET_DIR={target}/"));
        lines.next().and_then(|line| line.split(' ').next())
    }
}

/// Returns the steps, and what names in braces stand for. The file itself says what its lines mean.
pub(crate) fn read() -> (Vec<Step>, Vec<(String, String)>) {
    parse(include_str!("../../steps.txt"))
}

/// Returns what `cargo xtask evidence machines` runs.
pub(crate) fn machines() -> Vec<Step> {
    parse(include_str!("../../machines.txt")).0
}

/// Returns what `cargo xtask bench --python` builds.
pub(crate) fn benches() -> Vec<Step> {
    parse(include_str!("../../benches.txt")).0
}

fn parse(text: &'static str) -> (Vec<Step>, Vec<(String, String)>) {
    let (mut steps, mut variables) = (Vec::<Step>::new(), Vec::<(String, String)>::new());
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
    {
        let text = line.trim_start();
        let last = steps.last_mut().and_then(|step| step.lines.last_mut()).map(|(_, line)| line);
        if line.starts_with("        ") {
            let last = last.or_else(|| variables.last_mut().map(|(_, value)| value));
            last.into_iter().for_each(|last| *last = format!("{last} {text}"));
        } else if let (true, Some(step)) = (line.starts_with(' '), steps.last_mut()) {
            let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
            step.lines.push((word, rest.to_owned()));
        } else if let Some((name, value)) =
            line.strip_prefix("let ").and_then(|line| line.split_once(" = "))
        {
            variables.push((name.to_owned(), value.to_owned()));
        } else if let Some((name, purpose)) = line.split_once(": ") {
            let (name, is_optional) = (name.trim_end_matches('?'), name.ends_with('?'));
            steps.push(Step { name, purpose, is_optional, lines: Vec::new() });
        }
    }
    (steps, variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::root;

    #[test]
    fn every_line_is_of_a_known_kind() {
        let (mut steps, variables) = read();
        assert!(steps.len() > 20 && variables.len() > 5);
        steps.extend(machines().into_iter().chain(benches()));
        for (at, step) in steps.iter().enumerate() {
            assert!(steps[..at].iter().all(|other| other.name != step.name), "{}", step.name);
            assert!(step.lines.iter().any(|(word, _)| ["quick", "whole", "always"].contains(word)));
            for (word, line) in &step.lines {
                assert!(
                    ["need", "set", "quick", "whole", "always", "each"].contains(word),
                    "{word}"
                );
                let line = line.rsplit_once(" || ").map_or(line.as_str(), |(line, _)| line);
                assert!(*word == "set" || shlex::split(line).is_some(), "{line}");
            }
        }
    }

    #[test]
    fn the_tests_that_are_named_exist() {
        for (_, line) in read().0.iter().chain(&machines()).flat_map(|step| &step.lines) {
            let folders = [("{devices}", "devices/tests"), ("{fuzz}", "fuzz/tests")];
            let folder = folders.iter().find(|(words, _)| line.contains(words));
            let folder = folder.map_or("tests", |(_, folder)| folder);
            for name in line.split("--test ").skip(1).filter_map(|rest| rest.split(' ').next()) {
                let test = root().join(folder).join(name);
                assert!(
                    test.join("main.rs").exists() || test.with_extension("rs").exists(),
                    "{name}"
                );
            }
        }
    }
}
