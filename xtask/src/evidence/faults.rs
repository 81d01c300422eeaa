//! Producers of one fault each: `fuzz/tests/one_fault.rs`, under AddressSanitizer.

use super::record::Record;
use super::{Length, fuzz};
use crate::tools::{self, Result, command};

/// How many are drawn at length.
const COUNT: u64 = 100_000;

pub(super) fn run(length: Length) -> Result<bool> {
    let count = if let Length::Whole = length { COUNT } else { 10_000 };
    let host = tools::host()?;
    let mut cargo = command("cargo");
    cargo
        .args(["test", "--manifest-path", "fuzz/Cargo.toml", "--target", &host])
        .args(["--test", "one_fault", "--", "--nocapture"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_TARGET_DIR", fuzz::folder())
        .env("DLPACK_FAULTS", count.to_string());
    let output = tools::output(&mut cargo)?;
    let mut rows = Vec::new();
    for line in output.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[fault, accepted, refused] = &cells[..] else { continue };
        if let (Ok(accepted), Ok(refused)) = (accepted.parse::<u64>(), refused.parse::<u64>()) {
            rows.push((fault.to_owned(), accepted, refused));
        }
    }
    let sum: u64 = rows.iter().map(|(_, accepted, refused)| accepted + refused).sum();
    println!("{sum} producers of {} kinds of faults", rows.len());
    if sum != count {
        return Err(format!("expected {count} producers, found {sum}"));
    }
    if let Length::Whole = length {
        let mut record = Record::read()?;
        for (fault, accepted, refused) in rows {
            record.forget("faults", &fault);
            let with = format!("{accepted} accepted, {refused} refused");
            record.add("faults", &fault, accepted + refused, &with)?;
        }
    }
    Ok(true)
}
