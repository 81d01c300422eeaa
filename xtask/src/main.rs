//! The chores of this repository. `cargo xtask` lists them.

extern crate alloc;

mod api;
mod bench;
mod evidence;
mod figures;
mod generated;
mod python;
mod test;
mod tools;

use std::process::{Command, ExitCode};

use tools::Result;

/// A task: its name, what `--help` shows, which begins with its purpose, and what it does. That returns `false` if a check
/// failed and has already been reported.
type Task = (&'static str, &'static str, fn(&[&str]) -> Result<bool>);

const TASKS: [Task; 7] = [
    ("test", test::HELP, test::run),
    ("bench", bench::HELP, bench::run),
    ("evidence", evidence::HELP, evidence::run),
    ("api", api::HELP, api::run),
    ("figures", figures::HELP, figures::run),
    ("bindgen", generated::BINDGEN_HELP, generated::bindgen),
    ("vendor", generated::VENDOR_HELP, generated::vendor),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match std::env::var_os(tools::STANDS_IN) {
        Some(rustdoc) => tools::run(Command::new(rustdoc).args(&words).env("RUSTC_BOOTSTRAP", "1"))
            .map(|()| true),
        None => run(&words),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<bool> {
    let is_help = |word: &&str| ["--help", "-h", "help"].contains(word);
    let Some((name, options)) = words.split_first().filter(|(name, _)| !is_help(name)) else {
        println!("Usage: cargo xtask TASK [OPTION...]\n");
        for (name, help, _) in TASKS {
            println!("  {name:<8} {}", help.lines().next().unwrap_or_default());
        }
        println!("\n`cargo xtask TASK --help` shows the options of a task.");
        return Ok(true);
    };
    let Some((_, help, run)) = TASKS.iter().find(|(known, ..)| known == name) else {
        return Err(format!("expected a task that `cargo xtask` lists, found `{name}`"));
    };
    if options.iter().any(is_help) {
        println!("cargo xtask {name}: {}", help.trim_end());
        return Ok(true);
    }
    run(options)
}
