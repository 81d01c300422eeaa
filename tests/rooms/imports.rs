//! A room imports only from rooms to its left, so that a crate can be read from left to right.

use crate::{Source, assert_none, sources};

/// The rooms of each crate in the order in which data flows.
const ROOMS: [(&str, &[&str]); 2] = [
    (
        "dlpack",
        &[
            "sys",
            "vocabulary",
            "error",
            "layout",
            "dims",
            "copy",
            "view",
            "managed",
            "export",
            "negotiate",
            "exchange",
            "integrations",
        ],
    ),
    ("dlpack-pyo3", &["raw", "capsule", "protocol", "route", "import", "export"]),
];

/// Names of a crate's root that are no rooms: documentation, what the code of a macro calls, and macros.
const NO_ROOMS: [&str; 4] = ["compile_fail", "guide", "__private", "__export_buffer"];

fn rooms(home: &str) -> &'static [&'static str] {
    ROOMS.iter().find(|(name, _)| *name == home).map_or(&[], |(_, rooms)| rooms)
}

/// The first names of a tree of imports, `a::b` or `{a, b::{c, d}}`.
fn names(tree: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '*';
    let first = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    let Some(list) = tree.strip_prefix('{') else { return vec![&tree[..first(tree)]] };
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            ',' | '}' if depth == 0 => {
                let name = list[start..at].trim_start();
                found.push(&name[..first(name)]);
                start = at + 1;
            }
            _ => {}
        }
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth < 0 {
            break;
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The names of the crate's root that a file uses, by a path that begins with `crate`, or with as many `super`s as lead there.
fn from_root(source: &Source) -> Vec<&str> {
    let supers = "super::".repeat(source.module().len());
    let mut found = Vec::new();
    for prefix in ["crate::", &supers] {
        for (at, _) in source.code.match_indices(prefix).filter(|_| !prefix.is_empty()) {
            let is_longer = source.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if !is_longer && !source.code[..at].ends_with("super::") {
                found.extend(names(&source.code[at + prefix.len()..]));
            }
        }
    }
    found
}

/// What the crate's root exports, each with its room.
fn exports(root: &str) -> Vec<(&str, &str)> {
    let imports = root.split("pub use ").skip(1).filter_map(|rest| rest.split_once("::"));
    imports.flat_map(|(room, tree)| names(tree).into_iter().map(move |name| (name, room))).collect()
}

/// The names that a file uses and that are not to the left of its room.
fn wrong_imports(source: &Source, exports: &[(&str, &str)]) -> Vec<String> {
    let place = |room: &str| rooms(source.home).iter().position(|known| *known == room);
    let Some(here) = place(source.room()) else {
        return vec![format!("{} is not in a room", source.name)];
    };
    let is_wrong = |name: &&str| {
        let exported = |wanted: &str| exports.iter().find(|(known, _)| *known == wanted);
        // All words of the vocabulary are exported by one star.
        let room = exported(name).or_else(|| exported("*")).map_or("", |(_, room)| room);
        let there = place(name).or_else(|| place(room));
        !NO_ROOMS.contains(name) && there.is_none_or(|there| there > here)
    };
    let found = from_root(source).into_iter().filter(is_wrong);
    found.map(|name| format!("{}/src/{} imports {name}", source.home, source.name)).collect()
}

#[test]
fn imports_go_to_the_left() {
    for (home, known) in
        [("dlpack", ("Managed", "managed")), ("dlpack-pyo3", ("PyTensor", "import"))]
    {
        let sources = sources(home);
        let root = sources.iter().find(|source| source.name == "lib.rs").expect("a root");
        let exports = exports(&root.code);
        assert!(exports.contains(&known), "{exports:?}");
        let in_rooms = sources
            .iter()
            .filter(|source| source.room() != "lib" && !NO_ROOMS.contains(&source.room()));
        let wrong: Vec<String> =
            in_rooms.flat_map(|source| wrong_imports(source, &exports)).collect();
        assert_none("a room imports only from rooms to its left", &wrong);
    }
}

#[test]
fn imports_are_seen() {
    let exports = [("TensorView", "view"), ("Error", "error"), ("*", "vocabulary")];
    let wrong =
        |name: &str, text: &str| wrong_imports(&Source::new("dlpack", name, text), &exports).len();
    for (name, text) in [
        ("view/iter.rs", "use crate::vocabulary::Element;\nuse crate::dims::Dims;"),
        ("view/read/axes.rs", "use super::super::strided::Strided;"),
        ("error.rs", "// use crate::view::X;"),
        ("error.rs", "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::view::X;\n}"),
        ("export/mod.rs", "use crate::{sys, managed::{A, B}, view::C, Error};"),
        ("vocabulary/parse.rs", "macro_rules! m { () => { $crate::SubByte } }"),
    ] {
        assert_eq!(wrong(name, text), 0, "{text}");
    }
    for (name, text) in [
        ("layout/check.rs", "\nuse crate::dims::Dims;"),
        ("dims.rs", "use super::view::X;"),
        ("view/iter.rs", "use super::super::export::X;"),
        ("error.rs", "use crate::{sys, vocabulary::{A, B},\n    layout::C};"),
        ("error.rs", "use crate::TensorView;"),
        ("cellar/mod.rs", ""),
    ] {
        assert_eq!(wrong(name, text), 1, "{text}");
    }
}
