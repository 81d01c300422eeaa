//! `EVIDENCE.md`: what each promise of SAFETY.md rests on, in numbers.

use core::fmt::Write;

use super::record::{Entry, Record};
use super::{cargo_mutants, checks, fuzz, fuzz_python, mutants};
use crate::test::steps::machines;
use crate::tools::{Result, read, write};

const PROMISES: &str = "evidence/promises.txt";

/// A row of a table of SAFETY.md.
struct Promise {
    text: String,
    tests: String,
    items: Vec<String>,
}

/// Writes the file.
pub(super) fn run() -> Result<()> {
    let record = Record::read()?;
    let promises = promises()?;
    let mut text = String::from(HEAD);
    line(
        &mut text,
        &format!(
            "The code is {}, a hash of the lines of `dlpack/src` and `dlpack-sys/src` that are neither blank nor comments.\n\
             With `dlpack-pyo3/src`, on which `speed`, `free-threaded`, `coverage-python` and what is named `py-` depend, too, it is {}.\n",
            record.code,
            record.code_of("speed", "")
        ),
    );
    text.push_str("## Promises\n\n| Promise | Shown by | At length |\n|---|---|---|\n");
    for Promise { text: promise, tests, items } in &promises {
        let found: Result<Vec<String>> =
            items.iter().map(|item| item_text(&record, item)).collect();
        line(&mut text, &format!("| {promise} | {tests} | {} |", found?.join("; ")));
    }
    whole_checks(&mut text, &record);
    on_machines(&mut text, &record);
    fuzzing(&mut text, &record);
    faults(&mut text, &record);
    by_tool(&mut text)?;
    by_hand(&mut text, &record)?;
    text.push_str(NOT_RUN);
    write("EVIDENCE.md", &text)
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Of what was done on other code it says so.
fn age(record: &Record, entry: &Entry) -> String {
    match entry.code == record.code_of(&entry.part, &entry.item) {
        true => entry.day.clone(),
        false => format!("{}, on code {}", entry.day, entry.code),
    }
}

fn item_text(record: &Record, item: &str) -> Result<String> {
    let (part, name) = item.split_once(' ').unwrap_or((item, ""));
    Ok(match part {
        "types" => "the compiler".to_owned(),
        "step" => format!("step `{name}`"),
        "faults" => {
            let sum: u64 = record.of("faults").map(|entry| entry.count).sum();
            format!("{} producers of one fault", number(sum))
        }
        "fuzz" => format!("fuzz `{name}` {}", number(record.count("fuzz", name))),
        "mutants" => {
            let prefix = name.trim_end_matches('*');
            let is_here = |it: &str| it == name || name.ends_with('*') && it.starts_with(prefix);
            let all = mutants::names()?.iter().filter(|it| is_here(it)).count();
            let is_noticed = |it: &&String| is_here(it) && record.count("mutants", it) > 0;
            let noticed = mutants::names()?.iter().filter(is_noticed).count();
            format!("{noticed} of {all} faults `{name}` noticed")
        }
        _ => {
            let check =
                checks::find(part).ok_or_else(|| format!("{PROMISES}: cannot read `{item}`"))?;
            let count =
                record.of(part).next().map_or_else(|| "not run".to_owned(), |it| number(it.count));
            format!("`{part}` {count} {}", check.unit)
        }
    })
}

fn whole_checks(text: &mut String, record: &Record) {
    text.push_str(
        "\n## Checks that run to their end\n\n| `cargo xtask evidence` | Shows | How much | When | With |\n|---|---|---|---|---|\n",
    );
    for checks::Check { name, what, unit, .. } in &checks::CHECKS {
        match record.of(name).next() {
            Some(entry) => {
                let (count, age) = (number(entry.count), age(record, entry));
                line(
                    text,
                    &format!("| `{name}` | {what} | {count} {unit} | {age} | {} |", entry.with),
                );
            }
            None => line(text, &format!("| `{name}` | {what} | not run | | |")),
        }
    }
}

fn on_machines(text: &mut String, record: &Record) {
    text.push_str(
        "\n## Other machines\n\n`cargo xtask evidence machines`, besides the steps `i686` and `s390x` of `cargo xtask test`.\n\n\
         | Name | What runs | Passed | Besides | When |\n|---|---|--:|---|---|\n",
    );
    for step in machines() {
        let (name, purpose) = (step.name, step.purpose);
        match record.of("machines").find(|entry| entry.item == name) {
            Some(entry) => {
                let (count, age) = (number(entry.count), age(record, entry));
                line(text, &format!("| `{name}` | {purpose} | {count} | {} | {age} |", entry.with));
            }
            None => line(text, &format!("| `{name}` | {purpose} | not run | | |")),
        }
    }
}

fn fuzzing(text: &mut String, record: &Record) {
    text.push_str(
        "\n## Fuzzing\n\n`cargo xtask evidence fuzz`: libFuzzer under AddressSanitizer, with overflow checks and the standard \
         library's checks of\nunsafe preconditions. Each of its inputs is run with fifteen variants, which count as executions, too. The last row is \
         `cargo xtask evidence fuzz-python`:\nproducers in Python and what is done with their tensors, drawn from seeds that no fuzzer chooses, under AddressSanitizer. Of each seed a script \
         is run,\nand fifteen shorter rounds with a tensor that is made anew for each; each of the sixteen counts as an execution.\n\n| Target | Executions | Goal | When | With |\n|---|--:|--:|---|---|\n",
    );
    for (name, goal) in fuzz::GOALS.into_iter().chain([fuzz_python::GOAL]) {
        let goal = number(goal);
        match record.of("fuzz").find(|entry| entry.item == name) {
            Some(entry) => {
                let (count, age) = (number(entry.count), age(record, entry));
                line(text, &format!("| `{name}` | {count} | {goal} | {age} | {} |", entry.with));
            }
            None => line(text, &format!("| `{name}` | not run | {goal} | | |")),
        }
    }
}

fn faults(text: &mut String, record: &Record) {
    text.push_str(
        "\n## Producers of one fault\n\n`cargo xtask evidence faults`: drawn, through every way in and all that is safe \
         afterwards; none crashed, leaked, or was deleted\nmore or less than once.\n\n| Fault | Producers | Of which | When |\n|---|--:|---|---|\n",
    );
    for entry in record.of("faults") {
        let (item, count, age) = (&entry.item, number(entry.count), age(record, entry));
        line(text, &format!("| {item} | {count} | {} | {age} |", entry.with));
    }
}

fn by_tool(text: &mut String) -> Result<()> {
    text.push_str(
        "\n## Mutants of cargo-mutants\n\n`cargo xtask evidence cargo-mutants`: each is tried until a test fails; \
         `evidence/survivors.txt` explains those that none can notice. Mutants of\nfiles that have changed since count as not tried.\n\n\
         | Module | Mutants | Tried | Noticed | Not compiled | Explained | Not explained | When |\n\
         |---|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for (module, counts, when) in cargo_mutants::table()? {
        match counts {
            [_, 0, ..] => line(text, &format!("| `{module}` | | not run | | | | | |")),
            counts => {
                let counts = counts.map(|count| count.to_string()).join(" | ");
                line(text, &format!("| `{module}` | {counts} | {when} |"));
            }
        }
    }
    Ok(())
}

fn by_hand(text: &mut String, record: &Record) -> Result<()> {
    text.push_str(
        "\n## Faults put in by hand\n\n`cargo xtask evidence mutants`: each is put into the code, and a test must fail.\n\n\
         | Fault | Noticed by | When |\n|---|---|---|\n",
    );
    for name in mutants::names()? {
        match record.of("mutants").find(|entry| entry.item == name) {
            Some(entry) => {
                let age = age(record, entry);
                line(text, &format!("| `{name}` | `{}` | {age} |", entry.with));
            }
            None => line(text, &format!("| `{name}` | not run | |")),
        }
    }
    Ok(())
}

/// A number in groups of three digits.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        write!(text, "{digit}").ok();
    }
    text
}

/// The rows of the tables of promises, each with its items.
fn promises() -> Result<Vec<Promise>> {
    let (safety, items) = (read("SAFETY.md")?, read(PROMISES)?);
    let lines = items.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (start, items) = line.split_once(" = ")?;
        Some((start.to_owned(), items.split(", ").map(str::to_owned).collect::<Vec<_>>()))
    };
    let pairs: Option<Vec<(String, Vec<String>)>> = lines.map(pair).collect();
    let mut pairs = pairs.ok_or_else(|| format!("{PROMISES}: expected ` = ` in each line"))?;
    let (mut found, mut is_table) = (Vec::new(), false);
    for line in safety.lines() {
        is_table = line.starts_with('|') && (is_table || line.starts_with("| Promise |"));
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (&[text, _, tests], true) = (&cells[..], is_table) else { continue };
        if text == "Promise" {
            continue;
        }
        let at = pairs.iter().position(|(start, _)| text.starts_with(start.as_str()));
        let at = at.ok_or_else(|| format!("{PROMISES}: nothing for the promise `{text}`"))?;
        let (text, tests, items) = (text.to_owned(), tests.to_owned(), pairs.remove(at).1);
        found.push(Promise { text, tests, items });
    }
    match pairs.first() {
        Some((start, _)) => Err(format!("{PROMISES}: SAFETY.md has no promise `{start}`")),
        None => Ok(found),
    }
}

const HEAD: &str = "\
# Evidence

What the checks that take hours have done, for each promise of [SAFETY.md](SAFETY.md). `cargo xtask evidence` runs them, goes on from
what `evidence/record.tsv` says, and writes this page; `.ci/run` runs a bounded part of each.

";

const NOT_RUN: &str = "
## Not run

| What | Why | Command | Workflow |
|---|---|---|---|
| Miri, with strict provenance | its component cannot be had where this page is made | `cargo xtask test miri` | `miri` in `.github/workflows/ci.yml` |
| macOS, Windows | there is no such machine | `cargo xtask test --keep-going` | `quick` in `.github/workflows/ci.yml` |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_promise_has_something() {
        let record = Record::read().unwrap();
        let promises = promises().unwrap();
        assert!(promises.len() > 50);
        for promise in promises {
            assert!(!promise.items.is_empty());
            for item in &promise.items {
                let text = item_text(&record, item).unwrap();
                assert!(!text.contains("of 0 faults"), "{item}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 20_000_000].map(number), ["0", "999", "1,000", "20,000,000"]);
    }
}
