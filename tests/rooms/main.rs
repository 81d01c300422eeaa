//! What no lint can say of the sources of `dlpack` and `dlpack-pyo3`: which room may import which, where `unsafe` may be,
//! and what else panics than the lints know.

mod imports;

use std::fs;
use std::path::Path;

/// The crates that are laid out in rooms.
const CRATES: [&str; 2] = ["dlpack", "dlpack-pyo3"];

/// At most one SAFETY comment in so many may be bare: it cites the caller's promise without saying which.
const BARE_SAFETY_COMMENTS: usize = 10;

const BARE: [&str; 2] = ["// SAFETY: the caller's promise.", "// SAFETY: the same."];

/// Lines of code in a file, without comments, unit tests and blank lines.
const LONGEST_FILE: usize = 300;

/// The rooms of `dlpack` without `unsafe` code; that of `vocabulary` are the impls of marker traits.
const SAFE_ROOMS: [&str; 4] = ["lib", "vocabulary", "error", "layout"];

/// What of `dlpack-pyo3` knows more of PyO3 than its declarations of Python's C API.
const PYO3_ROOMS: [&str; 3] = ["lib", "import", "export"];

/// Assertions and panics that may stay: a file of `dlpack`, or any, a piece of the line, and the reason.
const PANICS: [(&str, &str, &str); 6] = [
    ("vocabulary/element.rs", "(", "evaluated at compile time"),
    ("vocabulary/types/sub_byte.rs", "assert!(T::DTYPE", "evaluated at compile time"),
    ("", "const { assert!(", "evaluated at compile time"),
    ("layout/order.rs", "assert_eq!(shape.len(), strides.len(), ", "documented"),
    ("view/mod.rs", "panic!(", "indexing with brackets, as of slices"),
    ("", "assert!(room.len() >= self.numel(), ", "guards a write of our own"),
];

/// One source file.
struct Source {
    home: &'static str,
    /// Relative to the folder of the crate's sources, with slashes.
    name: String,
    text: String,
    /// The lines before the unit tests that are no comments.
    code: String,
}

impl Source {
    fn new(home: &'static str, name: &str, text: &str) -> Self {
        let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let is_code =
            |line: &&str| !["//", "#[doc"].iter().any(|word| line.trim_start().starts_with(word));
        let code: Vec<&str> = before_tests.lines().filter(is_code).collect();
        Self { home, name: name.to_owned(), text: text.to_owned(), code: code.join("\n") }
    }

    /// The path of the module that this file is: `view/copy/axes.rs` is `view`, `copy`, `axes`.
    fn module(&self) -> Vec<&str> {
        let path = self.name.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').filter(|name| *name != "lib").collect()
    }

    fn room(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }
}

/// All source files of a crate.
fn sources(home: &'static str) -> Vec<Source> {
    fn collect(home: &'static str, root: &Path, folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("can be listed").path();
            if path.is_dir() {
                collect(home, root, &path, found);
            } else {
                let name = path.strip_prefix(root).expect("within the root").display().to_string();
                let text = fs::read_to_string(&path).expect("can be read");
                found.push(Source::new(home, &name.replace('\\', "/"), &text));
            }
        }
    }
    let (root, mut found) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join(home).join("src"), Vec::new());
    collect(home, &root, &root, &mut found);
    assert!(found.len() > 15, "the sources are where they were");
    found
}

/// Asserts that no source is wrong, and names those that are.
fn assert_none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

#[test]
fn safety_comments_say_which_promise() {
    for home in CRATES {
        let texts: Vec<String> = sources(home).into_iter().map(|source| source.text).collect();
        let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
        let comments: Vec<&str> = lines.filter(|line| line.starts_with("// SAFETY:")).collect();
        let bare = comments.iter().filter(|line| BARE.contains(line)).count();
        assert!(
            bare * BARE_SAFETY_COMMENTS <= comments.len(),
            "{home}: expected at most one bare comment in {BARE_SAFETY_COMMENTS}, found {bare} of {}",
            comments.len()
        );
    }
}

#[test]
fn files_fit_in_the_head() {
    for source in CRATES.into_iter().flat_map(sources) {
        let count = source.code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(count <= LONGEST_FILE, "{} has {count} lines of code", source.name);
        assert!(source.text.starts_with("//! "), "{} does not say what it is", source.name);
    }
}

#[test]
fn rooms_of_words_and_arithmetic_have_no_unsafe_code() {
    let is_unsafe = |line: &&str| {
        ["unsafe {", "unsafe fn", "*const ", "*mut "].iter().any(|word| line.contains(word))
    };
    for source in sources("dlpack").iter().filter(|source| SAFE_ROOMS.contains(&source.room())) {
        let found = source.code.lines().find(is_unsafe);
        assert!(found.is_none(), "{}: {}", source.name, found.unwrap_or_default());
    }
}

#[test]
fn few_rooms_know_pyo3() {
    let mut wrong = Vec::new();
    for source in
        sources("dlpack-pyo3").iter().filter(|source| !PYO3_ROOMS.contains(&source.room()))
    {
        // The second asks whether a `__traverse__` runs, of which PyO3 alone knows.
        let code = source.code.replace("pyo3::ffi", "").replace("pyo3::Python::try_attach", "");
        let lines =
            code.lines().filter(|line| line.contains("pyo3::") || line.contains("use pyo3"));
        wrong.extend(lines.map(|line| format!("{}: {}", source.name, line.trim())));
    }
    assert_none("only `pyo3::ffi` and `pyo3::Python::try_attach` may be named there", &wrong);
}

/// Clippy looks for `unwrap` and `expect`, as `lib.rs` says. It has no lint for assertions, and that for panics does not
/// know what is evaluated at compile time.
#[test]
fn only_what_is_listed_panics() {
    let mut wrong = Vec::new();
    for source in CRATES.into_iter().flat_map(sources) {
        for line in source.code.lines().map(|line| line.replace("debug_assert", "")) {
            let panics = [
                "panic!(",
                "todo!(",
                "unimplemented!(",
                "unreachable!(",
                "assert!(",
                "assert_eq!(",
                "assert_ne!(",
            ];
            let is_allowed = PANICS.iter().any(|(file, piece, _)| {
                (file.is_empty() || source.name == *file) && line.contains(piece)
            });
            if panics.iter().any(|panic| line.contains(panic)) && !is_allowed {
                wrong.push(format!("{}/src/{}: {}", source.home, source.name, line.trim()));
            }
        }
    }
    assert_none("foreign input is answered with errors, not with panics", &wrong);
}
