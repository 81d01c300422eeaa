//! The tests with each set of features.

use super::super::suite::{Outcome, Suite, cargo};
use crate::tools::{read_text, root};

const DEFAULT: &str = "default";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    suite.test(&mut cargo("test --workspace --no-fail-fast"))?;
    let manifest = read_text(&root().join("dlpack/Cargo.toml"))?;
    let features = features(&manifest);
    for feature in others(&features) {
        let command = format!("check -p dlpack --no-default-features --features {feature}");
        suite.run(&mut cargo(&command))?;
    }
    for set in sets(&features) {
        let command = format!("test -p dlpack -p dlpack-tests --no-fail-fast {set}");
        suite.test(&mut cargo(&command))?;
    }
    suite.provide_libclang()?;
    suite.test(&mut cargo("test -p dlpack-sys --no-fail-fast --features bindgen"))
}

/// Returns the names of the features that a manifest declares.
fn features(manifest: &str) -> Vec<&str> {
    let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| !name.starts_with('#'))
        .collect()
}

/// Without the default ones the examples in the documentation do not build: many use `alloc`.
const BARE: &str = "--tests --no-default-features";

/// Returns the features that are off by default.
fn others<'a>(features: &[&'a str]) -> Vec<&'a str> {
    features.iter().copied().filter(|name| ![DEFAULT, "alloc"].contains(name)).collect()
}

/// Returns the options of cargo for no features, all but the default ones, and all.
fn sets(features: &[&str]) -> [String; 3] {
    [
        BARE.to_owned(),
        format!("{BARE} --features {}", others(features).join(",")),
        "--all-features".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[package]
name = \"a\"

[features]
default = [\"alloc\"]
# What b does = this.
alloc = []
b = [\"dep:b\"]
c = []

[dependencies]
d = { version = \"1\" }
";

    #[test]
    fn features_end_where_the_next_table_begins() {
        assert_eq!(features(MANIFEST), ["default", "alloc", "b", "c"]);
        assert_eq!(features("[package]\nname = \"a\"\n"), [""; 0]);
    }

    #[test]
    fn the_sets_reach_from_none_to_all() {
        let expected = [
            "--tests --no-default-features",
            "--tests --no-default-features --features b,c",
            "--all-features",
        ];
        assert_eq!(sets(&features(MANIFEST)), expected);
    }

    #[test]
    fn the_crate_has_the_feature_that_is_on_by_default() {
        let manifest = read_text(&root().join("dlpack/Cargo.toml")).unwrap();
        assert!(
            manifest.contains("default = [\"alloc\"]\n"),
            "the default set is tested by itself"
        );
        assert!(features(&manifest).contains(&"half"));
    }
}
