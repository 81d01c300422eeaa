//! The chores of this repository. `cargo xtask` lists them.

mod bindings;
#[path = "../../dlpack-sys/generate/mod.rs"]
mod generate;
mod tools;
mod vendor;

use std::process::ExitCode;

use tools::Result;

/// A chore: its name and options, what it does, and the function that does it.
type Task = (&'static str, &'static str, fn(&[&str]) -> Result<()>);

const TASKS: [Task; 2] = [
    ("bindgen [--check]", "declares dlpack.h anew in dlpack-sys", bindings::run),
    ("vendor [--check]", "gets the pinned dlpack.h anew", vendor::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let Some((name, options)) = arguments.split_first() else {
        for (usage, purpose, _) in TASKS {
            println!("cargo xtask {usage:<20} {purpose}");
        }
        return Ok(());
    };
    match TASKS.iter().find(|(usage, ..)| usage.split(' ').next() == Some(name)) {
        Some((.., task)) => task(options),
        None => Err(format!("no task is called `{name}`; `cargo xtask` lists them")),
    }
}
