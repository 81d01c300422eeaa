//! Files that fit in the head.

use crate::sources::{self, Source};

/// Lines of code in a file, without comments, documents, tests and blank lines.
const MOST: usize = 300;

fn lines_of_code(source: &Source) -> usize {
    source.code.lines().filter(|line| !line.trim().is_empty()).count()
}

#[test]
fn no_file_is_too_long() {
    for source in sources::all() {
        let count = lines_of_code(source);
        assert!(count <= MOST, "{} has {count} lines of code", source.at(0));
    }
}

/// The first sentence of a file says what lives there.
#[test]
fn every_file_says_what_it_is() {
    for source in sources::all() {
        let first = source.text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && !first.ends_with(' '), "{}: {first}", source.at(0));
    }
}

#[test]
fn the_checker_counts_code() {
    let source = Source::new("x.rs", "//! A.\n\n/// B.\nfn f() {\n    // C.\n    g()\n}\n");
    assert_eq!(lines_of_code(&source), 3);
}
