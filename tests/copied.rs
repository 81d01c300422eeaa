//! The examples compile where a user copies them to: in an empty project that depends on the crates, and on no test code.
//!
//! `cargo test --test copied -- --ignored`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples, each with the file of C beside it, if there is one.
fn examples() -> Vec<(PathBuf, Option<PathBuf>)> {
    let entries = fs::read_dir(root().join("examples")).expect("the examples");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut found: Vec<_> = rust
        .map(|path| {
            let c = path.with_extension("c");
            (path, c.exists().then_some(c))
        })
        .collect();
    found.sort();
    found
}

/// A project with the crates that its manifest names, in a folder of its own.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, dependencies: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copied").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src/bin")).expect("a folder");
        let path = |name: &str| root().join(name).display().to_string().replace('\\', "/");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{}\n",
            dependencies.replace("{dlpack}", &path("dlpack")).replace("{sys}", &path("dlpack-sys"))
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        // The versions that are there without a network.
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
        Self(folder)
    }

    fn copy(&self, from: &Path, to: &str) {
        let name = from.file_name().expect("a file");
        fs::copy(from, self.0.join(to).join(name)).expect("a copy");
    }

    fn cargo(&self, command: &str) {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.current_dir(&self.0).args([command, "--offline", "--bins", "--target-dir"]);
        cargo.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("copied/target"));
        let status = cargo.status().expect("cargo");
        assert!(status.success(), "cargo {command} in {}", self.0.display());
    }
}

#[test]
#[ignore = "compiles all dependencies anew; `cargo xtask test --all` runs it"]
fn examples_compile_in_an_empty_project() {
    let (with_c, mut alone): (Vec<_>, Vec<_>) =
        examples().into_iter().partition(|(_, c)| c.is_some());
    // These compile for minutes, with what the package of the tests depends on in the same way.
    alone.retain(|(rust, _)| !rust.ends_with("column_major.rs") && !rust.ends_with("ndarray.rs"));
    assert!(with_c.len() >= 2 && alone.len() >= 10);

    let project = Project::new(
        "in-rust",
        "dlpack = { path = \"{dlpack}\", features = [\"half\"] }\nhalf = \"2\"\n\n\
         [features]\ndefault = [\"half\"]\nhalf = []",
    );
    for (rust, _) in &alone {
        project.copy(rust, "src/bin");
    }
    project.cargo("check");

    // As their documentation says.
    let project = Project::new(
        "with-c",
        "dlpack = { path = \"{dlpack}\" }\ndlpack-sys = { path = \"{sys}\" }\n\n[build-dependencies]\ncc = \"1\"",
    );
    let mut script = String::new();
    for (rust, c) in &with_c {
        let text = fs::read_to_string(rust).expect("text");
        let line = text.split('`').find(|code| code.starts_with("cc::Build::new()"));
        script += line.unwrap_or_else(|| panic!("{} says how to compile its C", rust.display()));
        project.copy(rust, "src/bin");
        project.copy(c.as_ref().expect("a file of C"), "");
    }
    fs::write(project.0.join("build.rs"), format!("fn main() {{ {script} }}\n")).expect("a script");
    project.cargo("build");
}

#[test]
fn examples_name_no_test_code() {
    for (rust, _) in examples() {
        let text = fs::read_to_string(&rust).expect("text");
        for name in ["harness", "dlpack_tests"] {
            assert!(!text.contains(name), "{} uses {name}", rust.display());
        }
    }
}
