//! The test binaries under valgrind, which sees into C and the standard library alike.

use super::super::suite::{Outcome, Suite, cargo, require};
use super::super::toolchain::host;
use super::{FEW_CASES, only};

const RUNNER: &str = "valgrind -q --error-exitcode=9 --leak-check=full \
     --show-leak-kinds=definite --errors-for-leak-kinds=definite";

/// Those that meet memory of others. AddressSanitizer sees the rest; what it does not see are bytes that were never written.
const TESTS: [&str; 9] = [
    "convert",
    "copies",
    "exchange",
    "hostile",
    "negotiate",
    "packed",
    "places",
    "roundtrip",
    "subviews",
];

pub(super) fn run(suite: &mut Suite) -> Outcome {
    require("valgrind")?;
    let mut command = cargo("test -p dlpack-tests --no-fail-fast");
    command.args(only(&TESTS));
    command.args(["--features", "half,num-complex"]);
    command.env(FEW_CASES.0, FEW_CASES.1).env("DLPACK_SANITIZED", "1");
    let target = host()?.replace('-', "_").to_uppercase();
    suite.test(command.env(format!("CARGO_TARGET_{target}_RUNNER"), RUNNER))
}
