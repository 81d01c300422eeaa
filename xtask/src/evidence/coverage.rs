//! Which lines and branches of `dlpack` the tests in Rust run, and which of `dlpack-pyo3` those in Python. The lines that they do not
//! run are in `evidence/uncovered.txt`, each with a reason.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::place_extension;
use crate::python::Python;
use crate::tools::{self, Result, command, host, output, read, root, target, write};

/// Each line of it is a file, a function in it, and why no test runs some lines of the function, between tabs.
const FILE: &str = "evidence/uncovered.txt";

/// The reason of lines that are not counted.
const AT_COMPILE_TIME: &str = "when the crate is compiled";

/// The shares of lines, in percent, that tests must run.
const LEAST: u64 = 98;
const LEAST_IN_PYTHON: u64 = 95;

const TYPES: &str = "half,num-complex,ndarray,nalgebra,faer,bytes";

/// A line of code that is in a test's program, and whether it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    file: String,
    number: usize,
    ran: bool,
}

pub(super) fn run() -> Result<(usize, String)> {
    let folder = target().join("coverage");
    let raw = folder.join("raw");
    fs::remove_dir_all(&raw).ok();
    let programs = test(&folder, &raw)?;
    measure(&folder, &raw, &programs, "dlpack/src", LEAST)
}

/// The same of `dlpack-pyo3`, in the extension of its tests in Python.
pub(super) fn run_python() -> Result<(usize, String)> {
    let folder = target().join("coverage/python");
    let raw = folder.join("raw");
    fs::remove_dir_all(&raw).ok();
    let library = test_in_python(&folder, &raw)?;
    measure(&folder, &raw, &[library], "dlpack-pyo3/src", LEAST_IN_PYTHON)
}

/// Reads what the counters say of the sources in a folder, and compares it with the reasons.
fn measure(
    folder: &Path,
    raw: &Path,
    programs: &[PathBuf],
    sources: &str,
    least: u64,
) -> Result<(usize, String)> {
    let (profdata, cov) = (llvm("profdata")?, llvm("cov")?);
    let merged = folder.join("merged.profdata");
    let mut merge = command(&profdata);
    // A process that ends in the middle of writing leaves a file that cannot be read.
    merge.args(["merge", "--sparse", "--failure-mode=all", "-o"]).arg(&merged);
    for file in tools::files(raw, &["profraw"])? {
        merge.arg(file);
    }
    tools::run(&mut merge)?;
    let mut export = command(&cov);
    export.args(["export", "--format=lcov"]).arg(format!("--instr-profile={}", merged.display()));
    for program in programs {
        export.arg("--object").arg(program);
    }
    let report = output(export.arg("--sources").arg(root().join(sources)))?;
    write(folder.join("lcov.info"), &report)?;
    let (lines, branches) = parse(&report);
    let at_compile_time = check(&lines, sources)?;
    let (ran, all) = (lines.iter().filter(|line| line.ran).count(), lines.len() - at_compile_time);
    let share = ran * 1000 / all.max(1);
    if u64::try_from(share).unwrap_or(0) < least * 10 {
        return Err(format!("{} % of lines ran, of which {least} % should", percent(share)));
    }
    let with = format!(
        "{} % of lines; {} of {} branches not, of which nothing says why",
        percent(share),
        branches.1 - branches.0,
        branches.1
    );
    Ok((all, with))
}

fn percent(tenths: usize) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The program of LLVM that reads what this compiler writes: Debian has it with the version in its name.
fn llvm(name: &str) -> Result<String> {
    if let Ok(program) = env::var(format!("LLVM_{}", name.to_uppercase())) {
        return Ok(program);
    }
    let about = output(command("rustc").arg("-vV"))?;
    let version = about.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let version = version.and_then(|version| version.split('.').next()).unwrap_or_default();
    let program = format!("llvm-{name}-{version}");
    match tools::succeeds(command(&program).arg("--version")) {
        true => Ok(program),
        false => Err(format!("{program} is not installed: `apt-get install llvm-{version}`")),
    }
}

/// Runs the tests, and returns their programs.
fn test(folder: &Path, raw: &Path) -> Result<Vec<PathBuf>> {
    let host = host()?;
    let cargo = |more: &[&str]| {
        let mut cargo = command("cargo");
        cargo.args(["test", "-p", "dlpack", "-p", "dlpack-tests", "--tests", "--features", TYPES]);
        // With a target named, build scripts and macros are built without counters.
        cargo.args(["--target", &host]).args(more);
        cargo
            .env("CARGO_TARGET_DIR", folder)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Cinstrument-coverage -Zcoverage-options=branch")
            .env("LLVM_PROFILE_FILE", raw.join("%m.profraw"));
        cargo
    };
    let built = output(&mut cargo(&["--no-run", "--message-format=json"]))?;
    let programs = built.lines().filter_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    });
    let programs: Vec<PathBuf> = programs.collect();
    output(&mut cargo(&[]))?;
    Ok(programs)
}

/// Builds the extension of the tests in Python, runs them, and returns the extension. It is not installed, but found by its path.
fn test_in_python(folder: &Path, raw: &Path) -> Result<PathBuf> {
    let (host, python) = (host()?, Python::usual()?);
    let venv = python.venv("requirements")?;
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--manifest-path", "dlpack-pyo3/tests/extension/Cargo.toml"])
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", folder)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("PYO3_PYTHON", &python.program)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cinstrument-coverage -Zcoverage-options=branch");
    tools::run(&mut cargo)?;
    let modules = folder.join("modules");
    let library = place_extension(&folder.join(host).join("debug"), &modules)?;
    let mut pytest = command(&venv.join("python").to_string_lossy());
    pytest.args("-m pytest -q --color=no --disable-warnings -p no:cacheprovider".split(' '));
    pytest.args(["--installed", "dlpack-pyo3/tests/python"]).env("PYTHONPATH", &modules);
    tools::run(pytest.env("LLVM_PROFILE_FILE", raw.join("%m.profraw")))?;
    Ok(library)
}

/// Returns the lines, and how many branches ran of how many.
fn parse(report: &str) -> (Vec<Line>, (usize, usize)) {
    let (mut lines, mut branches, mut file) = (Vec::new(), (0, 0), String::new());
    let root = format!("{}/", root().display());
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = path.replace(&root, "");
        } else if let Some((number, count)) =
            line.strip_prefix("DA:").and_then(|it| it.split_once(','))
        {
            let number = number.parse().unwrap_or(0);
            lines.push(Line { file: file.clone(), number, ran: count != "0" });
        } else if let Some(fields) = line.strip_prefix("BRDA:") {
            let count = fields.rsplit(',').next().unwrap_or("-");
            branches.0 += usize::from(!["0", "-"].contains(&count));
            branches.1 += 1;
        }
    }
    (lines, branches)
}

/// Fails if a line that did not run has no reason. Returns how many of them run when the crate is compiled.
fn check(lines: &[Line], sources: &str) -> Result<usize> {
    let reasons = read(FILE)?;
    let reasons = reasons.lines().filter(|line| line.starts_with(sources));
    let mut reasons: Vec<(Vec<&str>, bool)> =
        reasons.map(|line| (line.split('\t').collect(), false)).collect();
    let (mut without, mut at_compile_time) = (Vec::new(), 0);
    for line in lines.iter().filter(|line| !line.ran) {
        let text = read(&line.file)?;
        let name = function(&text, line.number);
        let known = reasons.iter_mut().find(
            |(reason, _)| matches!(reason[..], [file, known, _] if line.file == file && known == name),
        );
        match known {
            Some((reason, used)) => {
                *used = true;
                at_compile_time += usize::from(reason[2] == AT_COMPILE_TIME);
            }
            None => without.push(format!("{}\t{name}\t(line {})", line.file, line.number)),
        }
    }
    without.iter().for_each(|line| println!("{line}"));
    for (reason, _) in reasons.iter().filter(|(_, used)| !used) {
        println!("{FILE}: runs now: {}", reason.join(", "));
    }
    match without.len() {
        0 => Ok(at_compile_time),
        count => Err(format!("{count} lines did not run, and {FILE} does not say why")),
    }
}

/// The name of the function that a line is in.
fn function(text: &str, number: usize) -> &str {
    let before: Vec<&str> = text.lines().take(number).collect();
    let code = before.into_iter().rev().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = code.filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next());
    names.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let report = "SF:/a.rs\nDA:3,0\nDA:4,7\nBRDA:3,0,0,-\nBRDA:4,0,1,2\nend_of_record\n";
        let (lines, branches) = parse(report);
        assert_eq!((lines.len(), branches), (2, (1, 2)));
        assert_eq!(lines[0], Line { file: "/a.rs".to_owned(), number: 3, ran: false });
        assert!(lines[1].ran);
        assert_eq!(percent(987), "98.7");
        assert_eq!(function("fn one<T>() {\n  1\n}\nfn two() {\n  2\n", 5), "two");
    }
}
