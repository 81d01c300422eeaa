//! What was done, on which code, and when: `evidence/record.tsv`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::tools::{Result, files, read, root, write};

const FILE: &str = "evidence/record.tsv";

const HEAD: &str = "\
# What `cargo xtask evidence` has done: the part, what it was done to, how often, on which code, when, and with what.
# The code is a hash of the lines of dlpack/src and dlpack-sys/src that are neither blank nor comments; where the part is
# about dlpack-pyo3, too, it is one of that crate's lines as well.
";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) part: String,
    pub(super) item: String,
    pub(super) count: u64,
    pub(super) code: String,
    pub(super) day: String,
    pub(super) with: String,
}

/// The file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) entries: Vec<Entry>,
    /// The code of `dlpack` as it is.
    pub(super) code: String,
    /// The same with that of `dlpack-pyo3`.
    with_python: String,
}

impl Record {
    pub(super) fn read() -> Result<Self> {
        let [code, with_python] = [code(&CORE)?, code(&WITH_PYTHON)?];
        Ok(Self { entries: parse(&read(FILE)?)?, code, with_python })
    }

    /// The code that a part is about, as it is: operations and threads in Python and what is named `py-` are about `dlpack-pyo3`, too.
    pub(super) fn code_of(&self, part: &str, item: &str) -> &str {
        if ["coverage-python", "free-threaded", "speed"].contains(&part) || item.starts_with("py-")
        {
            &self.with_python
        } else {
            &self.code
        }
    }

    /// What was done in a part.
    pub(super) fn of<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.part == part)
    }

    /// How often something was done on the code as it is.
    pub(super) fn count(&self, part: &str, item: &str) -> u64 {
        let code = self.code_of(part, item);
        let is_same =
            |entry: &&Entry| entry.part == part && entry.item == item && entry.code == code;
        self.entries.iter().find(is_same).map_or(0, |entry| entry.count)
    }

    /// Forgets what was done to an item.
    pub(super) fn forget(&mut self, part: &str, item: &str) {
        self.entries.retain(|entry| entry.part != part || entry.item != item);
    }

    /// Adds to what was done, and writes the file. What was done on other code is forgotten.
    pub(super) fn add(&mut self, part: &str, item: &str, count: u64, with: &str) -> Result<()> {
        let count = self.count(part, item) + count;
        self.forget(part, item);
        self.entries.push(Entry {
            part: part.to_owned(),
            item: item.to_owned(),
            count,
            code: self.code_of(part, item).to_owned(),
            day: today(),
            with: with.to_owned(),
        });
        self.entries.sort_by(|a, b| (&a.part, &a.item).cmp(&(&b.part, &b.item)));
        let line = |entry: &Entry| {
            let Entry { part, item, count, code, day, with } = entry;
            format!("{part}\t{item}\t{count}\t{code}\t{day}\t{with}\n")
        };
        let lines: String = self.entries.iter().map(line).collect();
        write(FILE, &format!("{HEAD}{lines}"))
    }
}

fn parse(text: &str) -> Result<Vec<Entry>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let entry = |line: &str| {
        let [part, item, count, code, day, with] =
            line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let [part, item, code, day, with] = [part, item, code, day, with].map(str::to_owned);
        Some(Entry { part, item, count: count.parse().ok()?, code, day, with })
    };
    lines.map(|line| entry(line).ok_or_else(|| format!("{FILE}: cannot read `{line}`"))).collect()
}

const CORE: [&str; 2] = ["dlpack/src", "dlpack-sys/src"];
const WITH_PYTHON: [&str; 3] = ["dlpack/src", "dlpack-sys/src", "dlpack-pyo3/src"];

/// A hash of the code in some folders: a comment that changes makes no other code.
fn code(folders: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    for folder in folders {
        for path in files(&root().join(folder), &["rs"])? {
            update(&mut hash, &path)?;
        }
    }
    Ok(digits(hash))
}

/// The same of one file.
pub(super) fn file_code(path: &str) -> Result<String> {
    let mut hash = Sha256::new();
    update(&mut hash, &root().join(path))?;
    Ok(digits(hash))
}

fn update(hash: &mut Sha256, path: &Path) -> Result<()> {
    let name = path.strip_prefix(root()).unwrap_or(path);
    hash.update(name.display().to_string().replace('\\', "/"));
    let text = read(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("//")).for_each(|line| hash.update(line));
    Ok(())
}

fn digits(hash: Sha256) -> String {
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The days since 1970.
pub(super) fn days() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400)
}

/// The day, as `2026-11-29`.
pub(super) fn today() -> String {
    let (year, month, day) = date(days());
    format!("{year}-{month:02}-{day:02}")
}

/// The date so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March, so that a leap day is the last one.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
        assert_eq!(date(20_786), (2026, 11, 29));
    }

    #[test]
    fn the_record_can_be_read() {
        let record = Record::read().unwrap();
        assert_eq!(record.code.len(), 12);
        assert_eq!(record.code_of("mutants", "gate-ndim"), record.code);
        assert_ne!(record.code_of("mutants", "py-kept"), record.code);
        let line = "fuzz\tlayout\t7\tabc\t2026-11-29\trustc 1.95.0\n";
        let entries = parse(line).unwrap();
        assert_eq!((entries[0].item.as_str(), entries[0].count), ("layout", 7));
        assert!(parse("fuzz\tlayout").is_err());
    }
}
