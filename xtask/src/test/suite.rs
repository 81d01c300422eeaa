//! Runs the commands of a step: each is shown, logged and counted.

use core::time::Duration;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

use super::steps::{self, Step};
use super::tally::Tally;
use crate::python::Python;
use crate::tools::{self, command, host, program, root, succeeds, target};

/// Why a step ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The machine lacks something, which the message names.
    Missing(String),
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

pub(crate) type Outcome = Result<(), Stop>;

pub(crate) struct Suite {
    pub(crate) tally: Tally,
    step: &'static str,
    commands: u32,
    /// What `{name}` stands for in commands.
    variables: Vec<(String, String)>,
    /// What all commands get in their environment.
    environment: Vec<(String, String)>,
}

/// What the builds get that nobody continues: no state for the next one, and no more on disk than it takes.
const BUILDS: [(&str, &str); 3] = [
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_PROFILE_DEV_DEBUG", "0"),
    ("CARGO_PROFILE_DEV_STRIP", "debuginfo"),
];

/// How often a command that takes long tells how far it is.
const PULSE: Duration = Duration::from_secs(20);

impl Suite {
    pub(crate) fn new(step: &'static str) -> Self {
        let environment = BUILDS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let variables = steps::read().1;
        let mut suite = Self { tally: Tally::default(), step, commands: 0, variables, environment };
        suite.set("root", root().display());
        suite.set("target", target().display());
        suite.set("xtask", program().display());
        suite.set("rustdoc", std::env::var("RUSTDOC").as_deref().unwrap_or("rustdoc"));
        suite.set("oldest", env!("CARGO_PKG_RUST_VERSION"));
        suite.set("dll", std::env::consts::DLL_SUFFIX);
        let has_gpu = Path::new("/dev/nvidiactl").exists();
        suite.set("gpu", if has_gpu { "-- --include-ignored" } else { "" });
        suite
    }

    /// Sets what a name stands for. Words of a command have no backslashes, which Windows does not insist on in paths.
    fn set(&mut self, name: &str, value: impl core::fmt::Display) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_string().replace('\\', "/")));
    }

    /// Provides what a step needs and runs its commands: those for a whole run, or the quick ones.
    pub(crate) fn run_step(&mut self, step: &Step, is_whole: bool, has_libraries: bool) -> Outcome {
        let host = host()?;
        self.set("host_", host.replace('-', "_"));
        self.set("HOST_", host.replace('-', "_").to_uppercase());
        self.set("host", host);
        self.set("libraries", has_libraries);
        for (word, line) in &step.lines {
            match *word {
                "need" => self.provide(line)?,
                "set" => {
                    let (name, value) = line.split_once('=').unwrap_or((line, ""));
                    self.environment.push((self.fill(name), self.fill(value)));
                }
                "quick" if is_whole => {}
                "whole" if !is_whole => {}
                "each" => {}
                _ => self.run(line)?,
            }
        }
        let each: Vec<_> = step.lines.iter().filter(|(word, _)| *word == "each").collect();
        let is_repeated = is_whole && !each.is_empty();
        for python in if is_repeated { Python::others()? } else { vec![] } {
            self.python(&python, "requirements-small")?;
            each.iter().try_for_each(|(_, line)| self.run(line))?;
        }
        Ok(())
    }

    /// Makes sure that something is there, and tells the commands that come where it is.
    fn provide(&mut self, need: &str) -> Outcome {
        let need = self.fill(need);
        if let Some((line, hint)) = need.rsplit_once(" || ") {
            let is_there = succeeds(&mut self.command(line));
            return if is_there { Ok(()) } else { Err(Stop::Missing(hint.to_owned())) };
        }
        let (kind, file) = need.split_once(' ').unwrap_or((&need, ""));
        let is_free = kind == "free-threaded";
        let python = if is_free { Python::free_threaded() } else { Python::usual() };
        self.python(&python.map_err(Stop::Missing)?, file)
    }

    /// Tells the commands about an interpreter, and about its virtual environment with the requirements of a file, if one is named.
    fn python(&mut self, python: &Python, file: &str) -> Outcome {
        self.set("python", &python.program);
        self.set("version", &python.version);
        self.set("home", &python.home);
        self.set("library", &python.library);
        if !file.is_empty() {
            self.set("venv", python.venv(file).map_err(Stop::Missing)?.display());
        }
        Ok(())
    }

    /// Shows a line, and which step it is of, as another may run beside it.
    fn say(&self, line: impl core::fmt::Display) {
        println!("{}: {line}", self.step);
    }

    /// Runs a command to its end and counts its tests.
    fn run(&mut self, line: &str) -> Outcome {
        let folder = format!("{}/", root().display());
        self.say(format_args!("$ {}", self.fill(line).replace(&folder, "")));
        self.commands += 1;
        let log = target().join("xtask").join(format!("{}-{}.log", self.step, self.commands));
        tools::write(&log, "")?;
        let explain = |error: std::io::Error| format!("{}: {error}", log.display());
        let file = File::options().append(true).open(&log).map_err(explain)?;
        let mut command = self.command(line);
        command.stderr(file.try_clone().map_err(explain)?).stdout(file);
        let mut child = command.spawn().map_err(|error| {
            Stop::Missing(format!("{}: {error}", command.get_program().to_string_lossy()))
        })?;
        let (start, mut told) = (Instant::now(), Duration::ZERO);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(explain)? {
                break status;
            }
            sleep(Duration::from_millis(50));
            if start.elapsed() > told + PULSE {
                told = start.elapsed();
                let output = fs::read(&log).unwrap_or_default();
                let output = String::from_utf8_lossy(&output);
                let last = output.lines().last().unwrap_or_default().trim();
                self.say(format_args!("  {:.0} s: {last:.90}", told.as_secs_f32()));
            }
        };
        let output = String::from_utf8_lossy(&fs::read(&log).map_err(explain)?).into_owned();
        let tally = Tally::read(&output);
        let counted = if tally == Tally::default() { String::new() } else { format!(": {tally}") };
        self.say(format_args!("  {:.0} s{counted}", start.elapsed().as_secs_f32()));
        self.tally += tally;
        if status.success() {
            return Ok(());
        }
        self.say(format_args!("what it wrote at the end:{}", failure(&output)));
        Err(Stop::Failed(format!("{status}; {} has all that it wrote", log.display())))
    }

    /// Returns a text with what its names in braces stand for, of which some contain others.
    fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, value): &(String, String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        self.variables.iter().fold(text.to_owned(), fill)
    }

    /// Makes a command of a line as one would type it: variables, a program, and its arguments, with quotes.
    fn command(&self, line: &str) -> Command {
        let words = shlex::split(&self.fill(line)).unwrap_or_default();
        let mut words = words.iter().peekable();
        let mut variables = Vec::new();
        while let Some(pair) = words.peek().and_then(|word| word.split_once('=')) {
            variables.push(pair);
            words.next();
        }
        let mut command = command(words.next().map_or("", String::as_str));
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(environment).envs(variables).args(words);
        command
    }
}

/// How the lines begin that tell of progress, and of what went well.
const PROGRESS: [&str; 7] = [
    "Compiling ",
    "Checking ",
    "Documenting ",
    "Downloading ",
    "Downloaded ",
    "running ",
    "test result: ok.",
];

/// Returns the last lines that a failed command wrote, without what went well.
fn failure(output: &str) -> String {
    let is_progress = |line: &str| PROGRESS.iter().any(|word| line.trim_start().starts_with(word));
    let is_news = |line: &&str| !line.is_empty() && !line.ends_with("... ok") && !is_progress(line);
    let news: Vec<&str> = output.lines().filter(is_news).collect();
    news[news.len().saturating_sub(300)..].iter().map(|line| format!("\n    | {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_the_command_that_it_says() {
        let suite = Suite::new("test");
        let command = suite.command("FLAGS='-D warnings' cc --features {some-types} 'a b' ''");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert!(
            command
                .get_envs()
                .any(|(name, value)| name == "FLAGS" && value == Some("-D warnings".as_ref()))
        );
        assert_eq!(words, ["--features", "half,num-complex,ndarray,bytes", "a b", ""]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut suite = Suite::new("test");
        let stop = suite.provide("no-such-program --version || it is not installed");
        assert!(matches!(stop, Err(Stop::Missing(why)) if why == "it is not installed"));
    }
}
