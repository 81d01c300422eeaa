//! Runs the commands of a step: each is shown, logged and counted.

use core::time::Duration;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use super::python;
use super::steps::{self, Step};
use super::tally::Tally;
use crate::generated::libclang;
use crate::python::Python;
use crate::tools::{self, command, program, root, target};

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

/// The `rust-version` of the workspace.
const OLDEST: &str = "1.85";

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
        let has_gpu = Path::new("/dev/nvidiactl").exists();
        suite.set("gpu", if has_gpu { "-- --include-ignored" } else { "" });
        suite
    }

    fn set(&mut self, name: &str, value: impl core::fmt::Display) {
        self.variables.push((name.to_owned(), value.to_string()));
    }

    /// Provides what a step needs and runs its commands: those for a whole run, or the quick ones.
    pub(crate) fn run_step(&mut self, step: &Step, is_whole: bool, has_libraries: bool) -> Outcome {
        let about = tools::output(command("rustc").arg("-vV"))?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        self.set("host", host);
        self.set("host_", host.replace('-', "_"));
        self.set("HOST_", host.replace('-', "_").to_uppercase());
        for (word, line) in &step.lines {
            match (*word, line.as_str()) {
                ("need", need) => self.provide(need)?,
                ("set", line) => {
                    let (name, value) = line.split_once('=').unwrap_or((line, ""));
                    self.environment.push((self.fill(name), self.fill(value)));
                }
                ("quick", _) if is_whole => {}
                ("whole", _) if !is_whole => {}
                (_, "@versions") => python::versions(self)?,
                (_, "@libraries") if has_libraries => python::libraries(self)?,
                (_, "@libraries") => {
                    return Err(Stop::Missing("`--libraries` was not given".to_owned()));
                }
                (_, line) => self.run(line)?,
            }
        }
        Ok(())
    }

    /// Makes sure that something is there, and tells the commands that come where it is.
    fn provide(&mut self, need: &str) -> Outcome {
        if let Some((line, hint)) = need.rsplit_once(" || ") {
            let mut probe = self.command(line);
            let found = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let is_found = found.is_ok_and(|status| status.success());
            return if is_found { Ok(()) } else { Err(Stop::Missing(self.fill(hint))) };
        }
        match need {
            "libclang" => {
                let folder = libclang().map_err(Stop::Missing)?.display().to_string();
                self.environment.push(("LIBCLANG_PATH".to_owned(), folder));
            }
            "oldest" => self.toolchain("bin/rustc")?,
            "source" => self.toolchain("lib/rustlib/src/rust/library/core/src/lib.rs")?,
            "python" => self.python(&Python::usual().map_err(Stop::Missing)?),
            "embedding" => {
                let python = Python::usual().map_err(Stop::Missing)?;
                if python.library.is_empty() {
                    return Err(Stop::Missing(format!(
                        "{} has no shared library: Debian has it in the package `python3-dev`",
                        python.program
                    )));
                }
                for (name, value) in [
                    ("PYO3_PYTHON", python.program),
                    ("PYTHONHOME", python.home),
                    ("LD_LIBRARY_PATH", python.library.clone()),
                    ("DYLD_LIBRARY_PATH", python.library),
                ] {
                    self.environment.push((name.to_owned(), value));
                }
            }
            "free-threaded" => {
                let python = Python::free_threaded().map_err(Stop::Missing)?;
                self.venv(&python, "requirements-free-threaded")?;
            }
            _ => {
                let file = need.trim_start_matches("venv ");
                self.venv(&Python::usual().map_err(Stop::Missing)?, file)?;
            }
        }
        Ok(())
    }

    fn python(&mut self, python: &Python) {
        self.set("python", &python.program);
        self.set("version", &python.version);
    }

    /// Makes `{venv}` the folder of programs of a virtual environment.
    pub(crate) fn venv(&mut self, python: &Python, file: &str) -> Outcome {
        self.variables.retain(|(name, _)| !["venv", "python", "version"].contains(&name.as_str()));
        self.python(python);
        let folder = python.venv(file).map_err(Stop::Missing)?;
        self.set("venv", folder.display());
        Ok(())
    }

    /// Chooses a compiler of the oldest supported version with a file: rustup's, or the one that `.ci/run` has unpacked.
    fn toolchain(&mut self, file: &str) -> Outcome {
        let mut rustup = command("rustup");
        rustup.args(["which", "rustc", "--toolchain", OLDEST]).env("RUSTUP_AUTO_INSTALL", "0");
        let found = rustup.output().ok().filter(|answer| answer.status.success());
        let found = found.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
        let unpacked = root().join(".tools/rust").join(OLDEST).join("rustc");
        for rustc in found.map(PathBuf::from).into_iter().chain([unpacked]) {
            let answer = command(&rustc.to_string_lossy()).args(["--print", "sysroot"]).output();
            let Ok(answer) = answer else { continue };
            let sysroot = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            if Path::new(&sysroot).join(file).exists() {
                self.set("sysroot", sysroot);
                self.environment.push(("RUSTC".to_owned(), rustc.display().to_string()));
                return Ok(());
            }
        }
        Err(Stop::Missing(format!(
            "Rust {OLDEST} is not installed: `rustup toolchain install {OLDEST} --component rust-src`"
        )))
    }

    /// Shows a line, and which step it is of, as another may run beside it.
    pub(crate) fn say(&self, line: impl core::fmt::Display) {
        println!("{}: {line}", self.step);
    }

    /// Runs a command to its end and counts its tests.
    pub(crate) fn run(&mut self, line: &str) -> Outcome {
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

    /// Makes a command of a line as one would type it: variables, a program, and its arguments, with single quotes.
    fn command(&self, line: &str) -> Command {
        let line = self.fill(line);
        let mut words = split(&line).into_iter().peekable();
        let mut variables = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            variables.push((name.to_owned(), value.to_owned()));
            words.next();
        }
        let mut command = command(&words.next().unwrap_or_default());
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command.envs(variables).args(words);
        command
    }
}

fn split(line: &str) -> Vec<String> {
    let mut words = vec![];
    let (mut word, mut is_quoted, mut is_word) = (String::new(), false, false);
    for c in line.chars().chain([' ']) {
        match c {
            '\'' => (is_quoted, is_word) = (!is_quoted, true),
            ' ' if !is_quoted => {
                if is_word {
                    words.push(core::mem::take(&mut word));
                }
                is_word = false;
            }
            _ => {
                word.push(c);
                is_word = true;
            }
        }
    }
    words
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

    #[test]
    fn the_oldest_compiler_is_that_of_the_workspace() {
        let manifest = tools::read("Cargo.toml").unwrap();
        assert!(manifest.contains(&format!("rust-version = \"{OLDEST}\"")));
    }
}
