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

struct Task {
    name: &'static str,
    purpose: &'static str,
    /// What `--help` shows after the purpose.
    help: &'static str,
    /// Returns `false` if a check failed and has already been reported.
    run: fn(&[&str]) -> Result<bool>,
}

const TASKS: [Task; 7] = [
    Task {
        name: "test",
        purpose: "runs the checks of the repository",
        help: test::HELP,
        run: test::run,
    },
    Task {
        name: "bench",
        purpose: "compares this project with peers and with hand-written floors",
        help: bench::HELP,
        run: bench::run,
    },
    Task {
        name: "evidence",
        purpose: "runs the checks that take hours, and records what they did",
        help: evidence::HELP,
        run: evidence::run,
    },
    Task {
        name: "api",
        purpose: "writes the public interface of dlpack to a file",
        help: api::HELP,
        run: api::run,
    },
    Task {
        name: "figures",
        purpose: "counts lines of code and public names",
        help: figures::HELP,
        run: figures::run,
    },
    Task {
        name: "bindgen",
        purpose: "generates the declarations of dlpack-sys from dlpack.h",
        help: generated::BINDGEN_HELP,
        run: generated::bindgen,
    },
    Task {
        name: "vendor",
        purpose: "downloads the pinned dlpack.h",
        help: generated::VENDOR_HELP,
        run: generated::vendor,
    },
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
        for task in TASKS {
            println!("  {:<8} {}", task.name, task.purpose);
        }
        println!("\n`cargo xtask TASK --help` shows the options of a task.");
        return Ok(true);
    };
    let task = TASKS.iter().find(|task| task.name == *name);
    let task =
        task.ok_or_else(|| format!("expected a task that `cargo xtask` lists, found `{name}`"))?;
    if options.iter().any(is_help) {
        println!("cargo xtask {name}: {}.\n\n{}", task.purpose, task.help.trim_end());
        return Ok(true);
    }
    (task.run)(options)
}
