//! Compiles the C tensor library of the tests, as C99 and as C++17; one of the two is linked. And the C of the examples.
//!
//! `DLPACK_TESTS_CXX=1` links the C++ build instead of the C one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

const SOURCES: &str = "tests/c";
const SWITCH: &str = "DLPACK_TESTS_CXX";
const LAYOUT_ASSERTS: &str = "layout_asserts.c";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    C,
    Cxx,
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-env-changed={SWITCH}");
    println!("cargo:rustc-env=DLPACK_INCLUDE={}", include().display());

    let linked =
        if env::var_os(SWITCH).is_some_and(|v| v == "1") { Language::Cxx } else { Language::C };
    for language in [Language::C, Language::Cxx] {
        if language == Language::Cxx && language != linked && !compiler_exists() {
            println!("cargo:warning=no C++ compiler: tests/c is not checked as C++17");
            continue;
        }
        compile("ct", &library(), language, language == linked);
        compile("ct_layout_asserts", &[Path::new(SOURCES).join(LAYOUT_ASSERTS)], language, false);
    }
    compile_examples();
}

/// Each file of C beside the examples is a library, and all of them are linked to all examples, which leave out what they do not
/// call.
fn compile_examples() {
    println!("cargo:rerun-if-changed=examples");
    for file in c_files("examples") {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
        let name = format!("example_{name}");
        compile(&name, &[file], Language::C, false);
        let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("c");
        for library in [format!("lib{name}.a"), format!("{name}.lib")] {
            if folder.join(&library).exists() {
                println!("cargo:rustc-link-arg-examples={}", folder.join(library).display());
            }
        }
    }
}

/// Where `dlpack/dlpack.h` lies, as `dlpack-sys` tells its dependents.
fn include() -> PathBuf {
    env::var_os("DEP_DLPACK_INCLUDE").expect("dlpack-sys sets its include directory").into()
}

fn library() -> Vec<PathBuf> {
    let windows = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "windows");
    let other_platform = if windows { "platform_unix.c" } else { "platform_windows.c" };
    let mut files = c_files(SOURCES);
    files.retain(|path| !path.ends_with(other_platform) && !path.ends_with(LAYOUT_ASSERTS));
    files
}

fn c_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let is_c = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "c");
    let mut files: Vec<PathBuf> = paths.filter(is_c).collect();
    files.sort();
    files
}

fn compile(name: &str, files: &[PathBuf], language: Language, link: bool) {
    let mut build = builder(language);
    build.files(files).include(include()).cargo_metadata(link);
    build.warnings(true).extra_warnings(true).warnings_into_errors(true);
    let asserts = name != "ct";
    if build.get_compiler().is_like_msvc() {
        build.define("_CRT_SECURE_NO_WARNINGS", None);
        build.std(if language == Language::C { "c11" } else { "c++17" });
        if language == Language::Cxx {
            build.flag("/TP");
        }
    } else {
        build.flag("-Wpedantic");
        match language {
            Language::C => build.std(if asserts { "c11" } else { "c99" }),
            // Nothing here throws, and without the runtime the objects link into a Rust program as C does.
            Language::Cxx => {
                build.std("c++17").flag("-xc++").flags(["-fno-exceptions", "-fno-rtti"])
            }
        };
    }
    build.compile(name);
}

fn builder(language: Language) -> cc::Build {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut build = cc::Build::new();
    match language {
        Language::C => build.out_dir(out.join("c")),
        Language::Cxx => build.out_dir(out.join("cxx")).cpp(true).cpp_link_stdlib(None),
    };
    build
}

fn compiler_exists() -> bool {
    let Ok(compiler) = builder(Language::Cxx).try_get_compiler() else { return false };
    let mut command = Command::new(compiler.path());
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}
