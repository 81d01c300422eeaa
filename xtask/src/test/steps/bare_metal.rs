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

/// Those whose processors have no compare-and-swap, which other crates need.
const SIMPLE: [&str; 2] = ["thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

/// What is built for all targets: the crate without and with a heap, and a program that has none.
const BUILDS: [&str; 3] = [
    "-p dlpack --no-default-features",
    "-p dlpack --no-default-features --features alloc,half,num-complex",
    "-p bare-metal",
];

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
    let others: Vec<&str> =
        targets.iter().copied().filter(|target| !SIMPLE.contains(target)).collect();
    let with_types = format!("-p dlpack --no-default-features --features alloc,{TYPES}");
    build_one(suite, &with_types, &others, with_source)
}

fn build_one(
    suite: &mut Suite,
    what: &str,
    targets: &[&str],
    with_source: Option<&Toolchain>,
) -> Outcome {
    if targets.is_empty() {
        return Ok(());
    }
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
