//! Builds for targets that have no operating system, so no `std` could slip in, and links firmware for them.

use super::super::suite::{Outcome, Suite, cargo};
use super::super::toolchain::Toolchain;
use super::TYPES;

const TARGETS: [&str; 5] = [
    "thumbv7em-none-eabi",
    "thumbv6m-none-eabi",
    "riscv32imac-unknown-none-elf",
    "riscv32imc-unknown-none-elf",
    "wasm32-unknown-unknown",
];

/// For which the types of other crates are built, too, which takes long.
const WITH_TYPES: &str = "thumbv7em-none-eabi";

/// What is built for all targets: the crate without and with a heap.
const BUILDS: [&str; 2] = [
    "-p dlpack --no-default-features",
    "-p dlpack --no-default-features --features alloc,half,num-complex",
];

/// A program that has no heap, and what it does. Compilers that come as source have no linker for it.
const FIRMWARE: [&str; 2] = ["-p bare-metal", "-p bare-metal --lib"];

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let active = Toolchain::active()?;
    let (installed, others): (Vec<&str>, Vec<&str>) =
        TARGETS.iter().partition(|target| active.target_libraries(target).is_dir());
    if !installed.is_empty() {
        build(suite, &installed, None)?;
    }
    if !others.is_empty() {
        let with_source = Toolchain::with_source(suite)?;
        build(suite, &others, Some(&with_source))?;
    }
    Ok(())
}

/// Builds with the compiled libraries of the active compiler, or makes them from source.
fn build(suite: &mut Suite, targets: &[&str], with_source: Option<&Toolchain>) -> Outcome {
    for what in BUILDS {
        build_one(suite, what, targets, with_source)?;
    }
    let [program, library] = FIRMWARE;
    let firmware = if with_source.is_some() { library } else { program };
    build_one(suite, firmware, targets, with_source)?;
    if targets.contains(&WITH_TYPES) {
        let what = format!("-p dlpack --no-default-features --features alloc,{TYPES}");
        build_one(suite, &what, &[WITH_TYPES], with_source)?;
    }
    Ok(())
}

fn build_one(
    suite: &mut Suite,
    what: &str,
    targets: &[&str],
    with_source: Option<&Toolchain>,
) -> Outcome {
    let mut command = cargo(&format!("build {what}"));
    command.env("CARGO_TARGET_DIR", suite.own_target("foreign"));
    for target in targets {
        command.args(["--target", target]);
    }
    if let Some(toolchain) = with_source {
        command.arg("-Zbuild-std=core,alloc").env("RUSTC_BOOTSTRAP", "1");
        toolchain.apply(&mut command);
    }
    suite.run(&mut command).map(drop)
}
