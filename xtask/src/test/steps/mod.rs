//! The steps of a run, in their order; each file holds one idea.

mod bare_metal;
mod benches;
mod devices;
mod docs;
mod examples;
mod features;
mod foreign;
mod generated;
mod miri;
mod msrv;
mod package;
mod pyo3;
mod python;
mod sanitizers;
mod style;
mod valgrind;

use super::suite::{Outcome, Suite};

/// How many cases a property test draws where the machine is emulated or watched, and slow.
const FEW_CASES: (&str, &str) = ("PROPTEST_CASES", "16");

/// The features of `dlpack` that are about types of other crates.
const TYPES: &str = "half,num-complex,ndarray,nalgebra,faer,bytes";

/// The options of cargo for these test binaries alone.
fn only<'a>(tests: &[&'a str]) -> Vec<&'a str> {
    tests.iter().flat_map(|test| ["--test", test]).collect()
}

/// One step: what it is called, what it shows, and the function that does it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) run: fn(&mut Suite) -> Outcome,
    /// Its tool cannot be had everywhere, so that even `--all` does without.
    pub(crate) is_optional: bool,
}

const fn step(name: &'static str, purpose: &'static str, run: fn(&mut Suite) -> Outcome) -> Step {
    Step { name, purpose, run, is_optional: false }
}

const fn optional(
    name: &'static str,
    purpose: &'static str,
    run: fn(&mut Suite) -> Outcome,
) -> Step {
    Step { name, purpose, run, is_optional: true }
}

/// The quick ones first, so that a slip is known early.
pub(crate) const STEPS: [Step; 22] = [
    step("fmt", "every file is formatted", style::format),
    step("vendor", "the vendored header is the pinned one", generated::header),
    step("bindgen", "the declarations are those of the header", generated::declarations),
    step("clippy", "no lint speaks up, with any features", style::lint),
    step("features", "the tests, with each set of features", features::run),
    step("examples", "every example runs", examples::run),
    step("docs", "the documentation builds, and every function has an example", docs::run),
    step("benches", "the benchmarks compile, and all contenders agree", benches::run),
    step("package", "the packages hold what they must, and build", package::run),
    step("msrv", "the oldest supported compiler builds the crates and their tests", msrv::run),
    step(
        "bare-metal",
        "the crate builds for machines without an operating system",
        bare_metal::run,
    ),
    step("devices", "memory of CUDA, OpenCL and Vulkan", devices::run),
    step("pyo3", "the crate for Python: lints, documentation, embedded interpreters", pyo3::run),
    step("python", "the tests in Python, with each library", python::run),
    step("python-versions", "the tests in Python, with each version of Python", python::versions),
    step(
        "python-benches",
        "the benchmarks of Python build, and all contenders agree",
        benches::python,
    ),
    step("i686", "the tests on a 32-bit machine", foreign::i686),
    step("s390x", "the tests on a big-endian machine", foreign::s390x),
    step(
        "asan",
        "the tests under AddressSanitizer, LeakSanitizer and, in C, UBSan",
        sanitizers::address,
    ),
    optional("tsan", "the tests under ThreadSanitizer", sanitizers::thread),
    step("valgrind", "the tests under valgrind", valgrind::run),
    optional("miri", "the tests in pure Rust under Miri", miri::run),
];
