//! Builds for targets that have no operating system, so no `std` could slip in.

use super::super::suite::{Outcome, Suite, cargo};
use super::super::toolchain::Toolchain;
use super::TYPES;

const TARGETS: [&str; 3] =
    ["thumbv7em-none-eabi", "riscv32imac-unknown-none-elf", "wasm32-unknown-unknown"];

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
    for features in ["", &format!("--features alloc,{TYPES}")] {
        let mut command = cargo(&format!("build -p dlpack --no-default-features {features}"));
        command.env("CARGO_TARGET_DIR", suite.own_target("foreign"));
        for target in targets {
            command.args(["--target", target]);
        }
        if let Some(toolchain) = with_source {
            command.arg("-Zbuild-std=core,alloc").env("RUSTC_BOOTSTRAP", "1");
            toolchain.apply(&mut command);
        }
        suite.run(&mut command)?;
    }
    Ok(())
}
