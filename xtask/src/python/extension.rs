//! Extensions in Rust, built by maturin and laid out in a folder for the path of an interpreter.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::Venv;
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
    /// Returns the command by which an environment's maturin builds a wheel for its interpreter.
    pub(crate) fn build(&self, venv: &Venv) -> Result<Command> {
        remove(&self.wheels())?;
        let mut maturin = venv.command("maturin");
        maturin.args(["build", "--quiet", "--auditwheel", "skip"]).args(self.options);
        maturin.arg("--manifest-path").arg(Path::new(self.package).join("Cargo.toml"));
        maturin.arg("--interpreter").arg(&venv.base.program).arg("--out").arg(self.wheels());
        maturin.env("CARGO_TARGET_DIR", &self.target);
        Ok(maturin)
    }

    /// Lays out what was built, and returns the folder.
    pub(crate) fn unpack(&self, venv: &Venv) -> Result<PathBuf> {
        let folder = self.target.join(&self.name);
        remove(&folder)?;
        let mut unpack = venv.base.command();
        unpack.args(["-I", "-m", "zipfile", "-e"]).arg(only_wheel(&self.wheels())?).arg(&folder);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wheel_is_found_among_other_files() {
        let folder = std::env::temp_dir().join(format!("dlpack-wheels-{}", std::process::id()));
        assert!(only_wheel(&folder).is_err(), "there is no such folder");
        fs::create_dir_all(&folder).unwrap();
        for file in ["a-1.0-any.whl", "a-1.0.tar.gz"] {
            fs::write(folder.join(file), "").unwrap();
        }
        assert_eq!(only_wheel(&folder), Ok(folder.join("a-1.0-any.whl")));
        fs::write(folder.join("b-1.0-any.whl"), "").unwrap();
        assert!(only_wheel(&folder).is_err(), "it could be either");
        remove(&folder).unwrap();
        assert_eq!(remove(&folder), Ok(()), "nothing is left to remove");
    }
}
