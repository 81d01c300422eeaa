//! Compiles the CUDA driver of `tests/cuda`, a shared library that has no device.

use std::env;
use std::path::PathBuf;

const SOURCE: &str = "tests/cuda/mock.c";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={SOURCE}");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("libcuda.so");
    let mut build = cc::Build::new();
    build.cargo_metadata(false).std("c11").pic(true);
    build.warnings(true).extra_warnings(true).warnings_into_errors(true).flag("-Wpedantic");
    let mut command = build.get_compiler().to_command();
    // Once a library of that name is loaded, it is the one that the loader gives whoever asks for it.
    command.args([SOURCE, "-shared", "-pthread", "-Wl,-soname,libcuda.so", "-o"]).arg(&out);
    let status = command.status().expect("a C compiler");
    assert!(status.success(), "the C compiler failed: {status}");
    println!("cargo:rustc-env=MOCK_CUDA={}", out.display());
}
