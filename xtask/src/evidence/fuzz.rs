//! The fuzz targets.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use super::Length;
use super::record::Record;
use crate::tools::{self, Result, command, host, read, root, rustc, target};

/// What the fuzzer asks of the compiler: counters at each branch, and AddressSanitizer. No comparison is traced: numbers of a script
/// are not those that are compared, and tracing takes a third of the time.
const FLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table";

/// How often each target runs: those of arithmetic more often, since their inputs are more.
pub(super) const GOALS: [(&str, u64); 7] = [
    ("layout", 300_000_000),
    ("gate", 20_000_000),
    ("views", 20_000_000),
    ("tensors", 20_000_000),
    ("allocators", 20_000_000),
    ("negotiate", 20_000_000),
    ("exchange", 20_000_000),
];

/// After so many seconds what was done is recorded, and the fuzzer goes on.
const SLICE: u64 = 120;

/// What AddressSanitizer is told. Where an allocation was made is of use for a crash only, which can be repeated without this.
const SANITIZER: &str = "malloc_context_size=0:quarantine_size_mb=32";

/// One slice in so many looks for stack memory that is used after its function has returned, which takes a quarter of the time.
const THOROUGH: u64 = 8;

/// Where the number of variants is that are run of each input.
const VARIANTS: &str = "fuzz/src/variants.rs";

/// The longest input, in bytes.
const LONGEST: u32 = 400;

pub(super) fn run(targets: &[&str], length: Length) -> Result<bool> {
    let names = GOALS.map(|(name, _)| name);
    if let Some(name) = targets.iter().find(|name| !names.contains(name)) {
        return Err(format!("expected one of `{}`, found `{name}`", names.join("`, `")));
    }
    let programs = build()?;
    let chosen = GOALS.iter().filter(|(name, _)| targets.is_empty() || targets.contains(name));
    let chosen: Vec<_> = chosen.collect();
    let count = u64::try_from(chosen.len()).unwrap_or(1).max(1);
    for (name, goal) in chosen {
        match length {
            Length::Seconds(seconds) => {
                let runs = fuzz(&programs.join(name), name, seconds.div_ceil(count), None, true)?;
                println!("{name}: {runs} executions");
            }
            Length::Whole => until(&programs.join(name), name, *goal)?,
        }
    }
    Ok(true)
}

/// Runs a target until it has reached its goal.
fn until(program: &PathBuf, name: &str, goal: u64) -> Result<()> {
    for slice in 0.. {
        let record = Record::read()?;
        let done = record.count("fuzz", name);
        println!("{name}: {done} of {goal} executions on code {}", record.code);
        if done >= goal {
            break;
        }
        let runs = fuzz(program, name, SLICE, Some(goal - done), slice % THOROUGH == 0)?;
        // The code is that of the program, unless it has changed meanwhile. Other targets may have been recorded.
        let mut now = Record::read()?;
        if record.code != now.code {
            return Err("the code has changed: start again".to_owned());
        }
        now.add("fuzz", name, runs, &rustc()?)?;
    }
    Ok(())
}

pub(super) fn folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| target().join("fuzz"), PathBuf::from)
}

/// Builds all targets, and returns where they are.
fn build() -> Result<PathBuf> {
    let host = host()?;
    let folder = folder();
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host])
        .args(["--features", "libfuzzer,types"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", &folder);
    tools::run(&mut cargo)?;
    Ok(folder.join(host).join("release"))
}

/// Runs a target for some seconds or as often as given, whichever comes first, and returns how often it ran.
fn fuzz(
    program: &PathBuf,
    name: &str,
    seconds: u64,
    runs: Option<u64>,
    thorough: bool,
) -> Result<u64> {
    let each = 1 + variants(&read(VARIANTS)?)?;
    let (corpus, crashes) = (folder().join("corpus").join(name), folder().join("crashes"));
    for made in [&corpus, &crashes] {
        fs::create_dir_all(made).map_err(|error| format!("{}: {error}", made.display()))?;
    }
    let log = folder().join(format!("{name}.log"));
    let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut fuzzer = Command::new(program);
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-artifact_prefix={}/{name}-", crashes.display()))
        .args(["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=4096", "-verbosity=1"])
        // How rare each counter is, which takes four times as long to know as a target runs.
        .arg("-entropic=0")
        .arg(&corpus)
        .arg(root().join("fuzz/corpus").join(name))
        .env(
            "ASAN_OPTIONS",
            format!("{SANITIZER}:detect_stack_use_after_return={}", u8::from(thorough)),
        )
        .stderr(file);
    if let Some(runs) = runs {
        fuzzer.arg(format!("-runs={}", runs.div_ceil(each)));
    }
    let status = fuzzer.status().map_err(|error| format!("{}: {error}", program.display()))?;
    let output = read(&log)?;
    if !status.success() {
        let last: Vec<&str> = output.lines().rev().take(60).collect();
        last.iter().rev().for_each(|line| println!("  | {line}"));
        return Err(format!(
            "{name}: {status}; the input is in {}, and {} has all that it wrote",
            crashes.display(),
            log.display()
        ));
    }
    let inputs =
        executed(&output).ok_or_else(|| format!("{} does not say how often it ran", log.display()));
    Ok(inputs? * each)
}

/// How many variants of an input are run.
fn variants(text: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("pub const COUNT: u64 = "));
    let count = line.and_then(|line| line.strip_suffix(';')?.parse().ok());
    count.ok_or_else(|| format!("{VARIANTS} has no number of variants"))
}

fn executed(output: &str) -> Option<u64> {
    let count =
        output.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count.and_then(|count| count.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        let output = "Done 7 runs in 1 second(s)\nstat::number_of_executed_units: 7\n";
        assert_eq!(executed(output), Some(7));
        assert_eq!(executed(""), None);
        assert!(variants(&read(VARIANTS).unwrap()).unwrap() > 0);
        assert!(variants("").is_err());
    }

    #[test]
    fn each_target_has_a_goal_and_a_corpus() {
        let manifest = read("fuzz/Cargo.toml").unwrap();
        let found = manifest.lines().filter(|line| line.starts_with("path = \"fuzz_targets/"));
        assert_eq!(found.count(), GOALS.len());
        for (name, _) in GOALS {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
            assert!(root().join("fuzz/corpus").join(name).is_dir(), "{name}");
        }
    }
}
