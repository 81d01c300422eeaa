//! The instructions of this project's contenders, kept in a file, so that a change which takes more of them is noticed.

use core::fmt::Write;

use super::record::Row;
use crate::tools::{Result, read, write};

/// An operation may take so much more than the file says: this share of it, and this many instructions.
const SHARE: f64 = 0.03;
const MORE: f64 = 2.0;

/// What is done with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// They are compared with the counts of the file.
    Compare,
    /// They are written to the file.
    Record,
    /// Nothing is counted. Only the programs that would count are compared with those of the file.
    Comparable,
}

/// A file of counts, and the programs that count here.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) file: &'static str,
    pub(super) with: String,
}

impl Kept {
    /// Fails if the counts of the file are not those of the programs that are installed here.
    pub(super) fn check_comparable(&self) -> Result<()> {
        let text = read(self.file)?;
        let with = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let with = with.ok_or_else(|| {
            format!("{} does not begin with the programs that counted", self.file)
        })?;
        if with == self.with {
            return Ok(());
        }
        Err(format!(
            "the counts in {} were made with {with}, and {} is installed: check out the code before the change, and count it \
             with `--record`, to compare with that",
            self.file, self.with
        ))
    }

    /// Compares what was counted with the file, or writes it. Returns `false` if an operation costs more.
    pub(super) fn keep(&self, rows: &[Row], keep: Keep) -> Result<bool> {
        let found = found(rows)?;
        if keep == Keep::Record {
            let mut text = format!("# {}\n", self.with);
            for (name, count) in &found {
                writeln!(text, "{name}\t{}", rounded(*count)).ok();
            }
            write(self.file, &text)?;
            println!("{} counts are in {}.", found.len(), self.file);
            return Ok(true);
        }
        self.check_comparable()?;
        let worse = worse(&parse(self.file, &read(self.file)?)?, &found);
        worse.iter().for_each(|line| println!("{line}"));
        if worse.is_empty() {
            println!("{} counts are as in {}.", found.len(), self.file);
            return Ok(true);
        }
        println!(
            "A change that is worth its instructions comes with the new counts, which `--record` writes to {}, and says why.",
            self.file
        );
        Ok(false)
    }
}

/// Leaves only the contenders that are this project's.
pub(super) fn own(rows: &mut [Row]) {
    for row in rows.iter_mut() {
        row.contenders.retain(|it| it.role == "ours" || it.role == "also");
    }
}

type Counts = Vec<(String, f64)>;

fn found(rows: &[Row]) -> Result<Counts> {
    let all = rows.iter().flat_map(|row| row.contenders.iter().map(move |it| (row, it)));
    let count = |(row, it): (&Row, &super::record::Contender)| {
        let name = format!("{}\t{}", row.name, it.name);
        let count = it.instructions.ok_or_else(|| format!("{name} was not counted"))?;
        Ok((name, count))
    };
    all.map(count).collect()
}

fn parse(file: &str, text: &str) -> Result<Counts> {
    let line = |line: &str| {
        let (name, count) = line.rsplit_once('\t')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|it| line(it).ok_or_else(|| format!("{file}: cannot read `{it}`"))).collect()
}

/// Says which operations cost more than they may, and which are in one list only.
fn worse(kept: &Counts, found: &Counts) -> Vec<String> {
    let of = |list: &Counts, name: &str| list.iter().find(|it| it.0 == name).map(|it| it.1);
    let mut lines = Vec::new();
    for (name, count) in found {
        let shown = name.replace('\t', ", ");
        match of(kept, name) {
            None => lines.push(format!("{shown}: {}, and nothing is recorded", rounded(*count))),
            Some(before) if *count > before * (1.0 + SHARE) + MORE => {
                let share = (count / before - 1.0) * 100.0;
                let (before, count) = (rounded(before), rounded(*count));
                lines.push(format!(
                    "{shown}: {count} instructions, {before} before (+{share:.1} %)"
                ));
            }
            Some(_) => {}
        }
    }
    let gone = kept.iter().filter(|(name, _)| of(found, name).is_none());
    lines.extend(
        gone.map(|(name, _)| format!("{}: recorded, and not there", name.replace('\t', ", "))),
    );
    lines
}

fn rounded(count: f64) -> f64 {
    count.round()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, f64)]) -> Counts {
        list.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
    }

    #[test]
    fn what_costs_more_is_named() {
        let kept = counts(&[("export\tdlpack", 1000.0), ("import\tdlpack", 40.0)]);
        assert!(worse(&kept, &kept).is_empty());
        let within = counts(&[("export\tdlpack", 1032.0), ("import\tdlpack", 43.0)]);
        assert!(worse(&kept, &within).is_empty());
        let fewer = counts(&[("export\tdlpack", 1.0), ("import\tdlpack", 1.0)]);
        assert!(worse(&kept, &fewer).is_empty());
        let more = counts(&[("export\tdlpack", 1033.0), ("import\tdlpack", 44.0)]);
        let lines = worse(&kept, &more);
        assert_eq!(lines[0], "export, dlpack: 1033 instructions, 1000 before (+3.3 %)");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn what_is_in_one_list_only_is_named() {
        let (one, two) = (counts(&[("a\tb", 1.0)]), counts(&[("a\tc", 1.0)]));
        assert_eq!(
            worse(&one, &two),
            ["a, c: 1, and nothing is recorded", "a, b: recorded, and not there"]
        );
    }

    #[test]
    fn the_files_can_be_read() {
        for file in [super::super::COUNTS, super::super::python::COUNTS] {
            let text = read(file).unwrap();
            assert!(text.starts_with("# ") && text.contains("rustc 1."), "{file}");
            assert!(parse(file, &text).unwrap().len() > 10, "{file}");
        }
        assert!(parse("file", "no count\n").is_err());
    }
}
