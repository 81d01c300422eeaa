//! Tests on other machines and with other standard libraries: `xtask/machines.txt`.

use super::Length;
use super::record::Record;
use crate::test::run_whole;
use crate::test::steps::machines;
use crate::tools::Result;

pub(super) fn run(names: &[&str], length: Length) -> Result<bool> {
    let steps = machines();
    if let Some(name) = names.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        return Err(format!("expected a machine of xtask/machines.txt, found `{name}`"));
    }
    let mut failed = Vec::new();
    for step in steps.iter().filter(|step| names.is_empty() || names.contains(&step.name)) {
        // At length, what has run on the code as it is does not run again, unless it is named.
        let is_done = Record::read()?.count("machines", step.name) > 0 && names.is_empty();
        if is_done {
            continue;
        }
        let (tally, verdict) = run_whole(step);
        println!("  {verdict}: {tally}");
        if tally.failed > 0 {
            failed.push(step.name);
        } else if let (Length::Whole, true) = (length, tally.passed > 0) {
            let mut record = Record::read()?;
            record.forget("machines", step.name);
            record.add(
                "machines",
                step.name,
                tally.passed,
                &format!("{} skipped", tally.skipped),
            )?;
        }
    }
    match failed.is_empty() {
        true => Ok(true),
        false => Err(format!("tests failed in {}", failed.join(", "))),
    }
}
