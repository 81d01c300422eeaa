//! The interpreters that are installed.

use core::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::tools::Result;

/// The oldest that is supported, and the newest that is looked for by name.
const OLDEST: Version = Version(3, 10);
const NEWEST: Version = Version(3, 14);

/// Answers in lines: `key value`.
const PROBE: &str = "
import os, sys, sysconfig
value = sysconfig.get_config_var
print('implementation', sys.implementation.name)
print('version', *sys.version_info[:2])
print('program', sys.executable)
print('home', sys.base_prefix)
library = os.path.join(value('LIBDIR') or '', value('LDLIBRARY') or '')
if value('Py_ENABLE_SHARED') and os.path.exists(library):
    print('libraries', value('LIBDIR'))
if value('Py_GIL_DISABLED'):
    print('free-threaded')
try:
    import ensurepip, venv
    print('venv')
except ImportError:
    pass
";

/// A minor version of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// An installed CPython with a global interpreter lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    pub(crate) program: PathBuf,
    pub(crate) version: Version,
    /// Where its standard library is, as `PYTHONHOME` has it.
    home: PathBuf,
    /// The folder of its shared library, without which nothing can embed it.
    libraries: Option<PathBuf>,
    has_venv: bool,
}

impl Interpreter {
    /// Returns `python3`, or another if that is too old.
    pub(crate) fn usual() -> Result<Self> {
        let python3 = Self::ask(Path::new("python3"));
        python3.filter(Self::is_supported).or_else(|| Self::all().pop()).ok_or_else(|| {
            format!("CPython {OLDEST} or later is needed as `python3`, and is not installed")
        })
    }

    /// Returns one interpreter of each version that is supported and found, the oldest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let asked =
            candidates().iter().filter_map(|program| Self::ask(program)).collect::<Vec<_>>();
        for interpreter in asked.into_iter().filter(Self::is_supported) {
            if found.iter().all(|other| other.version != interpreter.version) {
                found.push(interpreter);
            }
        }
        found.sort_by_key(|interpreter| interpreter.version);
        found
    }

    /// Returns the versions between the oldest and the newest known that none of the interpreters has.
    pub(crate) fn missing(found: &[Self]) -> Vec<Version> {
        let has = |version: &Version| found.iter().any(|found| found.version == *version);
        versions().filter(|version| !has(version)).collect()
    }

    /// Returns a command that runs it, apart from what the user's own environment would add.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PYTHONNOUSERSITE", "1");
        command
    }

    /// Says why there can be no virtual environment.
    pub(crate) fn require_venv(&self) -> Result<()> {
        if self.has_venv {
            return Ok(());
        }
        Err(format!(
            "{} lacks the module `venv` or `ensurepip`: Debian has them in a package of their own, \
             `apt-get install python3-venv`",
            self.program.display()
        ))
    }

    /// Makes PyO3 build for this interpreter.
    pub(crate) fn choose<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PYO3_PYTHON", &self.program)
    }

    /// Makes a Rust program that embeds this interpreter find it.
    pub(crate) fn embed<'a>(&self, command: &'a mut Command) -> Result<&'a mut Command> {
        let Some(libraries) = &self.libraries else {
            return Err(format!(
                "{} has no shared library to embed: Debian has it as `python3-dev`",
                self.program.display()
            ));
        };
        let name = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        let mut folders = vec![libraries.clone()];
        folders.extend(env::var_os(name).iter().flat_map(env::split_paths));
        let folders = env::join_paths(folders).map_err(|error| error.to_string())?;
        Ok(self.choose(command).env(name, folders).env("PYTHONHOME", &self.home))
    }

    fn is_supported(&self) -> bool {
        self.version >= OLDEST
    }

    /// Asks a program what it is; none if it does not run, or is something else.
    fn ask(program: &Path) -> Option<Self> {
        let mut probe = Command::new(program);
        probe.args(["-I", "-c", PROBE]).stdin(Stdio::null()).stderr(Stdio::null());
        let answer = probe.output().ok().filter(|answer| answer.status.success())?;
        Self::read(&String::from_utf8_lossy(&answer.stdout))
    }

    fn read(answer: &str) -> Option<Self> {
        let value =
            |key: &str| answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let says = |key: &str| answer.lines().any(|line| line == key);
        if value("implementation")? != "cpython" || says("free-threaded") {
            return None;
        }
        let (major, minor) = value("version")?.split_once(' ')?;
        Some(Self {
            program: value("program")?.into(),
            version: Version(major.parse().ok()?, minor.parse().ok()?),
            home: value("home")?.into(),
            libraries: value("libraries").map(PathBuf::from),
            has_venv: says("venv"),
        })
    }
}

fn versions() -> impl Iterator<Item = Version> {
    (OLDEST.1..=NEWEST.1).map(|minor| Version(OLDEST.0, minor))
}

/// Where interpreters may be: on the path, and where pyenv puts them.
fn candidates() -> Vec<PathBuf> {
    let mut candidates = vec![PathBuf::from("python3")];
    candidates.extend(versions().map(|version| PathBuf::from(format!("python{version}"))));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let folders = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let mut folders: Vec<PathBuf> =
        folders.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    candidates.extend(folders.iter().rev().map(|folder| folder.join("bin/python3")));
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
implementation cpython
version 3 11
program /usr/bin/python3
home /usr
libraries /usr/lib/x86_64-linux-gnu
venv
";

    #[test]
    fn an_answer_is_read_by_its_keys() {
        let expected = Interpreter {
            program: "/usr/bin/python3".into(),
            version: Version(3, 11),
            home: "/usr".into(),
            libraries: Some("/usr/lib/x86_64-linux-gnu".into()),
            has_venv: true,
        };
        assert_eq!(Interpreter::read(ANSWER), Some(expected));
    }

    #[test]
    fn other_kinds_of_python_are_not_taken() {
        assert_eq!(Interpreter::read(&ANSWER.replace("cpython", "pypy")), None);
        assert_eq!(Interpreter::read(&format!("{ANSWER}free-threaded\n")), None);
        assert_eq!(Interpreter::read(""), None);
        assert_eq!(Interpreter::ask(Path::new("no-such-python-anywhere")), None);
    }

    #[test]
    fn what_debian_leaves_out_is_named() {
        let answer = ANSWER.replace("venv\n", "").replace("libraries", "x");
        let bare = Interpreter::read(&answer).unwrap();
        assert!(bare.require_venv().unwrap_err().ends_with("`apt-get install python3-venv`"));
        let mut command = Command::new("cargo");
        assert!(bare.embed(&mut command).unwrap_err().ends_with("Debian has it as `python3-dev`"));
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        assert!(Version(3, 9) < OLDEST && OLDEST < Version(3, 11));
        let found = [Interpreter::read(ANSWER).unwrap()];
        assert_eq!(Interpreter::missing(&found).len(), versions().count() - 1);
        assert!(!Interpreter::missing(&found).contains(&Version(3, 11)));
    }
}
