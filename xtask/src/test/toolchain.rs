//! Rust compilers besides the active one: the oldest supported, and one that comes with the library's source.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use super::suite::{Outcome, Stop, Suite};
use crate::tools::{self, output, root};

/// The `rust-version` of the workspace.
const OLDEST: &str = "1.85";

/// Debian 12's build of the oldest compiler, and its library as source.
const DEBIAN_RUST: [&str; 4] =
    ["rustc-web", "libstd-rust-web-1.85", "libstd-rust-web-dev", "rust-web-src"];

/// What it links to and what a small installation may lack.
const DEBIAN_LIBRARIES: [&str; 8] =
    ["libllvm19", "libz3-4", "libedit2", "libbsd0", "libmd0", "libffi8", "libxml2", "libicu72"];

/// A compiler and where its files are.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// None is the active one, which cargo finds by itself.
    rustc: Option<PathBuf>,
    sysroot: PathBuf,
    /// Where its shared libraries are, unless it finds them by itself.
    libraries: Option<PathBuf>,
}

impl Toolchain {
    pub(crate) fn active() -> Outcome<Self> {
        let sysroot = PathBuf::from(ask_rustc(&["--print", "sysroot"])?);
        Ok(Self { rustc: None, sysroot, libraries: None })
    }

    /// Returns a compiler of the oldest supported version; Debian's is downloaded if there is none.
    pub(crate) fn oldest(suite: &mut Suite) -> Outcome<Self> {
        rustup().map_or_else(|| debian(suite), Ok)
    }

    /// Returns a compiler that can build the standard library for any target.
    pub(crate) fn with_source(suite: &mut Suite) -> Outcome<Self> {
        let found = [Some(Self::active()?), rustup()].into_iter().flatten();
        found.into_iter().find(Self::has_source).map_or_else(|| debian(suite), Ok)
    }

    /// Makes cargo use this compiler.
    pub(crate) fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// Returns the folder of the target's compiled libraries and sanitizer runtimes.
    pub(crate) fn target_libraries(&self, target: &str) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(target).join("lib")
    }

    fn has_source(&self) -> bool {
        self.sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
    }
}

/// Returns the target that the active compiler runs on.
pub(crate) fn host() -> Outcome<String> {
    let version = ask_rustc(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Stop::Failed("rustc does not name its host".to_owned()))
}

fn ask_rustc(arguments: &[&str]) -> Outcome<String> {
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let answer = output(Command::new(rustc).args(arguments))?;
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

fn rustup() -> Option<Toolchain> {
    let mut command = Command::new("rustup");
    command.args(["which", "rustc", "--toolchain", OLDEST]).env("RUSTUP_AUTO_INSTALL", "0");
    let answer = command.stderr(Stdio::null()).output().ok()?;
    let rustc = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    let sysroot = rustc.ancestors().nth(2)?.to_owned();
    let is_found = answer.status.success() && rustc.is_file();
    is_found.then_some(Toolchain { rustc: Some(rustc), sysroot, libraries: None })
}

/// Unpacks Debian's packages beside the checkout's other tools: nothing is installed.
fn debian(suite: &mut Suite) -> Outcome<Toolchain> {
    let folder = root().join(".tools/rust-1.85");
    if !folder.is_dir() {
        let packages = debian_packages()?;
        println!("  rustc {OLDEST} is not installed: downloading Debian's into .tools/rust-1.85");
        unpack(suite, &packages, &folder)?;
    }
    Ok(Toolchain {
        rustc: Some(folder.join("usr/bin/rustc")),
        sysroot: folder.join("usr"),
        libraries: Some(folder.join("usr/lib").join(host()?.replace("-unknown", ""))),
    })
}

/// Names the packages with the version that `apt` offers.
fn debian_packages() -> Outcome<Vec<String>> {
    let missing = || {
        Stop::Missing(format!(
            "rustc {OLDEST} is not installed: `rustup toolchain install {OLDEST} --component rust-src`; \
             Debian 12 has it too, after `apt-get update`"
        ))
    };
    let mut madison = Command::new("apt-cache");
    madison.arg("madison").arg(DEBIAN_RUST[0]).stderr(Stdio::null());
    let listed = madison.output().map_err(|_| missing())?.stdout;
    let listed = String::from_utf8_lossy(&listed);
    let version = offered(&listed).ok_or_else(missing)?;
    let rust = DEBIAN_RUST.iter().map(|name| format!("{name}={version}"));
    Ok(rust.chain(DEBIAN_LIBRARIES.iter().map(|&name| name.to_owned())).collect())
}

/// Returns the first version of the oldest compiler in lines of `package | version | source`.
fn offered(listed: &str) -> Option<&str> {
    let versions = listed.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions
        .into_iter()
        .find(|version| version.strip_prefix(OLDEST).is_some_and(|rest| rest.starts_with('.')))
}

fn unpack(suite: &mut Suite, packages: &[String], folder: &Path) -> Outcome {
    let explain = |error| Stop::Failed(format!("cannot use {}: {error}", folder.display()));
    let downloads = folder.with_extension("downloads");
    let unfinished = folder.with_extension("unfinished");
    for stale in [&downloads, &unfinished] {
        if stale.exists() {
            fs::remove_dir_all(stale).map_err(explain)?;
        }
        fs::create_dir_all(stale).map_err(explain)?;
    }
    let mut download = Command::new("apt-get");
    suite.run(download.arg("download").args(packages).current_dir(&downloads))?;
    for file in fs::read_dir(&downloads).map_err(explain)? {
        let file = file.map_err(explain)?.path();
        tools::run(Command::new("dpkg").arg("-x").arg(file).arg(&unfinished))?;
    }
    fs::remove_dir_all(&downloads).map_err(explain)?;
    fs::rename(&unfinished, folder).map_err(explain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::read_text;

    #[test]
    fn the_oldest_compiler_is_that_of_the_workspace() {
        let manifest = read_text(&root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("rust-version = \"{OLDEST}\"")));
    }

    #[test]
    fn the_offer_of_the_right_version_is_taken() {
        let listed = " rustc-web | 1.96.0+dfsg1-1 | http://a Packages\n rustc-web | 1.85.0+dfsg3-1 | http://b Packages\n";
        assert_eq!(offered(listed), Some("1.85.0+dfsg3-1"));
        assert_eq!(offered(" rustc-web | 1.850.0 | http://a Packages\n"), None);
        assert_eq!(offered(""), None);
    }
}
