//! `cargo xtask figures`: how large the crate is, and how much of it users meet.

use alloc::collections::BTreeMap;
use std::path::Path;

use crate::api::Api;
use crate::tools::{Result, files, read, root};

pub(crate) const HELP: &str = "\
Usage: cargo xtask figures

Code is counted in lines without comments, blank lines and unit tests. A figure with a limit shows it.
";

const SOURCES: &str = "dlpack/src";

/// What one reads to judge the `unsafe` code.
const CORE: [&str; 5] = ["layout", "dims", "view", "managed", "export"];

/// The types that own a C struct.
const OWNERS: [&str; 8] = [
    "Managed",
    "ManagedTensor",
    "ManagedTensorVersioned",
    "AnyManagedTensor",
    "OpaqueTensor",
    "Parcel",
    "Deleter",
    "Handle",
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
    let at_root = api.keys().filter(|path| path.matches("::").count() == 1).count();
    let traits = api.values().filter(|name| name.kind == "trait").count();
    let owners = api.iter().filter(|(path, name)| {
        let is_owner = OWNERS.iter().any(|owner| path.rsplit("::").next() == Some(owner));
        is_owner && ["struct", "enum"].contains(&name.kind.as_str())
    });
    println!("{:<26} {:>6} {:>6}", "", "found", "limit");
    for (what, found, limit) in [
        (CORE.join(", ").as_str(), sum(&|room| CORE.contains(&room)), 4_500),
        ("all rooms", sum(&|_| true), 8_800),
        ("public names", api.len(), 75),
        ("public names at the root", at_root, 30),
        ("owners of a C struct", owners.count(), 4),
        ("public traits", traits, 9),
    ] {
        println!("{what:<40} {found:>6}, at most {limit}");
    }
    Ok(true)
}

/// Returns the lines of code of each room. Copy kernels count as a room of their own.
fn rooms() -> Result<BTreeMap<String, usize>> {
    let (mut rooms, folder) = (BTreeMap::new(), root().join(SOURCES));
    for file in files(&folder, &["rs"])? {
        let path = file.strip_prefix(&folder).unwrap_or(&file);
        let room = if path.starts_with("view/copy") || path == Path::new("view/copy.rs") {
            "copy".into()
        } else {
            path.iter().next().unwrap_or_default().to_string_lossy()
        };
        *rooms.entry(room.trim_end_matches(".rs").to_owned()).or_default() += lines(&read(&file)?);
    }
    Ok(rooms)
}

/// Counts lines of code, up to the module of unit tests, which ends a file.
fn lines(text: &str) -> usize {
    let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
    lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text = "//! A.\n\n/// B.\nfn f() {\n    // C.\n    g() // D.\n}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(lines(text), 3);
        assert!(rooms().unwrap().contains_key("layout"));
    }
}
