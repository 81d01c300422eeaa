//! `cargo xtask figures`: how large the crate is, and how much of it users meet.

use alloc::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::api::Api;
use crate::tools::{Result, files, read, root};

pub(crate) const HELP: &str = "\
counts lines of code and public names

Usage: cargo xtask figures

Code is counted in lines without comments, blank lines and unit tests; of xtask, these count, and what keeps evidence does not.
A figure with a limit shows it.
";

const SOURCES: &str = "dlpack/src";

/// What one reads to judge the `unsafe` code.
const CORE: [&str; 5] = ["layout", "dims", "view", "managed", "export"];

/// The types that own a C struct; those that are no longer there, or only as an alias, do not count.
const OWNERS: [&str; 7] = [
    "Managed",
    "ManagedTensor",
    "ManagedTensorVersioned",
    "AnyManagedTensor",
    "OpaqueTensor",
    "Parcel",
    "Deleter",
];

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    if let Some(word) = words.first() {
        return Err(format!("expected nothing, found `{word}`"));
    }
    let rooms = rooms()?;
    println!("lines of code in {SOURCES}");
    for (room, count) in &rooms {
        println!("  {room:<16} {count:>6}");
    }
    let sum = |wanted: &dyn Fn(&str) -> bool| {
        rooms.iter().filter(|(room, _)| wanted(room)).map(|(_, count)| count).sum::<usize>()
    };
    let api = Api::read()?.names;
    // A name that is exported at two places counts once, and at the root if it is there.
    let last = |path: &str| path.rsplit("::").next().unwrap_or_default().to_owned();
    let names: BTreeSet<_> =
        api.iter().map(|(path, name)| (last(path), &name.declaration)).collect();
    let traits: BTreeSet<_> =
        api.iter().filter(|(_, name)| name.kind == "trait").map(|(path, _)| last(path)).collect();
    let at_root = api.keys().filter(|path| path.matches("::").count() == 1).count();
    let owners: Vec<String> = api
        .iter()
        .filter(|(_, name)| ["struct", "enum"].contains(&name.kind.as_str()))
        .map(|(path, _)| last(path))
        .filter(|name| OWNERS.contains(&name.as_str()))
        .collect();
    println!();
    for (what, found, limit) in [
        (CORE.join(", "), sum(&|room| CORE.contains(&room)), 4_500),
        ("all rooms".to_owned(), sum(&|_| true), 8_800),
        ("public names".to_owned(), names.len(), 75),
        ("public names at the root".to_owned(), at_root, 30),
        (format!("owners of a C struct ({})", owners.join(", ")), owners.len(), 4),
        ("public traits".to_owned(), traits.len(), 9),
        ("xtask".to_owned(), xtask()?, 1_779),
    ] {
        let verdict = if found <= limit { "" } else { "  <- too many" };
        println!("{found:>6} of at most {limit:>5}  {what}{verdict}");
    }
    Ok(true)
}

/// Returns the lines of code of each room. Copy kernels count as a room of their own, documentation as none.
fn rooms() -> Result<BTreeMap<String, usize>> {
    let (mut rooms, folder) = (BTreeMap::new(), root().join(SOURCES));
    for file in files(&folder, &["rs"])? {
        let path = file.strip_prefix(&folder).unwrap_or(&file);
        let room = if path.starts_with("view/copy") || path == Path::new("view/copy.rs") {
            "copy".into()
        } else {
            path.iter().next().unwrap_or_default().to_string_lossy()
        };
        if room == "compile_fail.rs" || room == "guide.rs" {
            continue;
        }
        *rooms.entry(room.trim_end_matches(".rs").to_owned()).or_default() +=
            lines(untested(&read(&file)?));
    }
    Ok(rooms)
}

/// Returns the lines of code of xtask with its unit tests, of which half as many as there once were may be there. The evidence and
/// the counts that are kept came later.
fn xtask() -> Result<usize> {
    let folder = root().join("xtask/src");
    let is_later = |file: &Path| file.starts_with("evidence") || file == Path::new("bench/kept.rs");
    let files = files(&folder, &["rs"])?.into_iter();
    let files = files.filter(|file| !file.strip_prefix(&folder).is_ok_and(is_later));
    files.map(|file| Ok(lines(&read(file)?))).sum()
}

/// Returns a file without the module of unit tests, which ends it.
fn untested(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// Counts lines of code.
fn lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text = "//! A.\n\n/// B.\nfn f() {\n    // C.\n    g() // D.\n}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!([lines(untested(text)), lines(text)], [3, 6]);
        assert!(rooms().unwrap().contains_key("layout"));
    }
}
