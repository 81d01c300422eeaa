//! A room imports only from rooms to its left, so that the crate can be read from left to right.

use crate::lexer::{Token, tokens};
use crate::sources::{Crate, Source};

/// The rooms of `dlpack` in the order in which data flows.
const ROOMS: [&str; 12] = [
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
];

/// The rooms of `dlpack-pyo3`.
const PYTHON_ROOMS: [&str; 6] = ["raw", "capsule", "protocol", "roads", "import", "export"];

fn rooms(home: Crate) -> &'static [&'static str] {
    match home {
        Crate::Dlpack => &ROOMS,
        Crate::Pyo3 => &PYTHON_ROOMS,
    }
}

/// Names of a crate's root that are no rooms: modules without code of their own, at most with what the code of a macro calls,
/// and macros.
const NO_ROOMS: [&str; 3] = ["compile_fail", "__private", "__export_buffer"];

/// What the crate root calls a thing of a room, and the room.
type Exports<'a> = Vec<(&'a str, &'a str)>;

/// The names that `lib.rs` exports, each with its room.
fn exports<'a>(lib: &[Token<'a>]) -> Exports<'a> {
    let mut exports = Vec::new();
    for (at, window) in lib.windows(4).enumerate() {
        let [publicly, import, room, separator] = window else { continue };
        if (publicly.text, import.text, separator.text) != ("pub", "use", "::") {
            continue;
        }
        let names = lib[at + 4..].iter().take_while(|token| token.text != ";");
        exports.extend(names.map(|name| (name.text, room.text)));
    }
    exports
}

/// The places where a path of `source` leads to the crate root, with the name that it goes on with.
fn from_root<'a>(source: &'a Source) -> Vec<Token<'a>> {
    let tokens = tokens(&source.code);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut inline: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text {
            "{" => {
                depth += 1;
                if at >= 3 && tokens[at - 3].text == "mod" {
                    inline.push(depth);
                }
            }
            "}" => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
                depth -= 1;
            }
            "crate" | "super" => {
                let mut above = source.module().len() + inline.len();
                above = if token.text == "crate" { 0 } else { above.saturating_sub(1) };
                while is(&tokens, at, "::") && is(&tokens, at + 1, "super") {
                    above = above.saturating_sub(1);
                    at += 2;
                }
                if above == 0 && is(&tokens, at, "::") {
                    at = names(&tokens, at + 1, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

pub fn is(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

/// Collects the first names of a tree of imports, `a::b` or `{a, b::{c, d}}`, and returns where it goes on.
pub fn names<'a>(tokens: &[Token<'a>], at: usize, found: &mut Vec<Token<'a>>) -> usize {
    if !is(tokens, at, "{") {
        found.extend(tokens.get(at));
        return at + 1;
    }
    let mut depth = 1;
    let mut first = true;
    let mut at = at + 1;
    while let Some(token) = tokens.get(at).filter(|_| depth > 0) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            _ if first => {
                found.push(*token);
                first = false;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The imports of `source` that go to the right, each with its place.
fn wrong_imports(source: &Source, exports: &Exports<'_>) -> Vec<String> {
    let rooms = rooms(source.home);
    let place = |room: &str| rooms.iter().position(|&known| known == room);
    let Some(here) = place(source.room()) else {
        return vec![format!("{}: not in a room", source.at(0))];
    };
    let mut wrong = Vec::new();
    for name in from_root(source).iter().filter(|name| !NO_ROOMS.contains(&name.text)) {
        let exported = exports.iter().find(|(known, _)| *known == name.text);
        // All words of the vocabulary are exported by one star.
        let room = exported.or_else(|| exports.iter().find(|(known, _)| *known == "*"));
        let there = place(name.text).or_else(|| place(room?.1));
        if there.is_none_or(|there| there > here) {
            wrong.push(format!("{}: {} imports {}", source.at(name.line), rooms[here], name.text));
        }
    }
    wrong
}

fn root(home: Crate) -> &'static Source {
    home.sources().find(|source| source.name == "lib.rs").expect("there is a root")
}

#[test]
fn imports_go_to_the_left() {
    for (home, known) in
        [(Crate::Dlpack, ("TensorView", "view")), (Crate::Pyo3, ("PyTensor", "import"))]
    {
        let lib = tokens(&root(home).code);
        let exports = exports(&lib);
        assert!(exports.contains(&known), "{known:?}");
        let rooms = home
            .sources()
            .filter(|source| source.name != "lib.rs" && !NO_ROOMS.contains(&source.room()));
        let wrong: Vec<String> = rooms.flat_map(|source| wrong_imports(source, &exports)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn every_room_has_its_place() {
    for home in Crate::ALL {
        let lib = tokens(&root(home).code);
        for pair in lib.windows(2).filter(|pair| pair[0].text == "mod") {
            let name = pair[1].text;
            let known = rooms(home).contains(&name) || NO_ROOMS.contains(&name);
            assert!(known, "{name} has no place in the order of the rooms");
        }
        // `sys` is a crate of its own.
        for room in rooms(home).iter().filter(|room| **room != "sys") {
            let declared = lib.windows(2).any(|p| (p[0].text, p[1].text) == ("mod", *room));
            assert!(declared, "there is no room {room}");
        }
    }
}

#[test]
fn the_checker_sees_imports() {
    let exports = vec![("TensorView", "view"), ("Error", "error"), ("*", "vocabulary")];
    let wrong = |name: &str, text: &str| wrong_imports(&Source::new(name, text), &exports);
    for (name, text) in [
        ("view/iter.rs", "use crate::vocabulary::Element;\nuse crate::dims::Dims;"),
        ("view/copy/axes.rs", "use super::super::strided::Strided;"),
        ("view/mod.rs", "use self::iter::Iter; pub(crate) use iter::X; pub(super) fn f() {}"),
        ("managed/promise.rs", "mod sealed { use super::super::view::Y; }"),
        ("error.rs", "// use crate::view::X;\nconst S: &str = \"crate::view\";"),
        ("error.rs", "#[cfg(test)]\nmod tests { use crate::view::X; }"),
        ("layout/check.rs", "fn f() -> crate::Error { crate::DataType::F32 }"),
        ("export/mod.rs", "use crate::{sys, managed::{A, B}, view::C, Error};"),
        ("vocabulary/parse.rs", "macro_rules! m { () => { $crate::SubByte } }"),
    ] {
        assert_eq!(wrong(name, text), [""; 0], "{text}");
    }
    for (name, text, found) in [
        ("layout/check.rs", "\nuse crate::dims::Dims;", "check.rs:2: layout imports dims"),
        ("error.rs", "fn f() { crate::view::g() }", "error.rs:1: error imports view"),
        ("dims.rs", "use super::view::X;", "dims.rs:1: dims imports view"),
        ("view/mod.rs", "use super::managed;", "view/mod.rs:1: view imports managed"),
        ("view/iter.rs", "use super::super::export::X;", "iter.rs:1: view imports export"),
        ("view/iter.rs", "mod a { use super::super::super::managed::X; }", "imports managed"),
        ("error.rs", "use crate::{sys, vocabulary::{A, B},\n layout::C};", "error.rs:2: "),
        ("error.rs", "use crate::TensorView;", "error.rs:1: error imports TensorView"),
        ("vocabulary/x.rs", "macro_rules! m { () => { $crate::Error } }", "imports Error"),
        ("cellar/mod.rs", "", "not in a room"),
    ] {
        let wrong = wrong(name, text);
        assert!(wrong.len() == 1 && wrong[0].contains(found), "{text}: {wrong:?}");
    }
    let python = |text: &str| {
        let exports = vec![("PyTensor", "import"), ("Tensor", "export")];
        wrong_imports(&Source::of(Crate::Pyo3, "import/mod.rs", text), &exports)
    };
    assert_eq!(python("use crate::{raw::X, roads, PyTensor};"), [""; 0]);
    for text in ["use crate::export::X;", "use crate::Tensor;", "use super::cellar::X;"] {
        assert_eq!(python(text).len(), 1, "{text}");
    }
}
