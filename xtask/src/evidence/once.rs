//! Parts that take minutes: each runs to its end, and the record says when it did and how much it was.

use super::Length;
use super::record::{Record, rustc};
use crate::bench;
use crate::tools::Result;

/// A part.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// What it shows, for the page.
    pub(super) what: &'static str,
    /// What is counted.
    pub(super) unit: &'static str,
    /// Returns how much it was, and with what.
    run: fn() -> Result<(usize, String)>,
}

pub(super) const PARTS: [Part; 1] = [Part {
    name: "speed",
    what: "no operation takes 3 % more instructions than `benches/counts.tsv` and `benches/python/counts.tsv` say",
    unit: "operations",
    run: speed,
}];

pub(super) fn find(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}

impl Part {
    pub(super) fn run(&self, length: Length) -> Result<bool> {
        let (count, with) = (self.run)()?;
        println!("{}: {count} {}, with {with}", self.name, self.unit);
        if let Length::Whole = length {
            let mut record = Record::read()?;
            record.forget(self.name, self.unit);
            record.add(self.name, self.unit, u64::try_from(count).unwrap_or(u64::MAX), &with)?;
        }
        Ok(true)
    }
}

fn speed() -> Result<(usize, String)> {
    match bench::compare()? {
        (count, true) => Ok((count, format!("{} and callgrind", rustc()?))),
        (_, false) => Err("an operation takes more instructions than before".to_owned()),
    }
}
