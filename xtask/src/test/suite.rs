//! What the steps of a run share: commands that are shown, logged and counted.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::tally::Tally;
use crate::bindings;
pub(crate) use crate::tools::cargo;
use crate::tools::{root, target};

/// Why a step ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The machine lacks something; the clause names it.
    Missing(String),
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

pub(crate) type Outcome<T = ()> = Result<T, Stop>;

/// Runs the commands of a step and counts its tests.
pub(crate) struct Suite {
    pub(crate) tally: Tally,
    /// Libraries that take many gigabytes are to be met, too.
    pub(crate) has_all_libraries: bool,
    target: PathBuf,
    step: &'static str,
    commands: u32,
}

impl Suite {
    pub(crate) fn new(step: &'static str, has_all_libraries: bool) -> Self {
        Self { tally: Tally::default(), has_all_libraries, target: target(), step, commands: 0 }
    }

    /// Returns a target directory for builds that would throw away those of the others.
    pub(crate) fn own_target(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// Runs a command and returns what it wrote; on failure that is shown.
    pub(crate) fn run(&mut self, command: &mut Command) -> Outcome<String> {
        let (output, result) = self.capture(command)?;
        result.map(|()| output)
    }

    /// Runs `cargo test` and counts the tests of its binaries.
    pub(crate) fn test(&mut self, command: &mut Command) -> Outcome {
        let (output, result) = self.capture(command)?;
        let tally = Tally::read(&output);
        println!("    {tally}");
        self.tally += tally;
        if result.is_ok() && tally.executed() == 0 {
            return Err(Stop::Failed("no test was run".to_owned()));
        }
        result
    }

    /// Runs pytest, counts its tests, and shows what it reports after them.
    pub(crate) fn pytest(&mut self, command: &mut Command) -> Outcome {
        let (output, result) = self.capture(command)?;
        if result.is_ok() {
            print!("{}", report(&output));
        }
        let tally = Tally::read_pytest(&output);
        println!("    {tally}");
        self.tally += tally;
        if result.is_ok() && tally.executed() == 0 {
            return Err(Stop::Failed("no test was run".to_owned()));
        }
        result
    }

    /// Makes libclang known to the commands that come, which the feature `bindgen` needs.
    pub(crate) fn provide_libclang(&self) -> Outcome {
        bindings::provide_libclang().map_err(Stop::Missing)
    }

    fn capture(&mut self, command: &mut Command) -> Outcome<(String, Outcome)> {
        println!("  {}", show(command));
        let log = self.next_log()?;
        let start = Instant::now();
        let status = launch(command, &log)?;
        println!("    {:.1} s", start.elapsed().as_secs_f32());
        let output = fs::read(&log).map_err(|error| cannot("read", &log, &error))?;
        let output = String::from_utf8_lossy(&output).into_owned();
        if status.success() {
            return Ok((output, Ok(())));
        }
        show_failure(&output);
        let message = format!("{status}; all that it wrote is in {}", log.display());
        Ok((output, Err(Stop::Failed(message))))
    }

    fn next_log(&mut self) -> Outcome<PathBuf> {
        let folder = self.target.join("xtask");
        fs::create_dir_all(&folder).map_err(|error| cannot("make", &folder, &error))?;
        self.commands += 1;
        Ok(folder.join(format!("{}-{}.log", self.step, self.commands)))
    }
}

fn launch(command: &mut Command, log: &Path) -> Outcome<std::process::ExitStatus> {
    let explain = |error: io::Error| cannot("write", log, &error);
    let file = File::create(log).map_err(explain)?;
    let copy = file.try_clone().map_err(explain)?;
    if command.get_current_dir().is_none() {
        command.current_dir(root());
    }
    io::stdout().flush().ok();
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    command.status().map_err(|error| {
        let name = command.get_program().to_string_lossy();
        match error.kind() {
            io::ErrorKind::NotFound => Stop::Missing(format!("{name} is not installed")),
            _ => Stop::Failed(format!("cannot run {name}: {error}")),
        }
    })
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Stop {
    Stop::Failed(format!("cannot {verb} {}: {error}", path.display()))
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

/// As many lines of a failure as are shown; the log has all.
const SHOWN: usize = 300;

/// Shows what a failed command wrote, without what went well.
fn show_failure(output: &str) {
    let news = news(output);
    let (hidden, shown) = news.split_at(news.len().saturating_sub(SHOWN));
    if !hidden.is_empty() {
        println!("    | ({} lines before)", hidden.len());
    }
    for line in shown {
        println!("    | {line}");
    }
}

fn news(output: &str) -> Vec<&str> {
    let is_progress = |line: &str| PROGRESS.iter().any(|word| line.trim_start().starts_with(word));
    let is_news = |line: &&str| !line.is_empty() && !line.ends_with("... ok") && !is_progress(line);
    output.lines().filter(is_news).collect()
}

/// What pytest writes after its progress: its sections, each of which begins with a ruled line.
fn report(output: &str) -> String {
    let lines = output.lines().skip_while(|line| !line.starts_with("====="));
    lines.map(|line| format!("    {line}\n")).collect()
}

/// Writes a command as it would be typed.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(key, value)| Some(format!("{}={}", key.to_string_lossy(), quote(value?))))
        .collect();
    words.push(quote(program.file_name().unwrap_or(program.as_os_str())));
    words.extend(command.get_args().map(quote));
    words.join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain =
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "\"'$".contains(c));
    if is_plain { word.into_owned() } else { format!("'{word}'") }
}

/// Stops unless a program is installed.
pub(crate) fn require(program: &str) -> Outcome {
    let mut probe = Command::new(program);
    let probe = probe.arg("--version").stdin(Stdio::null());
    match probe.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Stop::Missing(format!("{program} is not installed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command
            .args(["test", "--features", "half,num-complex", "a b"])
            .env("RUSTFLAGS", "-D warnings");
        command.env_remove("CARGO_PKG_NAME");
        let expected = "RUSTFLAGS='-D warnings' cargo test --features half,num-complex 'a b'";
        assert_eq!(show(&command), expected);
    }

    #[test]
    fn what_went_well_is_not_shown_with_a_failure() {
        let output = "   Compiling a v1.0.0\n\nrunning 2 tests\ntest b ... ok\ntest c ... FAILED\n\
             test result: FAILED. 1 passed; 1 failed;\n\nrunning 1 test\ntest result: ok. 1 passed;\n";
        assert_eq!(news(output), ["test c ... FAILED", "test result: FAILED. 1 passed; 1 failed;"]);
    }

    #[test]
    fn sections_of_pytest_are_shown_without_its_progress() {
        let output = "....  [100%]\n====== libraries ======\nnumpy ok\n4 passed in 0.1s\n";
        assert_eq!(
            report(output),
            "    ====== libraries ======\n    numpy ok\n    4 passed in 0.1s\n"
        );
        assert_eq!(report("....\n4 passed in 0.1s\n"), "");
    }

    #[test]
    fn an_absent_program_is_named() {
        let stop = require("no-such-program-anywhere").unwrap_err();
        assert!(
            matches!(stop, Stop::Missing(why) if why == "no-such-program-anywhere is not installed")
        );
    }
}
