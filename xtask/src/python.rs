//! Python for the tests and the benchmarks: interpreters, and virtual environments in `.tools/python`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::tools::{Result, command, read, root, run, write};

/// The minor versions of Python 3 that are looked for by name.
const VERSIONS: core::ops::RangeInclusive<u32> = 10..=14;

/// Answers with four lines: the program, its version, its home, and the folder of its shared library.
const PROBE: &str = "
import os, sys, sysconfig
assert sys.version_info >= (3, 10) and sys.implementation.name == 'cpython'
suffix = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''
folder = sysconfig.get_config_var('LIBDIR') or ''
library = os.path.join(folder, sysconfig.get_config_var('LDLIBRARY') or '')
is_shared = sysconfig.get_config_var('Py_ENABLE_SHARED') and os.path.exists(library)
print(sys.executable, '%d.%d%s' % (*sys.version_info[:2], suffix), sys.base_prefix, folder if is_shared else '', sep='\\n')
";

/// Where `.ci/free-threaded-python` puts what it builds.
const BUILT: &str = ".tools/python-3.13t/bin/python3";

/// An installed CPython 3.10 or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) program: String,
    /// Ends in `t` if it is free-threaded.
    pub(crate) version: String,
    /// Where its standard library is, as `PYTHONHOME` has it.
    pub(crate) home: String,
    /// The folder of its shared library, without which no program can embed it; may be empty.
    pub(crate) library: String,
}

impl Python {
    /// Returns `python3`.
    pub(crate) fn usual() -> Result<Self> {
        let missing = "CPython 3.10 or later is not installed as `python3`";
        Self::find("python3").ok_or_else(|| missing.to_owned())
    }

    /// Returns the other versions that are installed.
    pub(crate) fn others() -> Result<Vec<Self>> {
        let (usual, names) = (Self::usual()?, VERSIONS.map(|minor| format!("python3.{minor}")));
        let found = names.filter_map(|name| {
            let found = Self::find(&name);
            if found.is_none() {
                println!("{name} is not installed, and left out");
            }
            found
        });
        Ok(found.filter(|python| python.version != usual.version).collect())
    }

    /// Returns a CPython without a global interpreter lock.
    pub(crate) fn free_threaded() -> Result<Self> {
        let built = root().join(BUILT).display().to_string();
        let mut found = [&built, "python3.14t", "python3.13t"].into_iter().filter_map(Self::ask);
        found.find(Self::is_free_threaded).ok_or_else(|| {
            "no free-threaded CPython is installed: `.ci/free-threaded-python` builds one on Debian".to_owned()
        })
    }

    /// Returns what a program is if it has a global interpreter lock.
    fn find(program: &str) -> Option<Self> {
        Self::ask(program).filter(|python| !python.is_free_threaded())
    }

    fn is_free_threaded(&self) -> bool {
        self.version.ends_with('t')
    }

    /// Asks a program what it is. Returns `None` if it does not run, is too old, or is something else.
    fn ask(program: &str) -> Option<Self> {
        let answer =
            command(program).args(["-I", "-c", PROBE]).stderr(Stdio::null()).output().ok()?;
        let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
        let mut lines = answer.lines().map(str::to_owned);
        let mut next = || lines.next();
        Some(Self { program: next()?, version: next()?, home: next()?, library: next()? })
    }

    /// Returns the folder of programs of a virtual environment that holds the requirements of a file, which is in
    /// `dlpack-pyo3/tests` if no other folder is named. The environment is made again when they change.
    pub(crate) fn venv(&self, file: &str) -> Result<PathBuf> {
        // Steps that run side by side may want the same one.
        static MAKING: Mutex<()> = Mutex::new(());
        let _one = MAKING.lock();
        let name = format!("{}-{}", self.version, file.replace('/', "-"));
        let folder = root().join(".tools/python").join(name);
        let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let place = if file.contains('/') { "" } else { "dlpack-pyo3/tests" };
        let requirements = root().join(place).join(file).with_extension("txt");
        let stamp = format!("# {}\n{}", self.program, collect(&requirements)?);
        if read(folder.join("installed.txt")).is_ok_and(|found| found == stamp) {
            return Ok(programs);
        }
        println!("installing {} into {}", requirements.display(), folder.display());
        fs::remove_dir_all(&folder).ok();
        run(command(&self.program).args(["-m", "venv"]).arg(&folder)).map_err(|error| {
            format!("{error}; Debian has what is missing in the package `python3-venv`")
        })?;
        let mut pip = pip(&programs.join("python").to_string_lossy());
        run(pip.args(["install", "--only-binary", ":all:", "--requirement"]).arg(requirements))?;
        write(folder.join("installed.txt"), &stamp)?;
        Ok(programs)
    }
}

/// Returns the command that installs packages.
pub(crate) fn pip(program: &str) -> Command {
    let mut pip = command(program);
    pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
    pip
}

/// Returns the text of a file of requirements, and of those that it includes.
fn collect(file: &Path) -> Result<String> {
    let mut all = read(file)?;
    let included =
        |line: &str| line.strip_prefix("-r ").or(line.strip_prefix("-c ")).map(str::to_owned);
    for other in all.lines().filter_map(included).collect::<Vec<_>>() {
        all += &collect(&file.with_file_name(other))?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_with_what_they_include() {
        let all = collect(&root().join("dlpack-pyo3/tests/requirements.txt")).unwrap();
        assert!(all.contains("-c constraints.txt\n") && all.contains("\nsympy=="), "{all}");
        assert!(Python::find("no-such-python-anywhere").is_none());
    }
}
