//! Compiles `numbers.c` against the header that `dlpack-sys` hands to its dependents.

use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=src/numbers.c");
    let Ok(include) = std::env::var("DEP_DLPACK_INCLUDE") else {
        eprintln!("error: dlpack-sys does not say where dlpack.h is");
        return ExitCode::FAILURE;
    };
    println!("cargo::rustc-env=DLPACK_INCLUDE={include}");
    let mut build = cc::Build::new();
    build.file("src/numbers.c").include(include).std("c11");
    match build.warnings_into_errors(true).try_compile("dependent_numbers") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: a C compiler is needed and must accept dlpack.h: {error}");
            ExitCode::FAILURE
        }
    }
}
