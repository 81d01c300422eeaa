//! Faults put in by hand: `evidence/mutants.txt`, which says what its lines mean.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;
use std::{fs, io};

use super::record::Record;
use super::{Length, fuzz_python, place_extension};
use crate::python::Python;
use crate::tools::{self, Result, command, read, root, target};

const FILE: &str = "evidence/mutants.txt";

/// A test that takes longer hangs, which counts as a failure.
pub(super) const LONGEST: Duration = Duration::from_secs(400);

/// A fault.
#[derive(Debug, Default)]
struct Mutant {
    name: String,
    what: String,
    file: String,
    old: Vec<String>,
    new: Vec<String>,
    by: Vec<String>,
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A test failed.
    Noticed,
    /// All tests passed.
    Unnoticed,
    /// The fault is one for the compiler.
    NotCompiled,
}

pub(super) fn run(names: &[&str], length: Length) -> Result<bool> {
    let mutants = parse(&read(FILE)?)?;
    if let Some(name) = names.iter().find(|name| mutants.iter().all(|it| it.name != **name)) {
        return Err(format!("expected a fault that {FILE} lists, found `{name}`"));
    }
    let mut chosen: Vec<&Mutant> = mutants
        .iter()
        .filter(|mutant| names.is_empty() || names.contains(&mutant.name.as_str()))
        .collect();
    let tree = copy()?;
    let (mut missed, start) = (Vec::new(), Instant::now());
    match length {
        Length::Whole => {
            let record = Record::read()?;
            chosen.retain(|mutant| !names.is_empty() || record.count("mutants", &mutant.name) == 0);
        }
        Length::Seconds(_) => {
            // Each of these takes longer than this may.
            chosen.retain(|mutant| !mutant.by.iter().any(|by| by == "drawn"));
            // Others on another day.
            let days = super::record::days();
            let turn = usize::try_from(days * 7 % u64::try_from(chosen.len().max(1)).unwrap_or(1));
            chosen.rotate_left(turn.unwrap_or(0));
        }
    }
    println!("{} faults; first, the tests without any", chosen.len());
    let mut commands: Vec<&String> = chosen.iter().flat_map(|mutant| &mutant.by).collect();
    commands.sort();
    commands.dedup();
    if let Length::Whole = length {
        for by in commands {
            if check(&tree, by, LONGEST)? != Outcome::Unnoticed {
                return Err(format!("`{by}` fails without a fault"));
            }
        }
    }
    for mutant in chosen {
        if let Length::Seconds(seconds) = length {
            if start.elapsed() > Duration::from_secs(seconds) {
                break;
            }
        }
        let (outcome, by) = try_mutant(&tree, mutant)?;
        println!("{}: {outcome:?} by {by} ({})", mutant.name, mutant.what);
        match outcome {
            Outcome::Noticed => {
                if let Length::Whole = length {
                    let mut record = Record::read()?;
                    record.forget("mutants", &mutant.name);
                    record.add("mutants", &mutant.name, 1, &by)?;
                }
            }
            _ => missed.push(format!("{} ({outcome:?})", mutant.name)),
        }
    }
    if missed.is_empty() {
        return Ok(true);
    }
    Err(format!("not noticed: {}", missed.join(", ")))
}

/// The names of all faults.
pub(super) fn names() -> Result<Vec<String>> {
    Ok(parse(&read(FILE)?)?.into_iter().map(|mutant| mutant.name).collect())
}

/// Puts a fault in, runs its checks until one notices it, and takes it out again.
fn try_mutant(tree: &Path, mutant: &Mutant) -> Result<(Outcome, String)> {
    let path = tree.join(&mutant.file);
    let text = read(&path)?;
    tools::write(&path, &replaced(&text, mutant)?)?;
    let mut result = (Outcome::Unnoticed, mutant.by.join(", "));
    for by in &mutant.by {
        let outcome = check(tree, by, LONGEST);
        if !matches!(outcome, Ok(Outcome::Unnoticed)) {
            result = (outcome?, by.clone());
            break;
        }
    }
    tools::write(&path, &text)?;
    Ok(result)
}

/// Runs the commands of a `by`, until one fails.
pub(super) fn check(tree: &Path, by: &str, longest: Duration) -> Result<Outcome> {
    if by == "drawn" {
        return fuzz_python::check(tree, longest);
    }
    let mut cargo = command("cargo");
    cargo.arg("test").current_dir(tree);
    match by.split_once(' ') {
        None if by == "fuzz" => cargo.args(["--manifest-path", "fuzz/Cargo.toml"]),
        None if by == "corpora" => {
            cargo.args(["--manifest-path", "fuzz/Cargo.toml", "--test", "corpora"])
        }
        None if by == "tests" => cargo.args(["-p", "dlpack-tests", "--test", "*"]),
        None if by == "loom" => cargo.args(["--manifest-path", "loom/Cargo.toml"]),
        None if by == "lib" => cargo.args(["-p", "dlpack", "--lib"]),
        Some(("test", name)) => cargo.args(["-p", "dlpack-tests", "--test", name]),
        Some(("python", name)) => {
            return check_in_python(tree, "requirements-small", &format!("test_{name}.py"));
        }
        None if by == "python" => return check_in_python(tree, "requirements-small", ""),
        None if by == "libraries" => return check_in_python(tree, "requirements", ""),
        _ => return Err(format!("{FILE}: cannot run `{by}`")),
    };
    check_command(&mut cargo, longest)
}

/// Builds the extension of the tests in Python and runs a file of them, or all, where the libraries are that `requirements` names. The
/// extension is not installed, since the environment is shared with other steps, but found by its path.
fn check_in_python(tree: &Path, requirements: &str, file: &str) -> Result<Outcome> {
    let python = Python::usual()?;
    let venv = python.venv(requirements)?;
    let mut cargo = command("cargo");
    cargo.current_dir(tree).args([
        "build",
        "--manifest-path",
        "dlpack-pyo3/tests/extension/Cargo.toml",
    ]);
    if !is_built(cargo.env("PYO3_PYTHON", &python.program), LONGEST)? {
        return Ok(Outcome::NotCompiled);
    }
    let modules = target().join("mutants/python");
    place_extension(&target().join("mutants/build/debug"), &modules)?;
    let mut pytest = command(&venv.join("python").to_string_lossy());
    pytest.args(
        "-m pytest -q -x --color=no --disable-warnings -p no:cacheprovider --installed".split(' '),
    );
    pytest.arg(format!("dlpack-pyo3/tests/python/{file}"));
    check_command(pytest.current_dir(tree).env("PYTHONPATH", &modules), LONGEST)
}

/// Runs a command that builds what a check needs. Returns `false` if the compiler refuses the code.
pub(super) fn is_built(command: &mut Command, longest: Duration) -> Result<bool> {
    match check_command(command, longest)? {
        Outcome::Unnoticed => Ok(true),
        Outcome::NotCompiled => Ok(false),
        // Whatever has stopped the build, it is not what was to be noticed.
        Outcome::Noticed => Err("what a check needs cannot be built".to_owned()),
    }
}

/// Runs a command until its end, or until it has run too long.
pub(super) fn check_command(command: &mut Command, longest: Duration) -> Result<Outcome> {
    let log = target().join("mutants/last.log");
    let explain = |error: io::Error| format!("{}: {error}", log.display());
    let file = fs::File::create(&log).map_err(explain)?;
    let output = file.try_clone().map_err(explain)?;
    command
        .env("CARGO_TARGET_DIR", target().join("mutants/build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(file));
    let mut child = command.spawn().map_err(explain)?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(explain)? {
            break status;
        }
        if start.elapsed() > longest {
            // A test that cargo or pytest has started would go on without them. Where there is no `pkill`, it does.
            let _ = Command::new("pkill").args(["-KILL", "-P", &child.id().to_string()]).status();
            child.kill().map_err(explain)?;
            child.wait().map_err(explain)?;
            return Ok(Outcome::Noticed);
        }
        sleep(Duration::from_millis(100));
    };
    let output = fs::read(&log).map_err(explain)?;
    let output = String::from_utf8_lossy(&output);
    Ok(match status.success() {
        true => Outcome::Unnoticed,
        false if output.contains("could not compile") => Outcome::NotCompiled,
        false => Outcome::Noticed,
    })
}

/// Copies the files of the repository to where faults may be put in.
pub(super) fn copy() -> Result<PathBuf> {
    let tree = target().join("mutants/tree");
    let listed = tools::output(command("git").args(["ls-files", "-co", "--exclude-standard"]))?;
    for name in listed.lines() {
        let (from, to) = (root().join(name), tree.join(name));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        let folder = to.parent().unwrap_or(&tree);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&to, bytes))
            .map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(tree)
}

/// Replaces the lines of a fault, whatever their indentation.
fn replaced(text: &str, mutant: &Mutant) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_here = |window: &[&str]| window.iter().zip(&mutant.old).all(|(a, b)| a.trim() == b);
    let places: Vec<usize> = lines
        .windows(mutant.old.len())
        .enumerate()
        .filter(|(_, window)| is_here(window))
        .map(|(at, _)| at)
        .collect();
    let &[at] = &places[..] else {
        let count = places.len();
        let Mutant { name, file, .. } = mutant;
        return Err(format!("{name}: expected one place in {file}, found {count}"));
    };
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    lines.splice(at..at + mutant.old.len(), mutant.new.iter().cloned());
    Ok(lines.join("\n") + "\n")
}

fn parse(text: &str) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::<Mutant>::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let wrong = || format!("{FILE}: cannot read `{line}`");
        if !line.starts_with(' ') {
            let (name, what) = line.split_once(": ").ok_or_else(wrong)?;
            let (name, what) = (name.to_owned(), what.to_owned());
            mutants.push(Mutant { name, what, ..Mutant::default() });
            continue;
        }
        let mutant = mutants.last_mut().ok_or_else(wrong)?;
        let (word, rest) = line.trim().split_once(' ').ok_or_else(wrong)?;
        match word {
            "in" => rest.clone_into(&mut mutant.file),
            "-" => mutant.old.push(rest.trim().to_owned()),
            "+" => mutant.new.push(rest.to_owned()),
            "by" => {
                let mut kind = None;
                for word in rest.split(' ') {
                    match (word, kind) {
                        ("fuzz" | "lib" | "loom" | "drawn", _) => {
                            kind = None;
                            mutant.by.push(word.to_owned());
                        }
                        ("test" | "python", _) => kind = Some(word),
                        (name, Some(kind)) => mutant.by.push(format!("{kind} {name}")),
                        _ => return Err(wrong()),
                    }
                }
            }
            _ => return Err(wrong()),
        }
    }
    Ok(mutants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_one_place() {
        let mutants = parse(&read(FILE).unwrap()).unwrap();
        assert!(mutants.len() >= 60);
        for (at, mutant) in mutants.iter().enumerate() {
            assert!(mutants[..at].iter().all(|it| it.name != mutant.name), "{}", mutant.name);
            assert!(!mutant.by.is_empty() && !mutant.new.is_empty(), "{}", mutant.name);
            let text = read(&mutant.file).unwrap();
            assert_ne!(replaced(&text, mutant).unwrap(), text);
            for name in mutant.by.iter().filter_map(|by| by.strip_prefix("test ")) {
                let test = root().join("tests").join(name);
                let exists = test.join("main.rs").exists() || test.with_extension("rs").exists();
                assert!(exists, "{name}");
            }
            for name in mutant.by.iter().filter_map(|by| by.strip_prefix("python ")) {
                let test = format!("dlpack-pyo3/tests/python/test_{name}.py");
                assert!(root().join(test).exists(), "{name}");
            }
        }
    }
}
