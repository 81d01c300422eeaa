//! The source files of the crates that are laid out in rooms.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::lexer;

/// Where the sources of a crate are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crate {
    Dlpack,
    Pyo3,
}

impl Crate {
    pub const ALL: [Self; 2] = [Self::Dlpack, Self::Pyo3];

    fn folder(self) -> &'static str {
        match self {
            Self::Dlpack => "dlpack/src",
            Self::Pyo3 => "dlpack-pyo3/src",
        }
    }

    /// The source files of this crate.
    pub fn sources(self) -> impl Iterator<Item = &'static Source> {
        all().iter().filter(move |source| source.home == self)
    }
}

/// One source file: its text, and the same without comments and the insides of strings.
pub struct Source {
    pub home: Crate,
    /// Relative to the folder of the crate's sources, with slashes.
    pub name: String,
    pub text: String,
    pub code: String,
}

impl Source {
    /// A file of `dlpack`.
    pub fn new(name: &str, text: &str) -> Self {
        Self::of(Crate::Dlpack, name, text)
    }

    pub fn of(home: Crate, name: &str, text: &str) -> Self {
        let code = lexer::without_tests(&lexer::code(text));
        Self { home, name: name.to_owned(), text: text.to_owned(), code }
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
        format!("{}/{}:{}", self.home.folder(), self.name, line + 1)
    }
}

/// All files of all crates.
pub fn all() -> &'static [Source] {
    static ALL: OnceLock<Vec<Source>> = OnceLock::new();
    ALL.get_or_init(|| Crate::ALL.into_iter().flat_map(read_all).collect())
}

fn read_all(home: Crate) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(home.folder());
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 15, "the sources are where they were");
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.strip_prefix(&root).expect("within the root").to_str().expect("ASCII");
        let text = fs::read_to_string(file).expect("can be read");
        Source::of(home, &name.replace('\\', "/"), &text)
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
