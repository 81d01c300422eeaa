//! The source files of `dlpack`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::lexer;

/// One source file: its text, and the same without comments and the insides of strings.
pub struct Source {
    /// Relative to `dlpack/src`, with slashes.
    pub name: String,
    pub text: String,
    pub code: String,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let code = lexer::without_tests(&lexer::code(text));
        Self { name: name.to_owned(), text: text.to_owned(), code }
    }

    /// The path of the module that this file is: `view/copy/axes.rs` is `view`, `copy`, `axes`.
    pub fn module(&self) -> Vec<&str> {
        let path = self.name.trim_end_matches(".rs").trim_end_matches("/mod");
        if path == "lib" { Vec::new() } else { path.split('/').collect() }
    }

    pub fn room(&self) -> &str {
        self.module().first().copied().unwrap_or("lib")
    }

    /// Where something is, as a compiler would say it.
    pub fn at(&self, line: usize) -> String {
        format!("dlpack/src/{}:{}", self.name, line + 1)
    }
}

/// All files of `dlpack/src`.
pub fn all() -> &'static [Source] {
    static ALL: OnceLock<Vec<Source>> = OnceLock::new();
    ALL.get_or_init(read_all)
}

fn read_all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("dlpack/src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 30, "the sources are where they were");
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.strip_prefix(&root).expect("within the root").to_str().expect("ASCII");
        Source::new(&name.replace('\\', "/"), &fs::read_to_string(file).expect("can be read"))
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("can be listed").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn modules_have_the_names_of_their_files() {
    for (name, module) in [
        ("lib.rs", &[][..]),
        ("dims.rs", &["dims"]),
        ("view/mod.rs", &["view"]),
        ("view/copy/axes.rs", &["view", "copy", "axes"]),
    ] {
        assert_eq!(Source::new(name, "").module(), module);
    }
}
