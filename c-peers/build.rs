//! Compiles a shared library for each of the tensor libraries, with the headers that their wheels bring.

use std::env;
use std::path::{Path, PathBuf};

/// The shim, the folders of its headers, and the libraries that it links to.
const SHIMS: [(&str, &[&str], &[&str]); 3] = [
    ("tvm_ffi", &["tvm_ffi/include"], &["tvm_ffi/lib/libtvm_ffi.so"]),
    ("torch", &["torch/include"], &["torch/lib/libtorch_cpu.so", "torch/lib/libc10.so"]),
    ("arrow", &["pyarrow/include"], &["pyarrow/libarrow.so.*"]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=shims");
    println!("cargo:rerun-if-env-changed=SITE_PACKAGES");
    let wheels = env::var_os("SITE_PACKAGES")
        .expect("SITE_PACKAGES, which names a folder with wheels: run `cargo xtask test c-peers`");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (name, headers, libraries) in SHIMS {
        let library = out.join(format!("lib{name}_shim.so"));
        println!("cargo:rustc-env={}_SHIM={}", name.to_uppercase(), library.display());
        // Lints need no libraries.
        if wheels.is_empty() {
            continue;
        }
        compile(Path::new(&wheels), name, headers, libraries, &library);
    }
}

fn compile(wheels: &Path, name: &str, headers: &[&str], libraries: &[&str], out: &Path) {
    let mut build = cc::Build::new();
    build.cpp(true).cargo_metadata(false).std("c++20").pic(true).opt_level(0);
    build.warnings(true).extra_warnings(true).warnings_into_errors(true);
    let mut command = build.get_compiler().to_command();
    command.arg("-shared").arg(format!("shims/{name}.cc")).arg("-o").arg(out);
    for folder in headers {
        // Warnings are the business of who wrote the headers.
        command.arg("-isystem").arg(wheels.join(folder));
    }
    for library in libraries {
        let path = find(&wheels.join(library));
        println!("cargo:rerun-if-changed={}", path.display());
        command.arg(&path);
        command.arg(format!("-Wl,-rpath,{}", path.parent().expect("a folder").display()));
    }
    // The libraries find those that they need by themselves.
    command.arg("-Wl,--unresolved-symbols=ignore-in-shared-libs");
    let status = command.status().expect("a C++ compiler");
    assert!(status.success(), "the C++ compiler failed: {status}");
}

/// Returns the path, whose last part may end with a star.
fn find(pattern: &Path) -> PathBuf {
    let name = pattern.file_name().and_then(|name| name.to_str()).expect("a name");
    let Some(start) = name.strip_suffix('*') else { return pattern.to_owned() };
    let folder = pattern.parent().expect("a folder");
    let files = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let is_it = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(start))
    };
    let found = files.filter_map(|file| Some(file.ok()?.path())).find(is_it);
    found.unwrap_or_else(|| panic!("no file is {}", pattern.display()))
}
