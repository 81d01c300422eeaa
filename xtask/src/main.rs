//! The chores of this repository. `cargo xtask` lists them.

mod bench;
mod bindings;
#[path = "../../dlpack-sys/generate/mod.rs"]
mod generate;
mod python;
mod rustdoc;
mod test;
mod tools;
mod vendor;

use std::process::ExitCode;

use tools::Result;

/// A chore: its name and options, what it does, and the function that does it.
type Task = (&'static str, &'static str, fn(&[&str]) -> Result<ExitCode>);

const TASKS: [Task; 4] = [
    ("bench [--python] [ROW...]", "compares with peers and hand-written floors", bench::run),
    ("bindgen [--check]", "declares dlpack.h anew in dlpack-sys", bindgen),
    ("test [--all] [STEP...]", "runs every check of the repository", test::run),
    ("vendor [--check]", "gets the pinned dlpack.h anew", vendor),
];

fn bindgen(options: &[&str]) -> Result<ExitCode> {
    bindings::run(options).map(|()| ExitCode::SUCCESS)
}

fn vendor(options: &[&str]) -> Result<ExitCode> {
    vendor::run(options).map(|()| ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match rustdoc::run().unwrap_or_else(|| run(&arguments)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<ExitCode> {
    let Some((name, options)) = arguments.split_first() else {
        for (usage, purpose, _) in TASKS {
            println!("cargo xtask {usage:<25} {purpose}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    match TASKS.iter().find(|(usage, ..)| usage.split(' ').next() == Some(name)) {
        Some((.., task)) => task(options),
        None => Err(format!("no task is called `{name}`; `cargo xtask` lists them")),
    }
}
