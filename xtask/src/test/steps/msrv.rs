//! The oldest compiler that the crates support.

use super::super::session::{Outcome, Session, cargo};
use super::super::toolchain::Toolchain;

pub(super) fn run(session: &mut Session) -> Outcome {
    let oldest = Toolchain::oldest(session)?;
    let target = session.own_target("msrv");
    let command = |arguments: &str| {
        let mut command = cargo(arguments);
        oldest.apply(&mut command).env("CARGO_TARGET_DIR", &target);
        command
    };
    for features in ["--no-default-features", "", "--features half,num-complex"] {
        session.run(&mut command(&format!("check -p dlpack -p dlpack-sys {features}")))?;
    }
    session.test(&mut command(
        "test -p dlpack -p dlpack-sys -p dlpack-tests --tests --no-fail-fast --features half,num-complex",
    ))
}
