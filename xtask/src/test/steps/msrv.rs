//! The oldest compiler that the crates support.

use super::super::suite::{Outcome, Suite, cargo};
use super::super::toolchain::Toolchain;
use super::{TYPES, pyo3};
use crate::python::Absent;

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
    suite.run(&mut command(tests))?;
    // Nothing is asked of an interpreter, so none is needed.
    for features in ["", "--features abi3"] {
        let mut check =
            command(&format!("check --workspace --manifest-path {} {features}", pyo3::MANIFEST));
        Absent::USUAL.choose(&mut check, &target.with_extension("txt"))?;
        suite.run(&mut check)?;
    }
    Ok(())
}
