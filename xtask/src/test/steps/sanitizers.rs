//! The tests with checks that the compilers build into the Rust and the C code.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::super::toolchain::{Toolchain, host};
use super::{FEW_CASES, TYPES, only};

/// Undefined behaviour in C ends the process, as there is no runtime to report it.
const C_ADDRESS: &str =
    "-fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer";

const TESTS: &str =
    "test -p dlpack -p dlpack-sys -p dlpack-tests -p dependent --no-fail-fast --features";

/// An allocation of more than there is fails, as it does without the checks, and does not end the process.
const OPTIONS: &str = "allocator_may_return_null=1";

/// Those in which threads meet. The others would only wait for the slowest of all checks.
const THREADED: [&str; 9] = [
    "deleter",
    "downcast",
    "exchange",
    "hostile",
    "negotiate",
    "places",
    "roundtrip",
    "stress",
    "subviews",
];

pub(super) fn address(suite: &mut Suite) -> Outcome {
    let target = host()?;
    if runtime(&Toolchain::active()?, &target, "asan").is_none() {
        return Err(Stop::Missing(format!(
            "the Rust toolchain has no AddressSanitizer for {target}"
        )));
    }
    let mut command = sanitized(&target, "address", C_ADDRESS, TYPES);
    command.arg("--tests").env("ASAN_OPTIONS", OPTIONS);
    command.env("CARGO_TARGET_DIR", suite.own_target("asan"));
    suite.test(&mut command)
}

/// The standard library is built anew, as calls into one without checks look like races.
pub(super) fn thread(suite: &mut Suite) -> Outcome {
    let target = host()?;
    let toolchain = Toolchain::with_source(suite)?;
    provide_runtime(&toolchain, &target)?;
    // Without matrices and the like: nothing of theirs is about threads, and they are long to build.
    let mut command = sanitized(&target, "thread", "-fsanitize=thread", "half,num-complex");
    command.env("TSAN_OPTIONS", OPTIONS);
    command.arg("-Zbuild-std").env("CARGO_TARGET_DIR", suite.own_target("tsan"));
    command.args(only(&THREADED));
    command.env(FEW_CASES.0, FEW_CASES.1);
    suite.test(toolchain.apply(&mut command))
}

fn sanitized(target: &str, sanitizer: &str, c_flags: &str, features: &str) -> Command {
    let mut command = cargo(TESTS);
    command.arg(features);
    // With a target named, build scripts and macros are built without the checks.
    command.args(["--target", target]);
    command.env("RUSTC_BOOTSTRAP", "1").env("DLPACK_SANITIZED", "1");
    command.env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"));
    let underscored = target.replace('-', "_");
    for language in ["CFLAGS", "CXXFLAGS"] {
        command.env(format!("{language}_{underscored}"), c_flags);
    }
    command
}

/// Returns the file of a sanitizer's runtime.
fn runtime(toolchain: &Toolchain, target: &str, sanitizer: &str) -> Option<PathBuf> {
    let files = fs::read_dir(toolchain.target_libraries(target)).ok()?;
    let end = format!("_rt.{sanitizer}.a");
    files.flatten().map(|file| file.path()).find(|path| path.to_string_lossy().ends_with(&end))
}

/// Gives the active compiler's runtime to one that comes without, as Debian's does.
fn provide_runtime(toolchain: &Toolchain, target: &str) -> Outcome {
    if runtime(toolchain, target, "tsan").is_some() {
        return Ok(());
    }
    let Some(found) = runtime(&Toolchain::active()?, target, "tsan") else {
        return Err(Stop::Missing(format!(
            "the Rust toolchain has no ThreadSanitizer for {target}"
        )));
    };
    let place = toolchain.target_libraries(target).join("librustc-stable_rt.tsan.a");
    match fs::copy(&found, &place) {
        Ok(_) => Ok(()),
        Err(error) => Err(Stop::Failed(format!("cannot write {}: {error}", place.display()))),
    }
}
