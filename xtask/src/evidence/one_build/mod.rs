//! All mutants of `dlpack-pyo3` in one build of the extension of its tests, in which a file that all processes share chooses one at a
//! time. A build for each takes hours. `evidence/one_build.py` runs the tests that reach a mutant.

mod weave;

use alloc::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use self::weave::{Woven, weave};
use super::cargo_mutants::Mutant;
use super::mutants::Outcome;
use super::place_extension;
use super::record::file_code;
use crate::python::Python;
use crate::tools::{self, Result, command, read, root, target, write};

const PACKAGE: &str = "dlpack-pyo3/";

/// How many processes run tests side by side.
const SIDES: usize = 2;

/// How the tests are run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    python: Python,
    /// Of the extension.
    features: &'static str,
    requirements: &'static str,
}

/// The stages. Each tries what none before it notices: some mutants are in code for certain libraries, or for another CPython.
fn stages() -> Result<Vec<Stage>> {
    let small = |python, features| Stage { python, features, requirements: "requirements-small" };
    let python = Python::usual()?;
    let mut stages = vec![small(python.clone(), "")];
    stages.push(Stage { requirements: "requirements", ..stages[0].clone() });
    stages.extend(["abi3", "abi3-py311"].map(|features| small(python.clone(), features)));
    stages.extend(Python::others()?.into_iter().map(|python| small(python, "")));
    Ok(stages)
}

/// What the compiler says of a mutant wherever it stands; behind a condition, it says other things, too.
const REFUSALS: [&str; 14] = [
    "E0061", "E0106", "E0107", "E0271", "E0277", "E0282", "E0283", "E0308", "E0369", "E0423",
    "E0425", "E0433", "E0599", "E0624",
];

/// Appended to the crate: asks the file which mutant is chosen, and notes that this one was reached.
const CHOSEN: &str = r#"
#[allow(warnings, clippy::all)]
mod one_build {
    use core::ffi::{c_char, c_int, c_long, c_void};
    use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
    use std::sync::OnceLock;

    unsafe extern "C" {
        fn open(path: *const c_char, flags: c_int, ...) -> c_int;
        fn mmap(at: *mut c_void, size: usize, protection: c_int, flags: c_int, file: c_int, offset: c_long) -> *mut c_void;
    }

    fn shared() -> *mut u8 {
        static SHARED: OnceLock<usize> = OnceLock::new();
        *SHARED.get_or_init(|| {
            let path = std::env::var("ONE_BUILD").expect("ONE_BUILD names the shared file");
            let size = std::fs::metadata(&path).expect("there is a shared file").len();
            let path = std::ffi::CString::new(path).unwrap();
            // SAFETY: a file that can be read and written, as long as it is, shared between processes.
            let at = unsafe { mmap(core::ptr::null_mut(), size as usize, 3, 1, open(path.as_ptr(), 2), 0) };
            assert!(at as isize != -1, "the shared file cannot be mapped");
            at as usize
        }) as *mut u8
    }

    pub(crate) fn chosen(number: u32) -> bool {
        let shared = shared();
        // SAFETY: the file begins with the number that is chosen; after eight bytes comes one for each number.
        unsafe {
            AtomicU8::from_ptr(shared.add(8 + number as usize)).store(1, Relaxed);
            AtomicU32::from_ptr(shared.cast()).load(Relaxed) == number
        }
    }
}
"#;

/// Returns what becomes of those mutants of `dlpack-pyo3` that can be in one build, by their names.
pub(super) fn run<'a>(
    tree: &Path,
    mutants: impl Iterator<Item = &'a Mutant>,
) -> Result<BTreeMap<String, Outcome>> {
    // The numbers begin at 1: with 0, none is chosen.
    let of_package = mutants.filter(|mutant| mutant.file.starts_with(PACKAGE));
    let mutants: Vec<(usize, &Mutant)> = (1..).zip(of_package).collect();
    let mut outcomes = BTreeMap::new();
    if mutants.is_empty() {
        return Ok(outcomes);
    }
    let name_of = |number: usize| mutants[number - 1].1.name.clone();
    let mut left: BTreeSet<usize> = mutants.iter().map(|&(number, _)| number).collect();
    let mut known = Known::read();
    for &(number, mutant) in &mutants {
        if known.has(mutant)? {
            outcomes.insert(mutant.name.clone(), Outcome::Noticed);
            left.remove(&number);
        }
    }
    let mut woven = BTreeSet::new();
    let mut before = None;
    for (at, stage) in stages()?.iter().enumerate() {
        let Stage { python, features, requirements } = stage;
        if before.replace((python, features)) != Some((python, features)) {
            let wanted: Vec<_> =
                mutants.iter().filter(|(number, _)| left.contains(number)).copied().collect();
            let (in_it, refused) = build(tree, stage, &wanted)?;
            outcomes.extend(refused.iter().map(|&number| (name_of(number), Outcome::NotCompiled)));
            woven = in_it;
            if at == 0 {
                // What cannot be in a build is tried in one of its own.
                left.retain(|number| woven.contains(number));
            }
            left.retain(|number| !refused.contains(number));
        }
        let wanted: Vec<usize> = woven.intersection(&left).copied().collect();
        if wanted.is_empty() {
            continue;
        }
        println!(
            "{} mutants, with CPython {}, {requirements} and {features:?}",
            wanted.len(),
            python.version
        );
        let noticed = test_side_by_side(tree, stage, at == 0, mutants.len(), &wanted)?;
        for (&number, by) in &noticed {
            println!("{}: Noticed by {by}", name_of(number));
            outcomes.insert(name_of(number), Outcome::Noticed);
            known.add(mutants[number - 1].1)?;
        }
        known.write()?;
        left.retain(|number| !noticed.contains_key(number));
    }
    outcomes.extend(left.iter().map(|&number| (name_of(number), Outcome::Unnoticed)));
    Ok(outcomes)
}

/// What was noticed before, in a run that may not have come to its end: the mutants, and hashes of their files.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, String>);

impl Known {
    fn path() -> PathBuf {
        target().join("mutants/one-build/noticed")
    }

    fn read() -> Self {
        let text = read(Self::path()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        Self(lines.map(|(code, name)| (name.to_owned(), code.to_owned())).collect())
    }

    fn has(&self, mutant: &Mutant) -> Result<bool> {
        let code = self.0.get(&mutant.name);
        code.map_or(Ok(false), |code| Ok(*code == file_code(&mutant.file)?))
    }

    fn add(&mut self, mutant: &Mutant) -> Result<()> {
        self.0.insert(mutant.name.clone(), file_code(&mutant.file)?);
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let lines = self.0.iter().map(|(name, code)| format!("{code}\t{name}\n"));
        write(Self::path(), &lines.collect::<String>())
    }
}

/// Runs the tests for each of some mutants, and returns which of them a test notices, and which test that is.
fn test_side_by_side(
    tree: &Path,
    stage: &Stage,
    is_first: bool,
    all: usize,
    wanted: &[usize],
) -> Result<BTreeMap<usize, String>> {
    let programs = &stage.python.venv(stage.requirements)?;
    let done = thread::scope(|scope| {
        let start = |side| {
            let wanted: Vec<usize> = wanted.iter().copied().skip(side).step_by(SIDES).collect();
            scope.spawn(move || test(tree, programs, side, is_first, all, &wanted))
        };
        let started: Vec<_> = (0..SIDES).map(start).collect();
        let ended = started
            .into_iter()
            .map(|side| side.join().unwrap_or_else(|_| Err("a thread has panicked".to_owned())));
        ended.collect::<Result<Vec<_>>>()
    })?;
    Ok(done.into_iter().flatten().collect())
}

/// Builds the extension with all mutants that can be in it. Returns these, and those that the compiler refuses wherever they stand.
fn build(
    tree: &Path,
    stage: &Stage,
    mutants: &[(usize, &Mutant)],
) -> Result<(BTreeSet<usize>, BTreeSet<usize>)> {
    let (mut left_out, mut refused) = (BTreeSet::<usize>::new(), BTreeSet::<usize>::new());
    let mut constant = BTreeSet::new();
    let sources = tree.join(PACKAGE).join("src");
    loop {
        let mut files = BTreeMap::<&str, Vec<(usize, &Mutant)>>::new();
        for &(number, mutant) in mutants.iter().filter(|(number, _)| !left_out.contains(number)) {
            files.entry(&mutant.file).or_default().push((number, mutant));
        }
        let mut woven = BTreeMap::<&str, Woven>::new();
        for (file, mutants) in files {
            woven.insert(file, weave(&read(root().join(file))?, &mutants, &constant)?);
        }
        for (file, Woven { text, .. }) in &woven {
            write(tree.join(file), text)?;
        }
        let library = format!("{PACKAGE}src/lib.rs");
        let text = woven
            .get(library.as_str())
            .map_or_else(|| read(&library), |woven| Ok(woven.text.clone()))?;
        write(tree.join(&library), &(text + CHOSEN))?;
        let errors = compile(tree, stage);
        // The tree is shared with what puts in one mutant at a time.
        for file in tools::files(&sources, &["rs"])? {
            let name = file.strip_prefix(tree).map_err(|error| error.to_string())?;
            write(&file, &read(root().join(name))?)?;
        }
        let errors = errors?;
        let before = left_out.len() + constant.len();
        let mut last = String::new();
        for Fault { file, at, code, text } in &errors {
            // A constant needs this function, unless it is a mutant that stands in a constant.
            let needed = text.split('`').nth(1).and_then(|path| path.rsplit("::").next());
            if let ("E0015", Some(name)) = (code.as_str(), needed) {
                if name != "chosen" {
                    constant.insert(name.to_owned());
                    continue;
                }
            }
            match woven.get(file.as_str()).and_then(|woven| culprits(woven, *at, code)) {
                Some(numbers) => {
                    left_out.extend(&numbers);
                    if let ([number], true) = (&numbers[..], REFUSALS.contains(&code.as_str())) {
                        refused.insert(*number);
                    }
                }
                // It may follow from another one.
                None => last = format!("{code} at byte {at} of {file}: {text}"),
            }
        }
        if errors.is_empty() {
            return Ok((woven.into_values().flat_map(|woven| woven.numbers).collect(), refused));
        }
        if left_out.len() + constant.len() == before {
            return Err(format!("the compiler refuses what is in no mutant: {last}"));
        }
        println!("{} mutants cannot be compiled behind a condition", left_out.len());
    }
}

/// Returns the mutants that an error leads to.
fn culprits(woven: &Woven, at: usize, code: &str) -> Option<Vec<usize>> {
    if code == "E0004" {
        // No arm is left for some values, since one of those that follow has got a guard.
        let after = woven.guards.iter().filter(|(guard, _)| *guard > at);
        return after.min().map(|&(_, number)| vec![number]);
    }
    let parts = woven.parts.iter().filter(|(part, _)| part.contains(&at));
    parts.min_by_key(|(part, _)| part.len()).map(|(_, numbers)| numbers.clone())
}

/// An error of the compiler.
#[derive(Debug)]
struct Fault {
    file: String,
    /// In bytes.
    at: usize,
    code: String,
    text: String,
}

fn compile(tree: &Path, stage: &Stage) -> Result<Vec<Fault>> {
    let mut cargo = command("cargo");
    cargo
        .args([
            "build",
            "--manifest-path",
            "dlpack-pyo3/tests/extension/Cargo.toml",
            "--message-format=json",
            "--features",
            stage.features,
        ])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target().join("mutants/one-build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("RUSTFLAGS", "--cap-lints allow")
        .env("PYO3_PYTHON", &stage.python.program)
        .stderr(Stdio::null());
    let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut faults = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        let code = message["code"]["code"].as_str().unwrap_or("an error without a code");
        let text = message["message"].as_str().unwrap_or_default();
        let spans = message["spans"].as_array().into_iter().flatten();
        for span in spans.filter(|span| span["is_primary"] == true) {
            let file = format!("{PACKAGE}{}", span["file_name"].as_str().unwrap_or_default());
            let at = span["byte_start"].as_u64().and_then(|at| usize::try_from(at).ok());
            faults.push(Fault {
                file,
                at: at.unwrap_or(0),
                code: code.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    if !output.status.success() && faults.is_empty() {
        return Err("the extension with all mutants cannot be built".to_owned());
    }
    Ok(faults)
}

/// Runs the tests for every other mutant, or how many sides there are.
fn test(
    tree: &Path,
    programs: &Path,
    side: usize,
    is_first: bool,
    all: usize,
    wanted: &[usize],
) -> Result<BTreeMap<usize, String>> {
    let built = target().join("mutants/one-build");
    let modules = built.join("python");
    place_extension(&built.join("debug"), &modules)?;
    let [shared, list, log] =
        ["shared", "wanted", "log"].map(|name| built.join(format!("{name}-{side}")));
    write(&shared, &"\0".repeat(8 + all + 1))?;
    let lines: String = wanted.iter().map(|number| format!("{number}\n")).collect();
    write(&list, &lines)?;
    let explain = |error| format!("{}: {error}", log.display());
    let output = fs::File::create(&log).map_err(explain)?;
    let mut pytest: Command = command(&programs.join("python").to_string_lossy());
    pytest
        .args("-m pytest -q --color=no --disable-warnings -p no:cacheprovider -p one_build --installed".split(' '))
        .arg("dlpack-pyo3/tests/python")
        .current_dir(tree)
        .env("PYTHONPATH", format!("{}:{}", modules.display(), root().join("evidence").display()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ONE_BUILD", &shared)
        .env("ONE_BUILD_WANTED", &list)
        .env("RUST_BACKTRACE", "0")
        .envs(is_first.then_some(("ONE_BUILD_EARLY", "1")))
        .stdout(Stdio::from(output.try_clone().map_err(explain)?))
        .stderr(Stdio::from(output));
    let status = pytest.status().map_err(|error| format!("cannot run pytest: {error}"))?;
    if !status.success() {
        return Err(format!("the tests with no mutant chosen have failed: see {}", log.display()));
    }
    let mut noticed = BTreeMap::new();
    for line in read(list.with_extension("done"))?.lines() {
        let wrong = || format!("cannot read `{line}`");
        let (number, by) = line.split_once(' ').ok_or_else(wrong)?;
        noticed.insert(number.parse().map_err(|_| wrong())?, by.to_owned());
    }
    Ok(noticed)
}
