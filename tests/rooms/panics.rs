//! Nothing that comes from outside makes the crate panic: what panics, or could, is listed here with its reason.

use crate::lexer::{Token, tokens};
use crate::sources::{self, Crate, Source};

/// A file of `dlpack`, a piece of the line, and why it may stay.
const ALLOWED: [(&str, &str, &str); 13] = [
    ("vocabulary/element.rs", "assert!(T::DTYPE.is_valid(), ", "evaluated at compile time"),
    ("vocabulary/element.rs", "assert!(size_of::<T>() != 0, ", "evaluated at compile time"),
    ("vocabulary/element.rs", "assert!(bytes == size_of::<T>(), ", "evaluated at compile time"),
    ("vocabulary/element.rs", "panic!(", "evaluated at compile time"),
    ("vocabulary/element.rs", "assert!(T::DTYPE.lanes == 1, ", "evaluated at compile time"),
    ("vocabulary/element.rs", "assert!(T::DTYPE.bits % 8 == 0, ", "evaluated at compile time"),
    ("vocabulary/element.rs", "assert!(count ", "evaluated at compile time"),
    ("vocabulary/types/sub_byte.rs", "assert!(T::DTYPE", "evaluated at compile time"),
    ("managed/access.rs", "const { assert!(", "evaluated at compile time"),
    ("view/construct.rs", "const { assert!(", "evaluated at compile time"),
    ("layout/order.rs", "assert_eq!(shape.len(), strides.len(), ", "documented"),
    ("view/mod.rs", "panic!(", "indexing with brackets, as of slices"),
    ("view/copy.rs", "assert!(room.len() >= self.numel(), ", "guards a write of our own"),
];

/// The lines of code that can panic, apart from indexing and arithmetic.
fn panics(source: &Source) -> Vec<usize> {
    const MACROS: [&str; 7] =
        ["panic", "todo", "unimplemented", "unreachable", "assert", "assert_eq", "assert_ne"];
    const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
    let panics = |window: &[Token<'_>]| match [window[0].text, window[1].text, window[2].text] {
        [name, "!", _] => MACROS.contains(&name),
        [".", name, "("] => METHODS.contains(&name),
        _ => false,
    };
    let tokens = tokens(&source.code);
    tokens.windows(3).filter(|window| panics(window)).map(|window| window[0].line).collect()
}

#[test]
fn only_what_is_listed_panics() {
    let mut used = Vec::new();
    for source in sources::all() {
        let lines: Vec<&str> = source.text.lines().collect();
        for line in panics(source) {
            let reason = ALLOWED
                .into_iter()
                .filter(|_| source.home == Crate::Dlpack)
                .find(|(file, piece, _)| *file == source.name && lines[line].contains(piece));
            assert!(reason.is_some(), "{}: {}", source.at(line), lines[line].trim());
            used.extend(reason);
        }
    }
    for (file, piece, _) in ALLOWED {
        let needed = used.iter().any(|(f, p, _)| (*f, *p) == (file, piece));
        assert!(needed, "{file} has no `{piece}` any more: take it off the list");
    }
}

#[test]
fn the_checker_sees_panics() {
    let found = |text: &str| panics(&Source::new("view/x.rs", text));
    for text in [
        "x.unwrap_or(1).unwrap_or_else(|| 2).unwrap_or_default()",
        "debug_assert!(true); const { debug_assert_eq!(1, 1) };",
        "// panic!(\n/// x.unwrap()\nlet s = \"x.unwrap() panic!(\";",
        "#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap() }\n}",
        "#[expect(lint, reason = \"so\")]",
    ] {
        assert_eq!(found(text), [0; 0], "{text}");
    }
    for text in [
        "x.unwrap()",
        "x\n.expect(\"so\")",
        "panic!(\"so\")",
        "todo!()",
        "unimplemented!()",
        "unreachable!()",
        "assert!(x)",
        "assert_eq!(x, y)",
    ] {
        assert_eq!(found(text).len(), 1, "{text}");
    }
}
