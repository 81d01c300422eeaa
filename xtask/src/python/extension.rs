//! Extensions in Rust, built by maturin and laid out in a folder for the path of an interpreter.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::{Interpreter, Venv};
use crate::tools::{self, Result};

/// An extension to build, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Extension<'a> {
    /// The folder with its manifest, relative to the root.
    pub(crate) package: &'a str,
    /// What maturin gets besides: features, a profile.
    pub(crate) options: &'a [&'a str],
    /// The target directory of cargo.
    pub(crate) target: PathBuf,
    /// The folder that it is laid out in, below `target`.
    pub(crate) name: String,
}

impl Extension<'_> {
    /// Returns the command that builds a wheel with the maturin of an environment, for any interpreter.
    pub(crate) fn build(&self, tools: &Venv, python: &Interpreter) -> Result<Command> {
        remove(&self.wheels())?;
        let mut maturin = tools.command("maturin");
        maturin.args(["build", "--quiet", "--auditwheel", "skip"]).args(self.options);
        maturin.arg("--manifest-path").arg(Path::new(self.package).join("Cargo.toml"));
        maturin.arg("--interpreter").arg(&python.program).arg("--out").arg(self.wheels());
        maturin.env("CARGO_TARGET_DIR", &self.target);
        Ok(maturin)
    }

    /// Lays out what was built, and returns the folder.
    pub(crate) fn unpack(&self, python: &Interpreter) -> Result<PathBuf> {
        let folder = self.target.join(&self.name);
        remove(&folder)?;
        let wheel = only_wheel(&self.wheels())?;
        let mut unpack = python.command();
        unpack.args(["-I", "-m", "zipfile", "-e"]).arg(wheel).arg(&folder);
        tools::run(&mut unpack)?;
        Ok(folder)
    }

    fn wheels(&self) -> PathBuf {
        self.target.join("wheels").join(&self.name)
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut wheels = files.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(format!("expected one wheel in {}", folder.display())),
    }
}
