//! Virtual environments in `.tools/python`, made once and used until their requirements change.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use super::Interpreter;
use super::room::{self, Room};
use crate::tools::{self, Result, read_text, root, write};

/// What an environment is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// Ends the name of its folder.
    pub(crate) name: &'static str,
    /// The file of requirements, relative to the root.
    pub(crate) file: &'static str,
    /// What installing them takes at most, downloads included, in GB of disk.
    pub(crate) disk: u64,
    /// What importing them takes, in GB of memory.
    pub(crate) memory: u64,
}

impl Needs {
    /// What the default run of the tests meets.
    pub(crate) const LIBRARIES: Self =
        Self { name: "", file: "dlpack-pyo3/tests/requirements.txt", disk: 10, memory: 3 };

    /// Those of which even one is large, together.
    pub(crate) const ALL_LIBRARIES: Self =
        Self { name: "all", file: "dlpack-pyo3/tests/requirements-all.txt", disk: 6, memory: 3 };

    /// What there is for all versions of Python.
    pub(crate) const SMALL: Self = Self {
        name: "small",
        file: "dlpack-pyo3/tests/requirements-small.txt",
        disk: 1,
        memory: 1,
    };
}

/// A virtual environment with all that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Venv {
    pub(crate) base: Interpreter,
    folder: PathBuf,
}

/// Where it stands which requirements were installed.
const STAMP: &str = "installed.txt";

impl Venv {
    /// Returns the environment, made anew unless it holds just what is needed.
    pub(crate) fn provide(base: &Interpreter, needs: Needs) -> Result<Self> {
        let name = match needs.name {
            "" => base.version.to_string(),
            name => format!("{}-{name}", base.version),
        };
        let folder = root().join(".tools/python").join(&name);
        let venv = Self { base: base.clone(), folder };
        let stamp = venv.stamp(&root().join(needs.file))?;
        let path = venv.folder.join(STAMP);
        if fs::read_to_string(&path).is_ok_and(|found| found == stamp) && venv.python().exists() {
            return Ok(venv);
        }
        base.require_venv()?;
        println!("  making the virtual environment .tools/python/{name}");
        venv.make(needs)?;
        write(&path, stamp.as_bytes())?;
        Ok(venv)
    }

    /// Returns the path of its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// Returns the path of a program that its packages brought.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let programs = if cfg!(windows) { "Scripts" } else { "bin" };
        self.folder.join(programs).join(name)
    }

    /// Returns a command for one of its programs. What is compiled to bytecode stays out of the sources.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command.env("PYTHONPYCACHEPREFIX", self.folder.join("pycache"));
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        command
    }

    /// Puts packages in afresh, as what an interrupted run left could be anything.
    fn make(&self, needs: Needs) -> Result<()> {
        let explain = |error: io::Error| format!("cannot use {}: {error}", self.folder.display());
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(explain)?;
        }
        fs::create_dir_all(&self.folder).map_err(explain)?;
        let room = Room { disk: needs.disk, memory: needs.memory };
        room::require(room, &self.folder, &self.base)?;
        tools::run(self.base.command().args(["-m", "venv"]).arg(&self.folder))?;
        println!("  installing {}: up to {} GB of disk", needs.file, needs.disk);
        let mut pip = self.command("python");
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]);
        pip.args(["--only-binary", ":all:", "--requirement"]).arg(root().join(needs.file));
        install(&mut pip)
    }

    /// All that decides what is installed: the interpreter, and the texts of the requirements.
    fn stamp(&self, file: &Path) -> Result<String> {
        let mut stamp = format!("# {} {}\n", self.base.program.display(), self.base.version);
        collect(file, &mut stamp)?;
        Ok(stamp)
    }
}

/// Adds a file of requirements, and those that it includes.
fn collect(file: &Path, all: &mut String) -> Result<()> {
    let text = read_text(file)?;
    all.push_str(&text);
    for line in text.lines() {
        let other = line.strip_prefix("-r ").or_else(|| line.strip_prefix("-c "));
        if let Some(other) = other {
            collect(&file.with_file_name(other.trim()), all)?;
        }
    }
    Ok(())
}

/// Runs pip and shows, as it goes, what is downloaded and how large that is.
fn install(pip: &mut Command) -> Result<()> {
    pip.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = pip.spawn().map_err(|error| format!("cannot run pip: {error}"))?;
    let lines = child.stdout.take().map(BufReader::new);
    for line in lines.into_iter().flat_map(BufRead::lines).map_while(io::Result::ok) {
        if let Some(news) = news(&line) {
            println!("    {news}");
            io::stdout().flush().ok();
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("pip could not install the libraries: {status}")),
        Err(error) => Err(format!("cannot wait for pip: {error}")),
    }
}

/// What a line of pip says about files that take time; none about others.
fn news(line: &str) -> Option<String> {
    let line = line.trim();
    let known = ["Downloading ", "Using cached "].iter().find_map(|word| line.strip_prefix(word));
    match known {
        Some(file) if file.contains(".metadata ") => None,
        Some(file) => {
            let name = file.split(['/', ' ']).rfind(|word| word.ends_with(".whl"));
            let size = file.rfind('(').map_or("", |at| &file[at..]);
            Some(format!("{} {size}", short(name.unwrap_or(file))))
        }
        None => {
            line.starts_with("Installing collected").then(|| "installing all of them".to_owned())
        }
    }
}

/// The name and the version of a wheel, without what it runs on.
fn short(wheel: &str) -> String {
    wheel.splitn(3, '-').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_time_is_told() {
        let line = "  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (555.9 MB)";
        assert_eq!(news(line), Some("torch 2.15.0 (555.9 MB)".to_owned()));
        let line = "Using cached numpy-2.4.6-cp311-cp311-any.whl (16 MB)";
        assert_eq!(news(line), Some("numpy 2.4.6 (16 MB)".to_owned()));
        let line = "Installing collected packages: numpy, torch";
        assert_eq!(news(line), Some("installing all of them".to_owned()));
    }

    #[test]
    fn what_is_quick_is_not() {
        let line = "  Downloading torch-2.15.0-cp311-cp311-any.whl.metadata (29 kB)";
        assert_eq!(news(line), None);
        assert_eq!(news("Collecting torch==2.15.0"), None);
    }

    #[test]
    fn the_stamp_has_what_is_included() {
        let mut all = String::new();
        collect(&root().join("dlpack-pyo3/tests/requirements.txt"), &mut all).unwrap();
        for line in ["torch==2.15.0", "pytest==", "-c constraints.txt\n", "\nsympy=="] {
            assert!(all.contains(line), "{line}");
        }
    }
}
