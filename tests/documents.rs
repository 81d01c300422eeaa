//! The documents of the repository: what they name exists, and what they repeat agrees.

use std::fs;
use std::path::Path;

const DOCUMENTS: [&str; 8] = [
    "dlpack-pyo3/README.md",
    "dlpack-sys/README.md",
    "SECURITY.md",
    "README.md",
    "ARCHITECTURE.md",
    "SAFETY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whatever stands between `open` and `close`.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close).map(|(inner, _)| inner))
}

/// The targets of links, other sites aside.
fn links(text: &str) -> Vec<&str> {
    between(text, "](", ")").filter(|target| !target.contains("://")).collect()
}

/// The names in backticks that look like a file or a folder of this repository.
fn paths(text: &str) -> Vec<&str> {
    let is_path = |word: &str| {
        let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        let is_file = [".rs", ".md", ".toml", ".c", ".h"].iter().any(|end| word.ends_with(end));
        plain && word.len() > 2 && (word.contains('/') || is_file)
    };
    let inline = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    inline.filter(|word| is_path(word)).collect()
}

/// A path counts from the root, from the sources of a crate, from the crate for Python, or from the folder of the header.
fn exists(path: &str) -> bool {
    let bases = [
        "",
        "dlpack/src",
        "dlpack-pyo3",
        "dlpack-pyo3/src",
        "dlpack-sys",
        "vendor/dlpack/include/dlpack",
    ];
    bases.iter().any(|base| root().join(base).join(path).exists())
}

#[test]
fn what_is_named_exists() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = read(document);
        let named = links(&text).into_iter().chain(paths(&text));
        missing
            .extend(named.filter(|path| !exists(path)).map(|path| format!("{document}: {path}")));
    }
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

#[test]
fn names_are_found_and_absences_noticed() {
    let text = "[a](x/y.md), [b](https://example.org/z.md), `tests/c` and `one/two.rs`, not `a + b` or `3/`.";
    assert_eq!(links(text), ["x/y.md"]);
    assert_eq!(paths(text), ["tests/c", "one/two.rs"]);
    assert!(exists("tests/c") && exists("managed/import.rs"));
    assert!(!exists("one/two.rs"));
}

#[test]
fn the_readme_lists_every_example() {
    let readme = read("README.md");
    for entry in fs::read_dir(root().join("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
            assert!(readme.contains(&format!("](examples/{name})")), "README.md lacks {name}");
        }
    }
}

/// The guide has two lists of its pages: one for readers of the documentation, one for readers of the repository.
#[test]
fn the_guide_lists_every_page() {
    let (module, index) = (read("dlpack/src/guide.rs"), read("dlpack/doc/guide/README.md"));
    let mut pages = 0;
    for entry in fs::read_dir(root().join("dlpack/doc/guide")).expect("the guide") {
        let path = entry.expect("an entry").path();
        let page = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
        if page == "README" {
            continue;
        }
        pages += 1;
        let in_macro = between(&module, "pages! {", "}").flat_map(str::split_whitespace);
        assert_eq!(in_macro.filter(|word| *word == page).count(), 1, "no page {page}");
        let tasks = |text: &str, end: &str| {
            let line = text.lines().find(|line| line.ends_with(end)).unwrap_or_default();
            line.trim_start_matches("//! ").split('|').nth(1).unwrap_or_default().to_owned()
        };
        let task = tasks(&module, &format!(" [`{page}`] |"));
        assert!(!task.is_empty(), "dlpack/src/guide.rs lacks {page}");
        assert_eq!(task, tasks(&index, &format!(" [{page}]({page}.md) |")));
        let text = read(&format!("dlpack/doc/guide/{page}.md"));
        assert!(text.contains("\n```rust") && text.starts_with("# "), "{page} has no program");
    }
    assert!(pages > 10);
}

/// The source files of `dlpack`, and the pages of its guide.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

/// The lines of examples that are compiled but not shown, apart from the end of a `?` and what depends on a feature.
fn hidden<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
    let comments = if name.ends_with(".rs") { ["///", "//!"].as_slice() } else { &[""] };
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter_map(|line| comments.iter().find_map(|start| line.strip_prefix(start)));
    let mut is_example = false;
    let hidden = lines.map(str::trim_start).filter(|line| {
        is_example ^= line.starts_with("```");
        is_example && line.starts_with("# ")
    });
    let allowed = ["# Ok::<", "# #[cfg(", "# }", "# mod boxes { include!"];
    hidden.filter(|line| !allowed.iter().any(|start| line.starts_with(start))).collect()
}

/// Who copies an example copies what is shown.
#[test]
fn examples_hide_nothing() {
    let mut all = Vec::new();
    files(&root().join("dlpack/src"), &mut all);
    files(&root().join("dlpack/doc"), &mut all);
    all.retain(|(name, _)| !name.ends_with("compile_fail.rs"));
    assert!(all.len() > 100);
    for (name, text) in &all {
        let hidden = hidden(name, text);
        assert!(hidden.is_empty(), "{name}: {hidden:?}");
    }
    let example = "/// ```\n/// # let x = 1;\n/// # Ok::<(), E>(())\n/// ```\n/// # Errors";
    assert_eq!(hidden("a.rs", example), ["# let x = 1;"]);
}

/// The README cannot run it, since the crates here know no Python; the tests of `dlpack-pyo3` do.
#[test]
fn the_example_in_python_is_one_that_runs() {
    let (readme, tested) = (read("README.md"), read("dlpack-pyo3/README.md"));
    let shown: Vec<&str> = between(&readme, "```rust,ignore\n", "```").collect();
    let run: Vec<&str> = between(&tested, "```rust\n", "```").take(1).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown, run);
    let guide = read("dlpack/doc/guide/python.md");
    assert!(between(&guide, "```rust,ignore\n", "```").eq(run));
}

#[test]
fn the_documents_name_the_supported_rust() {
    let manifest = read("Cargo.toml");
    let version = between(&manifest, "rust-version = \"", "\"").next().expect("a rust-version");
    for document in ["README.md", "CONTRIBUTING.md"] {
        let text = read(document);
        let named: Vec<&str> =
            between(&text, "Rust ", " ").filter(|w| w.starts_with("1.")).collect();
        assert!(!named.is_empty(), "{document} names no version of Rust");
        assert!(
            named.iter().all(|found| *found == version),
            "{document}: {named:?}, not {version}"
        );
    }
}

/// A package holds copies, since it cannot hold what is above its folder.
#[test]
fn the_packages_have_the_licences() {
    for package in ["dlpack", "dlpack-sys", "dlpack-pyo3"] {
        for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(read(&format!("{package}/{name}")) == read(name), "{package}/{name}");
        }
        assert!(read(&format!("{package}/Cargo.toml")).contains("\"/LICENSE-*\""), "{package}");
    }
}
