//! The mutants that cargo-mutants makes, each of which a test must notice. `evidence/cargo-mutants.tsv` says how far each file is, and
//! `evidence/survivors.txt` why no test notices some.

use alloc::collections::BTreeMap;
use core::fmt::Write;
use core::time::Duration;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Length;
use super::mutants::{LONGEST, Outcome, check, copy};
use super::one_build;
use super::record::{file_code, today};
use crate::tools::{self, Result, command, read, root, write};

const ROWS: &str = "evidence/cargo-mutants.tsv";

const SURVIVORS: &str = "evidence/survivors.txt";

/// What stands where nobody has said why no test notices a mutant.
const UNEXPLAINED: &str = "?";

/// The modules, as files or folders.
const MODULES: [&str; 13] = [
    "dlpack/src/layout",
    "dlpack/src/managed",
    "dlpack/src/dims",
    "dlpack/src/export",
    "dlpack/src/view",
    "dlpack/src/negotiate",
    "dlpack/src/exchange",
    "dlpack-pyo3/src/capsule",
    "dlpack-pyo3/src/export",
    "dlpack-pyo3/src/import",
    "dlpack-pyo3/src/protocol",
    "dlpack-pyo3/src/raw",
    "dlpack-pyo3/src/route",
];

/// What is run until something fails, and how long it may take: an endless loop counts as a failure.
const CHECKS: [(&str, Duration); 3] =
    [("corpora", Duration::from_secs(150)), ("lib", LONGEST), ("tests", LONGEST)];

/// The same for `dlpack-pyo3`.
const CHECKS_IN_PYTHON: [(&str, Duration); 2] = [("python", LONGEST), ("libraries", LONGEST)];

const ROWS_HEAD: &str = "\
# How far `cargo xtask evidence cargo-mutants` is with each file: how many mutants cargo-mutants makes of it, how many of them were
# tried, in the order of the hashes of their names, on a file with this hash; how many of these a test noticed; how many the
# compiler refuses; and when.
";

const SURVIVORS_HEAD: &str = "\
# Mutants of cargo-mutants that no test notices, and why none need do so, between tabs; these are not tried. Those with `?` are tried
# again in each run, until a test notices them or somebody says why none can.
";

/// A mutant: lines of a file are replaced by others.
#[derive(Debug)]
pub(super) struct Mutant {
    /// With a number, if there are several of this name in the file.
    pub(super) name: String,
    pub(super) file: String,
    /// What kind it is, as cargo-mutants says.
    pub(super) genre: String,
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    pub(super) new: String,
}

/// What was done with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    code: String,
    all: usize,
    tried: usize,
    noticed: usize,
    refused: usize,
    day: String,
}

/// Both files.
#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<String, Row>,
    /// The reason of each survivor.
    survivors: BTreeMap<String, String>,
}

pub(super) fn run(words: &[&str], length: Length) -> Result<bool> {
    if !tools::succeeds(command("cargo").args(["mutants", "--version"])) {
        return Err(
            "cargo-mutants is not installed: `cargo install --locked cargo-mutants`".to_owned()
        );
    }
    if let Some(word) = words.iter().find(|word| !MODULES.contains(word)) {
        return Err(format!("expected one of `{}`, found `{word}`", MODULES.join("`, `")));
    }
    let (tree, start) = (copy()?, Instant::now());
    let (mut state, mut queue) = (State::read()?, Vec::new());
    for module in MODULES.iter().filter(|module| words.is_empty() || words.contains(module)) {
        let mut files = BTreeMap::<String, Vec<Mutant>>::new();
        for mutant in list(module)? {
            files.entry(mutant.file.clone()).or_default().push(mutant);
        }
        for (file, mut mutants) in files {
            state.renew(&file, mutants.len())?;
            mutants.sort_by_cached_key(|mutant| order(&mutant.name));
            queue.extend(mutants.into_iter().enumerate());
        }
    }
    // However early this ends, what was tried is a sample of all files.
    queue.sort_by_cached_key(|(_, mutant)| order(&mutant.name));
    if let Length::Whole = length {
        state.write()?;
    }
    let mut left = Vec::new();
    for (at, mutant) in &queue {
        let why = state.survivors.get(&mutant.name);
        let is_explained = why.is_some_and(|why| why != UNEXPLAINED);
        let row = state.rows.entry(mutant.file.clone()).or_default();
        if is_explained || *at < row.tried && why.is_none() {
            row.tried = row.tried.max(at + 1);
        } else {
            left.push((*at, mutant));
        }
    }
    let outcomes = match length {
        Length::Whole => one_build::run(&tree, left.iter().map(|&(_, mutant)| mutant))?,
        // To make the one build takes longer than this may.
        Length::Seconds(_) => BTreeMap::new(),
    };
    for (at, mutant) in left {
        if let Length::Seconds(seconds) = length {
            if start.elapsed() > Duration::from_secs(seconds) {
                return Ok(true);
            }
        }
        let outcome = match outcomes.get(&mutant.name) {
            Some(outcome) => *outcome,
            None => {
                let (outcome, by) = try_mutant(&tree, mutant)?;
                println!("{}: {outcome:?} by {by}", mutant.name);
                outcome
            }
        };
        if let Length::Whole = length {
            // Somebody may have explained one meanwhile.
            state.survivors = State::read()?.survivors;
            state.enter(mutant, at, outcome);
            state.write()?;
        } else {
            state.enter(mutant, at, outcome);
        }
    }
    if let Length::Whole = length {
        state.write()?;
    }
    let unexplained = state.survivors.values().filter(|why| *why == UNEXPLAINED).count();
    match unexplained {
        0 => Ok(true),
        count => Err(format!("{SURVIVORS} does not say why no test notices {count} mutants")),
    }
}

impl State {
    fn read() -> Result<Self> {
        let mut state = Self::default();
        let lines = |text: String| {
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
        };
        let rows: Vec<Vec<String>> = lines(read(ROWS)?);
        for row in rows {
            let wrong = || format!("{ROWS}: cannot read `{}`", row.join("\t"));
            let [file, code, all, tried, noticed, refused, day] = &row[..] else {
                return Err(wrong());
            };
            let number = |text: &String| text.parse().map_err(|_| wrong());
            let (all, tried) = (number(all)?, number(tried)?);
            let (noticed, refused) = (number(noticed)?, number(refused)?);
            let (code, day) = (code.clone(), day.clone());
            state.rows.insert(file.clone(), Row { code, all, tried, noticed, refused, day });
        }
        let survivors: Vec<Vec<String>> = lines(read(SURVIVORS)?);
        for survivor in survivors {
            let [name, why] = &survivor[..] else {
                return Err(format!("{SURVIVORS}: cannot read `{}`", survivor.join("\t")));
            };
            state.survivors.insert(name.clone(), why.clone());
        }
        Ok(state)
    }

    fn write(&self) -> Result<()> {
        let (mut rows, mut survivors) = (ROWS_HEAD.to_owned(), SURVIVORS_HEAD.to_owned());
        for (file, Row { code, all, tried, noticed, refused, day }) in &self.rows {
            writeln!(rows, "{file}\t{code}\t{all}\t{tried}\t{noticed}\t{refused}\t{day}").ok();
        }
        for (name, why) in &self.survivors {
            writeln!(survivors, "{name}\t{why}").ok();
        }
        write(ROWS, &rows)?;
        write(SURVIVORS, &survivors)
    }

    /// Begins anew with a file that has changed.
    fn renew(&mut self, file: &str, all: usize) -> Result<()> {
        let code = file_code(file)?;
        let row = self.rows.entry(file.to_owned()).or_default();
        if row.code != code || row.all != all {
            *row = Row { code, all, day: today(), ..Row::default() };
            let prefix = format!("{file}: ");
            self.survivors.retain(|name, why| !name.starts_with(&prefix) || why != UNEXPLAINED);
        }
        Ok(())
    }

    fn enter(&mut self, mutant: &Mutant, at: usize, outcome: Outcome) {
        let row = self.rows.entry(mutant.file.clone()).or_default();
        row.tried = row.tried.max(at + 1);
        row.day = today();
        match outcome {
            Outcome::Unnoticed => {
                let why = self.survivors.entry(mutant.name.clone());
                why.or_insert_with(|| UNEXPLAINED.to_owned());
                return;
            }
            Outcome::Noticed => row.noticed += 1,
            Outcome::NotCompiled => row.refused += 1,
        }
        self.survivors.remove(&mutant.name);
    }
}

/// A number by which mutants come in an order that has nothing to do with where they are.
fn order(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The mutants of a module, in the order of cargo-mutants.
fn list(module: &str) -> Result<Vec<Mutant>> {
    let (package, inside) = module.split_once('/').unwrap_or((module, ""));
    let files = format!("**/{inside}{}", if root().join(module).is_dir() { "/**" } else { ".rs" });
    let mut cargo = command("cargo");
    cargo.args(["mutants", "--list", "--json", "--line-col=false", "-d", package, "-f", &files]);
    parse(&tools::output(&mut cargo)?, package)
}

fn parse(json: &str, package: &str) -> Result<Vec<Mutant>> {
    let wrong = || "cannot read what `cargo mutants --list --json` says".to_owned();
    let listed: Value = serde_json::from_str(json).map_err(|_| wrong())?;
    let mut mutants = Vec::<Mutant>::new();
    for item in listed.as_array().ok_or_else(wrong)? {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        let place = |name: &str| {
            let place = &item["span"][name];
            let number = |name: &str| {
                place[name].as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong)
            };
            Ok::<_, String>((number("line")?, number("column")?))
        };
        let (mut name, mut file) = (text(&item["name"])?, text(&item["file"])?);
        // Its path begins at the root of the workspace, and not all packages are in that of the repository.
        if !file.starts_with(package) {
            file = format!("{package}/{file}");
        }
        // Without the place, which changes when a line is put in before it.
        if let Some((_, what)) = name.split_once(": ") {
            name = format!("{file}: {what}");
        }
        let is_same = |it: &&Mutant| it.name == name || it.name.starts_with(&format!("{name} #"));
        let before = mutants.iter().filter(is_same).count();
        if before > 0 {
            write!(name, " #{}", before + 1).ok();
        }
        let new = text(&item["replacement"])?;
        let genre = text(&item["genre"])?;
        mutants.push(Mutant { name, file, genre, start: place("start")?, end: place("end")?, new });
    }
    Ok(mutants)
}

/// Puts a mutant in, runs the checks until one notices it, and takes it out again.
fn try_mutant(tree: &Path, mutant: &Mutant) -> Result<(Outcome, &'static str)> {
    let path = tree.join(&mutant.file);
    let text = read(&path)?;
    write(&path, &replaced(&text, mutant)?)?;
    let mut result = Ok((Outcome::Unnoticed, "all tests"));
    let is_python = mutant.file.starts_with("dlpack-pyo3/");
    let checks = if is_python { &CHECKS_IN_PYTHON[..] } else { &CHECKS };
    for &(by, longest) in checks {
        match check(tree, by, longest) {
            Ok(Outcome::Unnoticed) => {}
            outcome => {
                result = outcome.map(|outcome| (outcome, by));
                break;
            }
        }
    }
    write(&path, &text)?;
    result
}

/// Returns how many bytes are before a line and a column, which begin at 1.
pub(super) fn offset(text: &str, (line, column): (usize, usize)) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let line = text.get(before..)?;
    Some(before + line.char_indices().nth(column - 1)?.0)
}

/// Replaces the text between the places of a mutant.
fn replaced(text: &str, mutant: &Mutant) -> Result<String> {
    let between = offset(text, mutant.start).zip(offset(text, mutant.end));
    let parts = between.and_then(|(start, end)| Some((text.get(..start)?, text.get(end..)?)));
    let (before, after) =
        parts.ok_or_else(|| format!("{}: {} has no such place", mutant.name, mutant.file))?;
    Ok(format!("{before}{}{after}", mutant.new))
}

/// The rows of the table in `EVIDENCE.md`: a module, how many mutants there are of the code as it is, how many were tried, noticed,
/// refused by the compiler, explained and not explained, and when.
pub(super) fn table() -> Result<Vec<(&'static str, [usize; 6], String)>> {
    let state = State::read()?;
    let mut table = Vec::new();
    for module in MODULES {
        let (mut sum, mut last) = ([0; 6], String::new());
        let is_of =
            |name: &str| name.strip_prefix(module).is_some_and(|rest| rest.starts_with(['/', '.']));
        for (file, row) in state.rows.iter().filter(|(file, _)| is_of(file)) {
            let is_current = root().join(file).exists() && file_code(file)? == row.code;
            sum[0] += row.all;
            if !is_current {
                continue;
            }
            let prefix = format!("{file}: ");
            let survivors = state.survivors.iter().filter(|(name, _)| name.starts_with(&prefix));
            let (unexplained, explained): (Vec<_>, Vec<_>) =
                survivors.partition(|(_, why)| *why == UNEXPLAINED);
            let counts = [row.tried, row.noticed, row.refused, explained.len(), unexplained.len()];
            sum[1..].iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            last = last.max(row.day.clone());
        }
        table.push((module, sum, last));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = r#"[
        {"name": "p/a.rs:1:8: replace < with > in f", "file": "p/a.rs", "replacement": ">", "genre": "BinaryOperator",
         "span": {"start": {"line": 1, "column": 8}, "end": {"line": 1, "column": 9}}},
        {"name": "p/a.rs:2:8: replace < with > in f", "file": "p/a.rs", "replacement": ">", "genre": "BinaryOperator",
         "span": {"start": {"line": 2, "column": 8}, "end": {"line": 2, "column": 9}}}
    ]"#;

    #[test]
    fn mutants_are_put_where_they_belong() {
        let mutants = parse(LISTED, "p").unwrap();
        assert_eq!(mutants[0].name, "p/a.rs: replace < with > in f");
        assert_eq!(mutants[1].name, "p/a.rs: replace < with > in f #2");
        let text = "if 'é' < b {\nlet a = b < c;\n";
        assert_eq!(replaced(text, &mutants[0]).unwrap(), "if 'é' > b {\nlet a = b < c;\n");
        assert!(parse("{}", "p").is_err());
    }

    #[test]
    fn what_was_done_is_entered_once() {
        let mutants = parse(LISTED, "p").unwrap();
        let mut state = State::default();
        state.enter(&mutants[0], 0, Outcome::Unnoticed);
        state.enter(&mutants[1], 1, Outcome::NotCompiled);
        assert_eq!(state.survivors[&mutants[0].name], UNEXPLAINED);
        state.enter(&mutants[0], 0, Outcome::Noticed);
        let row = &state.rows["p/a.rs"];
        assert_eq!((row.tried, row.noticed, row.refused, state.survivors.len()), (2, 1, 1, 0));
    }

    #[test]
    fn the_order_stays_and_is_not_that_of_the_lines() {
        let names: Vec<String> = (0..100).map(|at| format!("a.rs: {at:02}")).collect();
        assert_eq!(order("a.rs: 00"), 0x2228_d363_fcf1_f391);
        let mut mixed = names.clone();
        mixed.sort_by_cached_key(|name| order(name));
        let kept = names.iter().zip(&mixed).filter(|(a, b)| a == b).count();
        assert!(kept < 20, "{kept}");
    }

    #[test]
    fn both_files_can_be_read() {
        assert_eq!(table().unwrap().len(), MODULES.len());
    }
}
