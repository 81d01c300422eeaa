//! What every task needs: the root of the checkout, files, and programs of the system.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// The error is one line, ready to be shown.
pub(crate) type Result<T> = core::result::Result<T, String>;

/// Set where this program stands in for rustdoc; its value is the rustdoc to run. Only rustdoc may use unstable options:
/// cargo would pass the permission on to build scripts and build every dependency again.
pub(crate) const STANDS_IN: &str = "XTASK_RUSTDOC";

/// Returns the root of the checkout.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns the target directory that cargo chose: this program is its `debug/xtask`.
pub(crate) fn target() -> PathBuf {
    program().ancestors().nth(2).map_or_else(|| root().join("target"), Path::to_owned)
}

/// Returns the path of this program.
pub(crate) fn program() -> PathBuf {
    env::current_exe().unwrap_or_default()
}

/// Returns a command that runs at the root; `cargo` is the one that runs this program.
pub(crate) fn command(program: &str) -> Command {
    let cargo = env::var_os("CARGO").filter(|_| program == "cargo");
    let mut command = Command::new(cargo.unwrap_or_else(|| program.into()));
    // Cargo describes xtask to this process; a build below it is of other packages.
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&key);
        }
    }
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Returns the target that the compiler builds for by itself.
pub(crate) fn host() -> Result<String> {
    let about = output(command("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc names no host".to_owned())
}

/// Returns the version of the compiler, as `rustc 1.95.0`.
pub(crate) fn rustc() -> Result<String> {
    let version = output(command("rustc").arg("--version"))?;
    Ok(version.split(' ').take(2).collect::<Vec<_>>().join(" "))
}

/// Returns which of the known flags are among the words, and the other words.
pub(crate) fn flags<'a, const N: usize>(
    words: &[&'a str],
    known: [&str; N],
) -> Result<([bool; N], Vec<&'a str>)> {
    let (flags, others): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    match flags.iter().find(|flag| !known.contains(flag)) {
        Some(flag) => Err(format!("expected one of `{}`, found `{flag}`", known.join("`, `"))),
        None => Ok((known.map(|name| flags.contains(&name)), others)),
    }
}

/// Returns whether `--check` is given; nothing else may be.
pub(crate) fn wants_check(words: &[&str]) -> Result<bool> {
    match words {
        [] => Ok(false),
        ["--check"] => Ok(true),
        _ => Err(format!("expected `--check` or nothing, found `{}`", words.join(" "))),
    }
}

/// Reads a file; a relative path starts at the root.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = root().join(path);
    fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Writes a file, and makes the folder that it is in.
pub(crate) fn write(path: impl AsRef<Path>, content: &str) -> Result<()> {
    let path = root().join(path);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, content))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Returns the files below a folder whose names end so, in order.
pub(crate) fn files(folder: &Path, ends: &[&str]) -> Result<Vec<PathBuf>> {
    let explain = |error| format!("cannot read {}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        if path.is_dir() {
            found.extend(files(&path, ends)?);
        } else if path.extension().is_some_and(|end| ends.iter().any(|known| end == *known)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns whether a program is there and succeeds; nothing of what it writes is seen.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a program to its end; what it writes is seen as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::inherit())).map(drop)
}

/// Runs a program to its end and returns what it wrote.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    finish(command.stdout(Stdio::piped()))
}

fn finish(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.stderr(Stdio::inherit()).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            // It may say why.
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            Err(format!("{name} failed: {}", output.status))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("{name} is not installed"))
        }
        Err(error) => Err(format!("cannot run {name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_other_words_are_told_apart() {
        let (found, others) = flags(&["import", "--quick"], ["--check", "--quick"]).unwrap();
        assert_eq!((found, others), ([false, true], vec!["import"]));
        assert!(flags(&["--fast"], ["--check"]).unwrap_err().ends_with("found `--fast`"));
        assert!(wants_check(&["check"]).is_err());
    }
}
