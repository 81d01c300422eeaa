//! Most of `dlpack-pyo3` knows Python's C API alone, so that a new release of PyO3 touches one thin layer.

use crate::imports::{is, names};
use crate::lexer::{Token, tokens};
use crate::sources::{Crate, Source};

/// What deals with PyO3's own types.
const ROOMS: [&str; 3] = ["import", "export", "lib"];

/// The places that name something of PyO3 other than its declarations of the C API.
fn beyond_ffi(source: &Source) -> Vec<usize> {
    let tokens = tokens(&source.code);
    let mut found: Vec<Token<'_>> = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == "pyo3") {
        if is(&tokens, at + 1, "::") {
            names(&tokens, at + 2, &mut found);
        } else {
            found.push(*token);
        }
    }
    found.iter().filter(|token| token.text != "ffi").map(|token| token.line).collect()
}

#[test]
fn few_rooms_know_pyo3() {
    let (mut wrong, mut users) = (Vec::new(), 0);
    for source in Crate::Pyo3.sources() {
        let lines = beyond_ffi(source);
        if ROOMS.contains(&source.room()) {
            users += lines.len();
        } else {
            wrong.extend(lines.iter().map(|&line| source.at(line)));
        }
    }
    assert!(users > 2, "the checker sees the code");
    assert!(wrong.is_empty(), "more than `pyo3::ffi` is named at\n{}", wrong.join("\n"));
}

#[test]
fn the_checker_sees_pyo3() {
    let found = |text: &str| beyond_ffi(&Source::of(Crate::Pyo3, "raw/x.rs", text));
    for text in [
        "use pyo3::ffi;",
        "use pyo3::{ffi};",
        "unsafe { pyo3::ffi::Py_IsInitialized() }",
        "use crate::pyo3_like::X; // pyo3::Python",
    ] {
        assert_eq!(found(text), [0; 0], "{text}");
    }
    for text in [
        "use pyo3::Python;",
        "use pyo3::{ffi, types::PyAny};",
        "use ::pyo3::prelude::*;",
        "fn f(py: pyo3::Python<'_>) {}",
        "use pyo3 as p;",
    ] {
        assert_eq!(found(text), [0], "{text}");
    }
}
