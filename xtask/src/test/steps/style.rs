//! What rustfmt and clippy say.

use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};

pub(super) fn format(suite: &mut Suite) -> Outcome {
    require("fmt", "rustfmt")?;
    suite.run(&mut cargo("fmt --all --check")).map(drop)
}

pub(super) fn lint(suite: &mut Suite) -> Outcome {
    require("clippy", "clippy")?;
    for features in ["--no-default-features", "", "--all-features"] {
        if features == "--all-features" {
            suite.provide_libclang()?;
        }
        let command = format!("clippy --workspace --all-targets {features} -- -D warnings");
        suite.run(&mut cargo(&command))?;
    }
    Ok(())
}

/// Checks the format of a workspace besides the main one.
pub(super) fn fmt(suite: &mut Suite, manifest: &str) -> Outcome {
    require("fmt", "rustfmt")?;
    suite.run(&mut cargo(&format!("fmt --all --check --manifest-path {manifest}"))).map(drop)
}

/// Runs clippy on a workspace besides the main one.
pub(super) fn clippy(
    suite: &mut Suite,
    manifest: &str,
    features: &str,
    prepare: impl FnOnce(&mut Command),
) -> Outcome {
    require("clippy", "clippy")?;
    let mut command = cargo(&format!("clippy --workspace --all-targets {features}"));
    command.args(["--manifest-path", manifest, "--", "-D", "warnings"]);
    prepare(&mut command);
    suite.run(&mut command).map(drop)
}

/// Stops unless cargo has a subcommand that comes as a component of its own.
fn require(subcommand: &str, component: &str) -> Outcome {
    match cargo(&format!("{subcommand} --version")).output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(Stop::Missing(format!(
            "{component} is not installed: `rustup component add {component}`"
        ))),
    }
}
