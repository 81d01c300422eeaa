//! Makes the text of `bindings.rs` from `dlpack.h`.
//!
//! The one place that sets the generator's options: the build script (feature `bindgen`) and
//! `cargo xtask bindgen` both compile this file.

mod doc;

use core::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, panic};

use bindgen::callbacks::{IntKind, ParseCallbacks};
use bindgen::{Builder, EnumVariation, Formatter, RustEdition, RustTarget};

const FIRST_LINE: &str =
    "// Generated from dlpack.h by `cargo xtask bindgen`: not to be edited.\n\n";

/// Any target gives the same text: the header's types have fixed widths, pointers aside. A fixed
/// one keeps it the same on every host.
const CLANG_ARGS: [&str; 5] = [
    "-xc++",
    "-std=c++17",
    "-ffreestanding",
    "-Wno-everything",
    "--target=x86_64-unknown-linux-gnu",
];

/// Structs whose copies would make two owners, or detach a table from its address.
const NO_COPY: &str = "DLManagedTensor(Versioned)?|DLPackExchangeAPI(Header)?";

/// Structs with pointers: comparing addresses is not comparing tensors.
const NO_EQ: &str = "DLTensor|DLManagedTensor(Versioned)?|DLPackExchangeAPI(Header)?";

/// Why there are no bindings; each is shown in one line.
#[derive(Debug)]
pub(crate) enum Failure {
    NoLibclang,
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLibclang => {
                f.write_str("libclang is needed: install it, or set LIBCLANG_PATH to its folder")
            }
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// Returns the Rust declarations of everything in `header`.
pub(crate) fn bindings(header: &Path) -> Result<String, Failure> {
    let shown = header.display();
    let source = fs::read_to_string(header)
        .map_err(|error| Failure::Other(format!("cannot read {shown}: {error}")))?;
    let generated = catch(|| options(&shown.to_string(), &source).generate())?
        .map_err(|error| Failure::Other(refusal(&shown.to_string(), &error.to_string())))?;
    Ok(format!("{FIRST_LINE}{}", doc::tidy(&generated.to_string(), &source)))
}

fn refusal(header: &str, error: &str) -> String {
    if error.contains("'stdint.h' file not found") || error.contains("'stddef.h' file not found") {
        return "a C compiler (`cc`, or CC) is needed: this libclang has no headers of its own"
            .to_owned();
    }
    format!("libclang does not accept {header}: {}", error.lines().next().unwrap_or("no reason"))
}

fn options(header: &str, source: &str) -> Builder {
    bindgen::builder()
        .header(header)
        .allowlist_item("k?DL.*")
        .clang_args(CLANG_ARGS)
        .clang_args(compiler_headers())
        .detect_include_paths(false)
        .use_core()
        .rust_target(RustTarget::stable(85, 0).unwrap_or_default())
        .rust_edition(RustEdition::Edition2024)
        .default_enum_style(EnumVariation::NewType { is_bitfield: false, is_global: false })
        .derive_eq(true)
        .derive_hash(true)
        .no_copy(NO_COPY)
        .no_partialeq(NO_EQ)
        .no_hash(NO_EQ)
        .layout_tests(false)
        .disable_header_comment()
        .formatter(Formatter::Prettyplease)
        .parse_callbacks(Box::new(Callbacks { source: source.to_owned() }))
}

/// Offers the C compiler's own `stddef.h` and `stdint.h` to a libclang that came without them.
fn compiler_headers() -> Vec<String> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output =
        Command::new(compiler).arg("-print-file-name=include").stderr(Stdio::null()).output();
    match output.map(|output| String::from_utf8(output.stdout)) {
        Ok(Ok(path)) if Path::new(path.trim()).is_absolute() => {
            vec!["-idirafter".to_owned(), path.trim().to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Runs `call`, and makes a failure of a panic: bindgen has no other way to say that there is no
/// libclang.
fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(call));
    panic::set_hook(hook);
    result.map_err(|payload| match payload.downcast_ref::<String>() {
        Some(message) if message.contains("Unable to find libclang") => Failure::NoLibclang,
        Some(message) => Failure::Other(format!("bindgen gave up: {message}")),
        None => Failure::Other("bindgen gave up".to_owned()),
    })
}

#[derive(Debug)]
struct Callbacks {
    source: String,
}

impl ParseCallbacks for Callbacks {
    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        Some(if name.starts_with("DLPACK_FLAG_") { IntKind::U64 } else { IntKind::U32 })
    }

    fn process_comment(&self, comment: &str) -> Option<String> {
        Some(doc::from_doxygen(comment, &self.source))
    }
}
