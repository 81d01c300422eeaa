//! Takes the sources in which threads meet, and puts loom's types in the place of those of `core` and `alloc`.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// What is replaced. Each must be there in one of the files, so that none is forgotten.
const REPLACED: [(&str, &str); 5] = [
    ("core::sync::atomic::", "loom::sync::atomic::"),
    ("use alloc::sync::Arc;", "use loom::sync::Arc;"),
    // Loom's atomics are not made at compile time.
    ("pub const fn new() -> Self {", "pub fn new() -> Self {"),
    ("use alloc::", "use std::"),
    // See `Take`.
    ("taken.swap(true, ", "taken.take("),
];

fn main() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dlpack/src/export");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("a folder"));
    let mut found = [false; REPLACED.len()];
    for name in ["slot", "pool", "loan", "on_drop"] {
        let path = sources.join(name).with_extension("rs");
        println!("cargo::rerun-if-changed={}", path.display());
        let mut text = fs::read_to_string(&path).expect("a source");
        for ((from, to), found) in REPLACED.iter().zip(&mut found) {
            *found |= text.contains(from);
            text = text.replace(from, to);
        }
        // A module that is included has no documentation of its own.
        let lines = text.lines().filter(|line| !line.starts_with("//!"));
        let text = lines.collect::<Vec<_>>().join("\n");
        fs::write(out.join(name).with_extension("rs"), text).expect("a file");
    }
    assert_eq!(found, [true; REPLACED.len()], "a replacement that replaces nothing");
}
