//! The ratios as a table that reads as plain text and as Markdown.

use core::iter;

use super::record::{Contender, Instructions, Row, Verdict};

/// How many columns there are. The last is as wide as its cells.
const COLUMNS: usize = 6;

/// Writes the table, what the rows are, and what contenders do less or more than the floor.
pub(super) fn draw(ours: &str, rows: &[Row]) -> String {
    let head = ["row", "floor", ours, "target", "", "others (time / instructions, mallocs)"];
    let lines: Vec<_> = iter::once(head.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS - 1] = core::array::from_fn(width);
    let rule = widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))).collect::<String>();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            text += &format!("| {cell:<width$} ");
        }
        text += &format!("| {} |\n", line[COLUMNS - 1]);
        if number == 0 {
            text += &format!("{rule}|---|\n");
        }
    }
    text + &summary(rows) + &notes(rows)
}

fn cells(row: &Row) -> [String; COLUMNS] {
    let others = row.contenders.iter().filter(|c| !["floor", "ours"].contains(&c.role.as_str()));
    let others = others.map(|it| format!("{} {}", it.name, ratios(row, it))).collect::<Vec<_>>();
    [
        row.name.clone(),
        row.of("floor").map(floor).unwrap_or_default(),
        row.of("ours").map(|ours| ratios(row, ours)).unwrap_or_default(),
        target(row),
        verdict(row),
        others.join("; "),
    ]
}

fn floor(floor: &Contender) -> String {
    let time = floor.time.map(|time| duration(time.nanoseconds));
    let instructions = floor.instructions.map(|count| format!("{} instr.", large(count)));
    time.into_iter().chain(instructions).collect::<Vec<_>>().join(", ")
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 100.0 => format!("{n:.1} ns"),
        n if n < 1e4 => format!("{n:.0} ns"),
        n if n < 1e7 => format!("{:.0} µs", n / 1e3),
        n => format!("{:.1} ms", n / 1e6),
    }
}

fn large(count: f64) -> String {
    match count {
        n if n < 1e4 => format!("{n:.0}"),
        n if n < 1e7 => format!("{:.0} k", n / 1e3),
        n => format!("{:.0} M", n / 1e6),
    }
}

/// Time and instructions, as ratios to the floor, and allocations if there are some.
fn ratios(row: &Row, of: &Contender) -> String {
    let time = of.time.map(|time| format!("{:.2}×", time.ratio));
    let instructions = row.instruction_ratio(of).map(|ratio| format!("{ratio:.2}×"));
    let ratios = time.into_iter().chain(instructions).collect::<Vec<_>>().join(" / ");
    let mallocs = of.mallocs.filter(|&mallocs| mallocs > 0);
    ratios + &mallocs.map(|mallocs| format!(", {mallocs}")).unwrap_or_default()
}

fn target(row: &Row) -> String {
    let target = row.target;
    let instructions = match target.instructions {
        Instructions::Target(ratio) => format!(" / {ratio:.2}×"),
        Instructions::Settle | Instructions::Silent => String::new(),
    };
    let mallocs = target.mallocs.map(|most| format!(", {most}")).unwrap_or_default();
    format!("≤ {:.2}×{instructions}{mallocs}", target.time)
}

fn verdict(row: &Row) -> String {
    let missed = row.verdicts().into_iter().filter(|(_, v)| *v == Some(Verdict::Missed));
    let missed: Vec<&str> = missed.map(|(what, _)| what).collect();
    match row.verdict() {
        Verdict::Met if row.is_settled_by_instructions() => "met by instr.".to_owned(),
        Verdict::Met => "met".to_owned(),
        Verdict::Open => "open".to_owned(),
        Verdict::Missed => format!("missed: {}", missed.join(", ")),
    }
}

fn summary(rows: &[Row]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let (met, open) = (count(Verdict::Met), count(Verdict::Open));
    let open = if open == 0 { String::new() } else { format!(", {open} within the noise") };
    format!(
        "\n{met} of {} targets met{open}. Ratios are to the floor; times are medians.\n",
        rows.len()
    )
}

/// What the rows are, and what contenders do less or more than the floor.
fn notes(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let whats = rows.iter().map(|row| format!("{:<width$}  {}\n", row.name, row.what));
    let mut remarks: Vec<(String, Vec<&str>)> = Vec::new();
    for row in rows {
        for contender in row.contenders.iter().filter(|contender| !contender.remark.is_empty()) {
            let remark = format!("{}: {}", contender.name, contender.remark);
            match remarks.iter_mut().find(|(known, _)| *known == remark) {
                Some((_, names)) => names.push(&row.name),
                None => remarks.push((remark, vec![&row.name])),
            }
        }
    }
    let remarks =
        remarks.iter().map(|(remark, names)| format!("- {remark} ({})\n", names.join(", ")));
    format!("\n{}\n{}", whats.collect::<String>(), remarks.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::row;
    use super::*;

    #[test]
    fn a_row_shows_floor_ratios_target_and_verdict() {
        let mut row = row(1.2, 1.2);
        assert_eq!(cells(&row)[4], "missed: time");
        for (contender, instructions) in row.contenders.iter_mut().zip([231.0, 231.0, 462.0]) {
            contender.instructions = Some(instructions);
        }
        let expected = [
            "export",
            "10.0 ns, 231 instr.",
            "1.20× / 1.00×, 1",
            "≤ 1.10× / 1.05×, 1",
            "missed: time",
            "dlpark 2.00× / 2.00×, 2",
        ];
        assert_eq!(cells(&row), expected);
        let text = draw("dlpack", &[row]);
        assert!(text.contains("\n0 of 1 targets met."));
        assert!(text.ends_with("\nexport  an export\n\n- dlpark: checks less (export)\n"));
    }

    #[test]
    fn units_follow_the_size() {
        let durations = [12.34, 123.4, 34_560.0, 14_489_023.0].map(duration);
        assert_eq!(durations, ["12.3 ns", "123 ns", "35 µs", "14.5 ms"]);
    }
}
