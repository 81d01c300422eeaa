//! Every example of the root package, run to its end.

use std::fs;
use std::path::Path;

use super::super::suite::{Outcome, Suite, cargo};
use super::super::tally::Tally;
use crate::tools::root;

/// The one that also runs with the default features, as the README tells a newcomer to run it.
const FIRST: &str = "roundtrip";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let names = names(&root().join("examples"))?;
    if names.is_empty() {
        return Err("examples/ holds no example".to_owned().into());
    }
    let first = names.iter().filter(|name| *name == FIRST).map(|name| (name, ""));
    let all = names.iter().map(|name| (name, "--all-features"));
    for (name, features) in first.chain(all) {
        let command = format!("run -p dlpack-tests --example {name} {features}");
        suite.run(&mut cargo(&command))?;
        suite.tally += Tally::PASSED;
    }
    Ok(())
}

/// Returns what cargo finds in the folder: files, and folders with a `main.rs`.
fn names(folder: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "rs")
                || path.join("main.rs").is_file()
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_found_in_order() {
        let folder = std::env::temp_dir().join(format!("dlpack-examples-{}", std::process::id()));
        fs::create_dir_all(folder.join("b")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        for file in ["c.rs", "b/main.rs", "a.rs", "data/picture.ppm", "README.md"] {
            fs::write(folder.join(file), "").unwrap();
        }
        assert_eq!(names(&folder).unwrap(), ["a", "b", "c"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
