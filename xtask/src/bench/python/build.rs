//! What the rows of Python import: the floors and the contenders, each a module of its own.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::python::{Interpreter, Needs, Venv};
use crate::tools::{self, Result, cargo, read_text, root, write};

/// The environment of the tests has all libraries but those that only serve to build a contender.
const LIBRARIES: Needs =
    Needs { name: "", file: "dlpack-pyo3/tests/requirements.txt", disk: 7, memory: 3 };

const REQUIREMENTS: &str = "benches/python/requirements.txt";

/// Packages in Rust and the modules that come of them. Each has a lock file of its own, as two that link to one Python
/// through different versions of PyO3 cannot be in one workspace.
const CRATES: [(&str, &str); 4] = [
    ("ours", "ours"),
    ("peers/dlpark", "peer_dlpark"),
    ("peers/dlpack-rs", "peer_dlpack_rs"),
    ("peers/pyo3-dlpack", "peer_pyo3_dlpack"),
];

/// Asks where the headers of Python and of tvm-ffi are, and the library of the latter.
const PATHS: &str = "
import importlib.util, pathlib, sysconfig
tvm_ffi = pathlib.Path(importlib.util.find_spec('tvm_ffi').origin).parent
print(sysconfig.get_path('include'), tvm_ffi / 'include', tvm_ffi / 'lib', sep='\\n')
";

/// The environment, and the folder with the modules.
#[derive(Debug)]
pub(super) struct Modules {
    venv: Venv,
    folder: PathBuf,
}

impl Modules {
    /// Builds all of them with optimisation, as users would.
    pub(super) fn build(target: &Path) -> Result<Self> {
        let interpreter = Interpreter::usual()?;
        let venv = Venv::provide(&interpreter, LIBRARIES)?;
        let modules =
            Self { venv, folder: target.join(format!("modules-{}", interpreter.version)) };
        fs::create_dir_all(&modules.folder).map_err(|error| modules.cannot(&error))?;
        modules.build_cpp(target)?;
        CRATES
            .iter()
            .try_for_each(|(package, module)| modules.build_rust(target, package, module))?;
        Ok(modules)
    }

    /// Returns a command for the interpreter, which finds the modules. Hashes are the same in every run, so that the same
    /// instructions are counted.
    pub(super) fn python(&self) -> Command {
        let mut command = self.venv.command("python");
        command.env("PYTHONPATH", &self.folder).env("PYTHONHASHSEED", "0");
        // All rows are about main memory; JAX would look for other devices.
        command.env("JAX_PLATFORMS", "cpu");
        command
    }

    fn build_cpp(&self, target: &Path) -> Result<()> {
        let answer = tools::output(self.venv.command("python").args(["-I", "-c", PATHS]))?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let [python, tvm_ffi, library] = answer.lines().collect::<Vec<_>>()[..] else {
            return Err(format!("expected three folders, found {answer}"));
        };
        if !Path::new(python).join("Python.h").is_file() {
            return Err(format!(
                "{python}/Python.h is needed, and is not there: Debian has it in `python3-dev`"
            ));
        }
        let nanobind = provide_nanobind(&self.venv, target)?;
        let sources = |folder: &str| files(&root().join("benches/python").join(folder));
        let own = [Path::new(python).to_owned(), root().join("vendor/dlpack/include")];
        let mut floors = self.compiler("CC", "cc", "floors", "-std=c11");
        floors.args(["-fvisibility=hidden", "-Wall", "-Wextra"]);
        tools::run(include(&mut floors, own).args(sources("floors")?))?;

        let mut tvm = self.compiler("CXX", "c++", "peer_tvm_ffi", "-std=c++17");
        include(&mut tvm, [tvm_ffi.into()]).args(sources("peers/tvm_ffi")?);
        tools::run(tvm.arg(format!("-L{library}")).arg("-ltvm_ffi"))?;

        // As its authors have it for those without CMake.
        let mut peer = self.compiler("CXX", "c++", "peer_nanobind", "-std=c++17");
        peer.args(["-fvisibility=hidden", "-fno-strict-aliasing", "-DNDEBUG"]);
        peer.args(["-DNB_COMPACT_ASSERTIONS", "-ffunction-sections", "-fdata-sections"]);
        let folders = ["include", "ext/robin_map/include"].map(|folder| nanobind.join(folder));
        include(&mut peer, folders).arg(format!("-I{python}")).args(sources("peers/nanobind")?);
        tools::run(peer.arg(nanobind.join("src/nb_combined.cpp")))
    }

    fn compiler(&self, variable: &str, usual: &str, module: &str, standard: &str) -> Command {
        let mut compiler = Command::new(env::var_os(variable).unwrap_or_else(|| usual.into()));
        compiler.args([standard, "-O3", "-shared", "-fPIC", "-o"]).arg(self.file(module));
        if cfg!(target_os = "macos") {
            compiler.args(["-undefined", "dynamic_lookup"]);
        }
        compiler
    }

    /// In the release profile, as users build: without optimisation at link time. An incremental build, which the
    /// environment may ask for, would cut the crates into small parts and inline less.
    fn build_rust(&self, target: &Path, package: &str, module: &str) -> Result<()> {
        let mut build = cargo("build --quiet --release");
        build.current_dir(root().join("benches/python").join(package));
        build.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
        tools::run(build.env("PYO3_PYTHON", self.venv.program("python")))?;
        let built = target.join("release").join(format!("{DLL_PREFIX}{module}{DLL_SUFFIX}"));
        fs::copy(built, self.file(module)).map(drop).map_err(|error| self.cannot(&error))
    }

    fn file(&self, module: &str) -> PathBuf {
        self.folder.join(format!("{module}.so"))
    }

    fn cannot(&self, error: &std::io::Error) -> String {
        format!("cannot use {}: {error}", self.folder.display())
    }
}

fn include(compiler: &mut Command, folders: impl IntoIterator<Item = PathBuf>) -> &mut Command {
    compiler.args(folders.into_iter().map(|folder| {
        let mut word = OsString::from("-I");
        word.push(folder);
        word
    }))
}

/// The files in C and C++ of a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let explain = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        if path.extension().is_some_and(|end| end == "c" || end == "cpp") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the folder of nanobind, which is sources and headers, and no part of the tests' environment.
fn provide_nanobind(venv: &Venv, target: &Path) -> Result<PathBuf> {
    let folder = target.join("packages");
    let stamp = folder.join("installed.txt");
    let requirements = root().join(REQUIREMENTS);
    let wanted = read_text(&requirements)?;
    if read_text(&stamp).ok().as_ref() != Some(&wanted) {
        let mut pip = venv.command("python");
        pip.args(["-m", "pip", "-qq", "--disable-pip-version-check", "install", "--upgrade"]);
        tools::run(pip.arg("--target").arg(&folder).arg("--requirement").arg(&requirements))?;
        write(&stamp, wanted.as_bytes())?;
    }
    Ok(folder.join("nanobind"))
}
