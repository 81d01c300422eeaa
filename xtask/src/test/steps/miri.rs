//! The tests in pure Rust, interpreted by Miri.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::FEW_CASES;
use crate::tools::root;

/// proptest looks for files of earlier failures.
const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-disable-isolation";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let Some(toolchain) = [None, Some("nightly")].into_iter().find(|name| is_there(*name)) else {
        return Err(Stop::Missing(
            "Miri is not installed: `rustup component add miri --toolchain nightly`".to_owned(),
        ));
    };
    let mut command = miri(toolchain, "test -p dlpack --no-fail-fast --features half,num-complex");
    suite.test(&mut command)?;
    let mut command = miri(toolchain, "test -p dlpack-tests --no-fail-fast");
    for name in pure_tests(&root().join("tests"))? {
        command.args(["--test", &name]);
    }
    suite.test(&mut command)
}

fn is_there(toolchain: Option<&str>) -> bool {
    let output = miri(toolchain, "--version").output();
    output.is_ok_and(|output| output.status.success())
}

fn miri(toolchain: Option<&str>, arguments: &str) -> Command {
    let mut command = match toolchain {
        None => cargo("miri"),
        Some(name) => {
            let mut command = Command::new("rustup");
            command.args(["run", name, "cargo", "miri"]).env_remove("CARGO");
            command
        }
    };
    command.args(arguments.split_whitespace());
    command.env("MIRIFLAGS", FLAGS).env(FEW_CASES.0, FEW_CASES.1);
    command
}

/// Returns the integration tests that do not call the C library, which Miri cannot.
fn pure_tests(folder: &Path) -> Outcome<Vec<String>> {
    let explain = |error| Stop::Failed(format!("cannot read {}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        let is_test =
            path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").is_file();
        if let (true, Some(name)) = (is_test && !mentions_harness(&path), path.file_stem()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn mentions_harness(path: &Path) -> bool {
    if let Ok(mut entries) = fs::read_dir(path) {
        return entries.any(|entry| entry.is_ok_and(|entry| mentions_harness(&entry.path())));
    }
    fs::read_to_string(path).is_ok_and(|text| text.contains("harness::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_the_c_library_are_left_out() {
        let names = pure_tests(&root().join("tests")).unwrap();
        assert!(names.contains(&"layout".to_owned()), "{names:?}");
        assert!(!names.contains(&"harness_self".to_owned()), "{names:?}");
    }
}
