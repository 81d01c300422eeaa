//! Shows that what foreign input reaches cannot panic: `evidence/no-panic` is compiled as users would compile it, and each of its
//! functions is linked alone, with nothing but the code that it leads to. So is each deleter of an export that it contains.

use std::path::Path;
use std::process::Stdio;

use crate::tools::{self, Result, command, output, read, rustc, target};

const PACKAGE: &str = "evidence/no-panic";

/// How the names of deleters begin.
const DELETERS: [&str; 2] =
    ["dlpack::export::block::release_in_c", "dlpack::managed::abi::delete_"];

/// Owners whose deleters must be there.
const OWNERS: [&str; 3] = ["alloc::vec::Vec<f32>", "alloc::sync::Arc<[f32]>", "[f32; 6]"];

/// The functions that end the process if an exception of C++ arrives where none may. They are no panics of this crate.
const GUARDS: [&str; 3] = ["panic_cannot_unwind", "panic_nounwind", "panic_nounwind_fmt"];

/// A function of the package.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    name: &'a str,
    /// Why it may panic, if it may.
    reason: Option<&'a str>,
}

pub(super) fn run() -> Result<(usize, String)> {
    let folder = target().join("no-panic");
    let mut cargo = command("cargo");
    cargo.args(["build", "--quiet", "--release", "--manifest-path"]);
    cargo.arg(format!("{PACKAGE}/Cargo.toml")).env("CARGO_TARGET_DIR", &folder);
    // Names with types in them: a deleter is a function for each type of owner.
    cargo.env("RUSTFLAGS", "-Csymbol-mangling-version=v0");
    tools::run(cargo.env("CARGO_INCREMENTAL", "0"))?;
    let text = read(format!("{PACKAGE}/src/lib.rs"))?;
    let (mut count, mut wrong) = (0, Vec::new());
    for Entry { name, reason } in entries(&text) {
        let panics = panics(&folder, name)?;
        match (panics.is_empty(), reason) {
            (true, None) => count += 1,
            (false, Some(reason)) => println!("{name} can panic: {reason}"),
            (false, None) => wrong.push(format!("{name} leads to {}", panics.join(", "))),
            (true, Some(_)) => wrong.push(format!("{name} no longer panics: remove the line")),
        }
    }
    let deleters = deleters(&folder)?;
    for (name, readable) in &deleters {
        let panics = panics(&folder, name)?;
        match panics.is_empty() {
            true => count += 1,
            false => wrong.push(format!("{readable} leads to {}", panics.join(", "))),
        }
    }
    for owner in OWNERS {
        if !deleters.iter().any(|(_, readable)| readable.contains(owner)) {
            wrong.push(format!("no deleter is that of an owner `{owner}`"));
        }
    }
    match wrong.is_empty() {
        true => Ok((count, format!("{} at opt-level 3", rustc()?))),
        false => Err(wrong.join("\n       ")),
    }
}

/// The functions of the package that a linker sees, in their order.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let (mut entries, mut reason) = (Vec::new(), None);
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("/// Panics: ") {
            reason = Some(words);
        }
        let function = line.strip_prefix("pub unsafe extern \"C\" fn ");
        if let Some((name, _)) = function.and_then(|line| line.split_once('(')) {
            entries.push(Entry { name, reason: reason.take() });
        }
    }
    entries
}

/// The deleters in the library: the names that a linker sees, and readable ones.
fn deleters(folder: &Path) -> Result<Vec<(String, String)>> {
    let library = folder.join("release/libdlpack_no_panic.a");
    let list = |options: &[&str]| {
        let mut nm = command("nm");
        nm.args(["--quiet", "--defined-only", "--format=posix"]).args(options).arg(&library);
        output(&mut nm)
    };
    let (names, readable) = (list(&[])?, list(&["--demangle"])?);
    let pairs = names.lines().zip(readable.lines());
    let is_deleter = |name: &str| DELETERS.iter().any(|deleter| name.starts_with(deleter));
    let pairs = pairs.filter(|(_, readable)| is_deleter(readable));
    let name = |line: &str| line.rsplitn(4, ' ').nth(3).unwrap_or(line).to_owned();
    Ok(pairs.map(|(mangled, readable)| (name(mangled), name(readable))).collect())
}

/// Links a function alone, and returns the names of the panicking functions of `core` that it leads to.
fn panics(folder: &Path, name: &str) -> Result<Vec<String>> {
    let linked = folder.join("linked");
    let mut cc = command("cc");
    cc.args(["-nostartfiles", "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all"]);
    cc.arg(format!("-Wl,--entry={name},--undefined={name}")).arg("-o").arg(&linked);
    tools::run(cc.arg(folder.join("release/libdlpack_no_panic.a")).stderr(Stdio::null()))?;
    if !output(command("nm").arg(&linked))?.lines().any(|line| line.ends_with(&format!(" {name}")))
    {
        return Err(format!("{name} is not in {}", linked.display()));
    }
    let symbols = output(command("nm").arg("-C").arg(&linked))?;
    let names = symbols.lines().filter_map(|line| Some(line.split_once("core::panicking::")?.1));
    Ok(names.filter(|name| !GUARDS.contains(name)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_with_their_reasons() {
        let text = read(format!("{PACKAGE}/src/lib.rs")).unwrap();
        let entries = entries(&text);
        assert_eq!(entries.len(), text.matches("#[unsafe(no_mangle)]").count());
        // One that panics shows that the search finds what does.
        assert_eq!(entries[0].name, "control");
        assert!(entries[0].reason.is_some());
        assert!(entries.contains(&Entry { name: "gate", reason: None }));
    }
}
