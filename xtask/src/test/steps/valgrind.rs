//! The test binaries under valgrind, which sees into C and the standard library alike.

use super::super::session::{Outcome, Session, cargo, require};
use super::super::toolchain::host;

const RUNNER: &str = "valgrind -q --error-exitcode=9 --leak-check=full \
     --show-leak-kinds=definite --errors-for-leak-kinds=definite";

/// Enough to reach every branch; valgrind is some fifty times slower than the machine.
const CASES: &str = "16";

pub(super) fn run(session: &mut Session) -> Outcome {
    require("valgrind")?;
    let mut command = cargo("test -p dlpack -p dlpack-tests -p dependent --tests --no-fail-fast");
    command.args(["--features", "half,num-complex"]).env("PROPTEST_CASES", CASES);
    command.env("DLPACK_SANITIZED", "1");
    let target = host()?.replace('-', "_").to_uppercase();
    session.test(command.env(format!("CARGO_TARGET_{target}_RUNNER"), RUNNER))
}
