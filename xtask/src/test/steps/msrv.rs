//! The oldest compiler that the crates support.

use super::super::suite::{Outcome, Suite, cargo};
use super::super::toolchain::Toolchain;
use super::TYPES;

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let oldest = Toolchain::oldest(suite)?;
    let target = suite.own_target("msrv");
    let command = |arguments: &str| {
        let mut command = cargo(arguments);
        oldest.apply(&mut command).env("CARGO_TARGET_DIR", &target);
        command
    };
    for features in ["--no-default-features", "", &format!("--features {TYPES}")] {
        suite.run(&mut command(&format!("check -p dlpack -p dlpack-sys {features}")))?;
    }
    // The steps for other machines run the tests that it builds.
    let tests = "check -p dlpack -p dlpack-sys -p dlpack-tests --tests --features half,num-complex";
    suite.run(&mut command(tests)).map(drop)
}
