//! The tests, the C library included, on machines that qemu emulates.

use std::path::Path;

use super::super::suite::{Outcome, Stop, Suite, cargo, require};
use super::super::toolchain::Toolchain;
use super::{FEW_CASES, only};

/// A test binary that runs longer hangs.
const SECONDS: u32 = 900;

struct Machine {
    target: &'static str,
    /// The prefix of its C compiler, and the folder of its C library.
    gnu: &'static str,
    emulator: &'static str,
    emulator_options: &'static str,
    /// The test binaries; all, if none is named.
    tests: &'static [&'static str],
}

/// Those in which the order of bytes matters.
const BYTES: [&str; 9] = [
    "convert",
    "copies",
    "hostile",
    "minifloat",
    "negotiate",
    "packed",
    "roundtrip",
    "views",
    "vocabulary",
];

pub(super) fn i686(suite: &mut Suite) -> Outcome {
    let machine = Machine {
        target: "i686-unknown-linux-gnu",
        gnu: "i686-linux-gnu",
        emulator: "qemu-i386",
        // Without it the loader takes the libraries of the host.
        emulator_options: "-E LD_LIBRARY_PATH=/usr/i686-linux-gnu/lib",
        tests: &[],
    };
    run(suite, &machine)
}

pub(super) fn s390x(suite: &mut Suite) -> Outcome {
    let machine = Machine {
        target: "s390x-unknown-linux-gnu",
        gnu: "s390x-linux-gnu",
        emulator: "qemu-s390x",
        emulator_options: "",
        tests: &BYTES,
    };
    run(suite, &machine)
}

fn run(suite: &mut Suite, machine: &Machine) -> Outcome {
    let Machine { target, gnu, emulator, emulator_options, tests } = machine;
    let (compiler, root) = (format!("{gnu}-gcc"), format!("/usr/{gnu}"));
    for program in [emulator, compiler.as_str(), "timeout"] {
        require(program)?;
    }
    if !Path::new(&root).join("lib/libc.so.6").exists() {
        return Err(Stop::Missing(format!("the C library for {gnu} is not installed")));
    }
    let (lower, upper) = (target.replace('-', "_"), target.replace('-', "_").to_uppercase());
    let mut command = cargo("test -Zbuild-std -p dlpack-tests --no-fail-fast");
    if tests.is_empty() {
        command.args(["-p", "dlpack", "-p", "dlpack-sys", "-p", "dependent", "--tests"]);
    } else {
        command.args(only(tests));
    }
    command.args(["--features", "half,num-complex"]);
    command.args(["--target", target]).env(FEW_CASES.0, FEW_CASES.1);
    // Then no test starts a process.
    command.env("DLPACK_EMULATED", "1");
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", suite.own_target("foreign"));
    command.env(format!("CARGO_TARGET_{upper}_LINKER"), &compiler);
    command.env(format!("CC_{lower}"), &compiler).env(format!("CXX_{lower}"), format!("{gnu}-g++"));
    let runner = format!("timeout {SECONDS} {emulator} -L {root} {emulator_options}");
    command.env(format!("CARGO_TARGET_{upper}_RUNNER"), runner.trim_end());
    let toolchain = Toolchain::with_source(suite)?;
    suite.test(toolchain.apply(&mut command))
}
