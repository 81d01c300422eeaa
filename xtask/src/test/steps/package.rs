//! What `cargo publish` would upload.

use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::pyo3;
use crate::python::Absent;
use crate::tools::root;

/// Files that each package must hold.
const BOTH: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];
const SYS: [&str; 2] = ["include/dlpack/dlpack.h", "src/bindings.rs"];
const SAFE: [&str; 1] = ["README.md"];
const PYTHON: [&str; 2] = ["README.md", "build.rs"];

/// What a package may hold besides; anything else got in by mistake.
const ADDED_BY_CARGO: [&str; 4] =
    [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];
const FOLDERS: [(&str, &str); 4] =
    [("src/", ".rs"), ("doc/", ".rs"), ("generate/", ".rs"), ("include/", ".h")];
const FILES: [&str; 3] = ["README.md", "CHANGELOG.md", "build.rs"];

pub(super) fn run(suite: &mut Suite) -> Outcome {
    package(suite, "dlpack-sys", &SYS, |_| Ok(()))?;
    package(suite, "dlpack", &SAFE, |_| Ok(()))?;
    let target = suite.own_target("pyo3-absent");
    package(suite, "dlpack-pyo3", &PYTHON, |command| {
        command.args(["--manifest-path", pyo3::MANIFEST]).env("CARGO_TARGET_DIR", &target);
        Absent::USUAL.choose(command, &target.with_extension("txt")).map(drop)
    })
}

/// Looks at what would be uploaded, and builds from it.
fn package(
    suite: &mut Suite,
    name: &str,
    own: &[&str],
    prepare: impl Fn(&mut Command) -> Result<(), String>,
) -> Outcome {
    let mut list = cargo(&format!("package -p {name} --allow-dirty --list"));
    prepare(&mut list)?;
    let listed = suite.run(&mut list)?;
    check(&listed, own).map_err(|problem| Stop::Failed(format!("{name}: {problem}")))?;
    let mut build = cargo(&format!("package -p {name} --allow-dirty"));
    prepare(&mut build)?;
    // With `publish = false` cargo does not see that the one package brings the other.
    for other in ["dlpack-sys", "dlpack"] {
        let local = format!("patch.crates-io.{other}.path={:?}", root().join(other));
        build.args(["--config", &local]);
    }
    suite.run(&mut build).map(drop)
}

/// Compares a list of files to what must and may be in it; lines of other kinds contain spaces.
fn check(listed: &str, own: &[&str]) -> Result<(), String> {
    let files: Vec<&str> = listed.lines().filter(|line| !line.contains(' ')).collect();
    let missing = BOTH.iter().chain(own).find(|name| !files.contains(name));
    if let Some(name) = missing {
        return Err(format!("the package lacks {name}"));
    }
    match files.iter().find(|name| !is_expected(name)) {
        Some(name) => Err(format!("{name} is not meant to be in the package")),
        None => Ok(()),
    }
}

fn is_expected(name: &str) -> bool {
    let in_folder = |(folder, end): &(&str, &str)| name.starts_with(folder) && name.ends_with(end);
    BOTH.contains(&name)
        || ADDED_BY_CARGO.contains(&name)
        || FILES.contains(&name)
        || FOLDERS.iter().any(in_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str =
        "Cargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs\nsrc/a/b.rs\n";

    #[test]
    fn a_whole_package_is_accepted() {
        let listed = format!("warning: manifest has no homepage\n{LISTED}");
        assert_eq!(check(&listed, &SAFE), Ok(()));
    }

    #[test]
    fn a_missing_file_is_named() {
        assert_eq!(
            check(LISTED, &SYS),
            Err("the package lacks include/dlpack/dlpack.h".to_owned())
        );
    }

    #[test]
    fn junk_is_named() {
        for junk in ["src/lib.rs.orig", "notes.txt", "target/debug/a.rs"] {
            let problem = check(&format!("{LISTED}{junk}\n"), &SAFE);
            assert_eq!(problem, Err(format!("{junk} is not meant to be in the package")));
        }
    }
}
