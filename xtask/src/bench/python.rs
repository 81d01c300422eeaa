//! `cargo xtask bench --python`: the rows in `benches/python`, where arrays of Python's libraries go into native code
//! and out of it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kept::{self, Keep, Kept};
use super::record::{self, Row};
use super::{Options, callgrind, report};
use crate::python::Python;
use crate::tools::{self, Result, command, files, output, read, root, target, write};

const REQUIREMENTS: &str = "benches/python/requirements.txt";

/// Packages in Rust and the modules that come of them. Each has a lock file of its own, as two that link to one Python
/// through different versions of PyO3 cannot be in one workspace.
const CRATES: [(&str, &str); 5] = [
    ("ours", "ours"),
    ("peers/dlpark", "peer_dlpark"),
    ("peers/dlpack-rs", "peer_dlpack_rs"),
    ("peers/pyo3-dlpack", "peer_pyo3_dlpack"),
    ("peers/rust-numpy", "peer_rust_numpy"),
];

/// Where the counts of this project are kept, for the rows that need only NumPy.
pub(super) const COUNTS: &str = "benches/python/counts.tsv";

/// The rows that need only NumPy.
const NUMPY_ROWS: [&str; 12] = [
    "numpy-protocol",
    "numpy",
    "table-view",
    "table",
    "give-view",
    "give",
    "dlpack",
    "to-numpy",
    "package-to-numpy",
    "refuse-numpy",
    "flat-numpy",
    "flat-give",
];

/// Prints the versions of Python and NumPy, on which the counts depend.
const WITH: &str = "
import platform, numpy
print(f'{platform.python_implementation()} {platform.python_version()}, NumPy {numpy.__version__}')
";

/// Asks where the headers of Python and of tvm-ffi are, and the library of the latter.
const PATHS: &str = "
import importlib.util, pathlib, sysconfig
tvm_ffi = pathlib.Path(importlib.util.find_spec('tvm_ffi').origin).parent
print(sysconfig.get_path('include'), tvm_ffi / 'include', tvm_ffi / 'lib', sep='\\n')
";

pub(super) fn run(options: &Options<'_>) -> Result<bool> {
    let python = Python::usual()?;
    let venv = python.venv("requirements")?.join("python");
    let modules = folder().join(format!("modules-{}", python.version));
    build(&python, &venv, &modules)?;
    let program = || program(&venv, &modules);
    if options.is_check {
        tools::run(program().arg("check").args(&options.rows))?;
        return Ok(true);
    }
    let mut rows = record::read(&output(program().arg("list").args(&options.rows))?)?;
    for row in &mut rows {
        println!("{}", row.name);
        record::add(row, &output(program().args([options.how(), &row.name]))?)?;
    }
    if options.counts && output(program().arg("can-count"))? == "yes\n" {
        println!("instructions");
        count(&mut rows, &program(), "count")?;
    }
    report("dlpack-pyo3", &rows, &folder())
}

/// Counts the instructions of this project's contenders in the rows that need only NumPy.
pub(super) fn keep(keep: Keep) -> Result<bool> {
    let python = Python::usual()?;
    let venv = python.venv("requirements-small")?.join("python");
    let with = output(command(&venv.to_string_lossy()).args(["-I", "-c", WITH]))?;
    let kept = Kept { file: COUNTS, with: format!("{}, {}", with.trim(), callgrind::with()?) };
    if keep == Keep::Comparable {
        return kept.check_comparable().map(|()| true);
    }
    let modules = folder().join(format!("modules-{}-alone", python.version));
    let include = "import sysconfig; print(sysconfig.get_path('include'))";
    let include = output(command(&venv.to_string_lossy()).args(["-I", "-c", include]))?;
    build_floors(include.trim(), &modules)?;
    build_crate(&python, &modules, CRATES[0])?;
    build_package(&python, &modules)?;
    let program = || program(&venv, &modules);
    if output(program().arg("can-count"))? != "yes\n" {
        return Err("callgrind.h is not installed: `apt-get install valgrind`".to_owned());
    }
    let mut rows = record::read(&output(program().arg("list").args(NUMPY_ROWS))?)?;
    kept::own(&mut rows);
    count(&mut rows, &program(), "count-own")?;
    kept.keep(&rows, keep)
}

/// The program that measures. Hashes are the same in every run, so that the same instructions are counted; JAX would look for
/// other devices.
fn program(venv: &Path, modules: &Path) -> Command {
    let mut program = command(&venv.to_string_lossy());
    program.env("PYTHONPATH", modules).env("PYTHONHASHSEED", "0").env("JAX_PLATFORMS", "cpu");
    program.arg(root().join("benches/python"));
    program
}

/// Counts for all rows in one process: importing the libraries under valgrind takes longest.
fn count(rows: &mut [Row], program: &Command, how: &str) -> Result<()> {
    let file = folder().join("callgrind/out");
    write(&file, "")?;
    let mut command = callgrind::around(program, &file);
    command.arg(how).arg(&file).args(rows.iter().map(|row| &row.name));
    for line in output(&mut command)?.lines() {
        let name = line.split('\t').nth(1);
        let row = rows.iter_mut().find(|row| Some(row.name.as_str()) == name);
        record::add(row.ok_or_else(|| record::unexpected(line))?, line)?;
    }
    Ok(())
}

/// A folder of its own in the target directory: for what is built, and for what comes out.
fn folder() -> PathBuf {
    target().join("benches/python")
}

/// Builds what the rows import, with optimisation, as users would: each floor and contender is a module of its own.
fn build(python: &Python, venv: &Path, modules: &Path) -> Result<()> {
    let answer = output(command(&venv.to_string_lossy()).args(["-I", "-c", PATHS]))?;
    let [include, tvm_ffi, library] = answer.lines().collect::<Vec<_>>()[..] else {
        return Err(format!("expected three folders, found {answer}"));
    };
    build_floors(include, modules)?;
    let flags = format!("-std=c++17 -I{tvm_ffi} -L{library} -ltvm_ffi");
    compile("c++", modules, "peer_tvm_ffi", &flags, "peers/tvm_ffi")?;
    // As its authors have it for those without CMake.
    let nanobind = nanobind(venv)?;
    let flags = format!(
        "-std=c++17 -fvisibility=hidden -fno-strict-aliasing -DNDEBUG -DNB_COMPACT_ASSERTIONS \
         -ffunction-sections -fdata-sections -I{0}/include -I{0}/ext/robin_map/include -I{include} \
         {0}/src/nb_combined.cpp",
        nanobind.display()
    );
    compile("c++", modules, "peer_nanobind", &flags, "peers/nanobind")?;
    build_package(python, modules)?;
    CRATES.iter().try_for_each(|package| build_crate(python, modules, *package))
}

/// Puts the Python package where the rows import it, without its tests.
fn build_package(python: &Python, modules: &Path) -> Result<()> {
    let (sources, package) = (root().join("python/dlpack"), modules.join("dlpack"));
    fs::create_dir_all(&package)
        .map_err(|error| format!("cannot make {}: {error}", package.display()))?;
    for file in files(&sources, &["py"])? {
        if let (Some(name), true) = (file.file_name(), file.parent() == Some(sources.as_path())) {
            write(package.join(name), &read(&file)?)?;
        }
    }
    build_crate(python, &package, ("../../python", "_core"))
}

/// Builds the floors, with the headers of Python from a folder.
fn build_floors(include: &str, modules: &Path) -> Result<()> {
    if !Path::new(include).join("Python.h").is_file() {
        return Err(format!(
            "there is no {include}/Python.h: Debian has it in the package `python3-dev`"
        ));
    }
    fs::create_dir_all(modules)
        .map_err(|error| format!("cannot make {}: {error}", modules.display()))?;
    let standard = root().join("vendor/dlpack/include");
    let flags =
        format!("-std=c11 -fvisibility=hidden -Wall -Wextra -I{include} -I{}", standard.display());
    compile("cc", modules, "floors", &flags, "floors")
}

fn compile(compiler: &str, modules: &Path, module: &str, flags: &str, folder: &str) -> Result<()> {
    let mut command = command(compiler);
    command.args("-O3 -shared -fPIC -o".split(' ')).arg(modules.join(format!("{module}.so")));
    if cfg!(target_os = "macos") {
        command.args(["-undefined", "dynamic_lookup"]);
    }
    command.args(files(&root().join("benches/python").join(folder), &["c", "cpp"])?);
    tools::run(command.args(flags.split_whitespace()))
}

fn build_crate(python: &Python, modules: &Path, (package, module): (&str, &str)) -> Result<()> {
    let mut build = command("cargo");
    build.args("build --quiet --release".split(' '));
    // An incremental build would cut the crates into small parts and inline less.
    build.env("CARGO_TARGET_DIR", folder()).env("CARGO_INCREMENTAL", "0");
    build.current_dir(root().join("benches/python").join(package));
    // The interpreter is not that of a virtual environment, so that all environments share what is built.
    tools::run(build.env("PYO3_PYTHON", &python.program))?;
    let built = folder().join("release").join(format!("{DLL_PREFIX}{module}{DLL_SUFFIX}"));
    let copied = fs::copy(&built, modules.join(format!("{module}.so")));
    copied.map(drop).map_err(|error| format!("cannot copy {}: {error}", built.display()))
}

/// Returns the folder of nanobind, which is sources and headers, and no part of the tests' environment.
fn nanobind(venv: &Path) -> Result<PathBuf> {
    let packages = folder().join("packages");
    let (stamp, wanted) = (packages.join("installed.txt"), read(REQUIREMENTS)?);
    if read(&stamp).ok().as_ref() != Some(&wanted) {
        let mut pip = command(&venv.to_string_lossy());
        pip.args("-m pip -qq --disable-pip-version-check install --upgrade --target".split(' '));
        tools::run(pip.arg(&packages).args(["--requirement", REQUIREMENTS]))?;
        write(&stamp, &wanted)?;
    }
    Ok(packages.join("nanobind"))
}
