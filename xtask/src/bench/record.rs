//! What the benchmarks write, line by line, and what was measured of each contender.

use crate::tools::Result;

/// One task, and those who contend in it; the first is the floor.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) what: String,
    /// How often an operation is repeated where its instructions are counted.
    pub(super) counted: u64,
    pub(super) target: Target,
    pub(super) contenders: Vec<Contender>,
}

/// What this project must not exceed: ratios to the floor, and a number of allocations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target {
    pub(super) time: f64,
    pub(super) instructions: Instructions,
    /// None where allocations are not counted.
    pub(super) mallocs: Option<u64>,
}

/// What instruction counts, which repeat exactly, have to say about a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Instructions {
    /// They have a target of their own.
    Target(f64),
    /// They decide by the target for the time if noise leaves that open.
    Settle,
    /// Nothing: memory is what takes the time.
    #[default]
    Silent,
}

#[derive(Debug, Default)]
pub(super) struct Contender {
    pub(super) name: String,
    /// `floor`, `ours`, `also` for another way of this project, for which the target does not count, `peer` or `reference`.
    pub(super) role: String,
    pub(super) remark: String,
    pub(super) time: Option<Time>,
    pub(super) mallocs: Option<u64>,
    /// Of one operation.
    pub(super) instructions: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) nanoseconds: f64,
    /// To the floor; the median of the rounds.
    pub(super) ratio: f64,
    /// A quarter of the rounds had a smaller ratio.
    pub(super) low: f64,
}

/// How well a target is met; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Met,
    /// Missed, but by less than the rounds differ among themselves.
    Open,
    Missed,
}

impl Row {
    pub(super) fn of(&self, role: &str) -> Option<&Contender> {
        self.contenders.iter().find(|found| found.role == role)
    }

    /// A contender's instructions as a ratio to the floor's, where that says anything.
    pub(super) fn instruction_ratio(&self, of: &Contender) -> Option<f64> {
        if self.target.instructions == Instructions::Silent {
            return None;
        }
        Some(of.instructions? / self.of("floor")?.instructions?)
    }

    /// How this project does in time, in instructions and in allocations, each if it was measured and has a target.
    pub(super) fn verdicts(&self) -> [(&'static str, Option<Verdict>); 3] {
        let ours = self.of("ours");
        let ratio = ours.and_then(|ours| self.instruction_ratio(ours));
        let instructions = match self.target.instructions {
            Instructions::Target(target) => ratio.map(|ratio| judge(ratio, target)),
            _ => None,
        };
        let settled = match self.target.instructions {
            Instructions::Settle => ratio.map(|ratio| judge(ratio, self.target.time)),
            _ => instructions,
        };
        let time = self.time().map(|time| match settled {
            Some(settled) if time == Verdict::Open => settled,
            _ => time,
        });
        let mallocs = ours.and_then(|ours| ours.mallocs).zip(self.target.mallocs);
        let mallocs =
            mallocs.map(|(found, most)| if found <= most { Verdict::Met } else { Verdict::Missed });
        [("time", time), ("instructions", instructions), ("mallocs", mallocs)]
    }

    fn time(&self) -> Option<Verdict> {
        let (time, target) = (self.of("ours")?.time?, self.target.time);
        Some(match judge(time.ratio, target) {
            Verdict::Missed if judge(time.low, target) == Verdict::Met => Verdict::Open,
            verdict => verdict,
        })
    }

    /// Whether the time is within the noise, so that instructions decide.
    pub(super) fn is_settled_by_instructions(&self) -> bool {
        self.time() == Some(Verdict::Open) && self.verdicts()[0].1 != Some(Verdict::Open)
    }

    /// The verdict on the row.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdicts().into_iter().filter_map(|(_, found)| found).max().unwrap_or(Verdict::Met)
    }
}

/// Compares as the table shows: with two decimals.
fn judge(ratio: f64, target: f64) -> Verdict {
    if (ratio * 100.0).round() <= (target * 100.0).round() { Verdict::Met } else { Verdict::Missed }
}

/// Reads the list of rows.
pub(super) fn read(list: &str) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for line in list.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match (&fields[..], rows.last_mut()) {
            (["row", row @ ..], _) => rows.push(read_row(row)?),
            ([_, _, name, role, remark], Some(row)) => {
                let [name, role, remark] = [name, role, remark].map(|field| (*field).to_owned());
                row.contenders.push(Contender { name, role, remark, ..Contender::default() });
            }
            _ => return Err(unexpected(line)),
        }
    }
    Ok(rows)
}

fn read_row(fields: &[&str]) -> Result<Row> {
    let &[name, what, counted, time, instructions, mallocs] = fields else {
        return Err(unexpected(&fields.join(" ")));
    };
    let instructions = match instructions {
        "settle" => Instructions::Settle,
        "silent" => Instructions::Silent,
        ratio => Instructions::Target(number(ratio)?),
    };
    let mallocs = if mallocs == "-" { None } else { Some(number(mallocs)?) };
    let target = Target { time: number(time)?, instructions, mallocs };
    let (name, what, counted) = (name.to_owned(), what.to_owned(), number(counted)?);
    Ok(Row { name, what, counted, target, contenders: Vec::new() })
}

/// Adds what was measured of a row's contenders.
pub(super) fn add(row: &mut Row, lines: &str) -> Result<()> {
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[0] == "checked" {
            continue;
        }
        let found =
            row.contenders.iter_mut().find(|found| fields.get(2) == Some(&found.name.as_str()));
        let found = found.ok_or_else(|| unexpected(line))?;
        match fields[..] {
            ["time", _, _, nanoseconds, ratio, low, _] => {
                let (nanoseconds, ratio) = (number(nanoseconds)?, number(ratio)?);
                found.time = Some(Time { nanoseconds, ratio, low: number(low)? });
            }
            ["mallocs", _, _, mallocs] => found.mallocs = Some(number(mallocs)?),
            ["instructions", _, _, count] => found.instructions = Some(number(count)?),
            _ => return Err(unexpected(line)),
        }
    }
    Ok(())
}

fn number<T: core::str::FromStr>(word: &str) -> Result<T> {
    word.parse().map_err(|_| format!("expected a number, found `{word}`"))
}

pub(super) fn unexpected(line: &str) -> String {
    format!("the benchmarks wrote what is not understood: {line}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const LIST: &str = "\
row\texport\tan export\t1000\t1.1\t1.05\t1
contender\texport\tfloor\tfloor\t
contender\texport\tdlpack\tours\t
contender\texport\tdlpark\tpeer\tchecks less
";

    /// A row with times and allocations, and without instructions.
    pub(in crate::bench) fn row(ours: f64, low: f64) -> Row {
        let mut row = read(LIST).unwrap().remove(0);
        let lines = format!(
            "checked\texport\t3\ntime\texport\tfloor\t10\t1\t1\t1\n\
             time\texport\tdlpack\t12\t{ours}\t{low}\t9\ntime\texport\tdlpark\t20\t2\t1.9\t2.1\n\
             mallocs\texport\tfloor\t1\nmallocs\texport\tdlpack\t1\nmallocs\texport\tdlpark\t2\n"
        );
        add(&mut row, &lines).unwrap();
        row
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        assert!(read("row\tname\n").unwrap_err().ends_with("name"));
        assert!(read("contender\ta\tb\tpeer\t\n").is_err(), "no row to belong to");
        assert!(add(&mut row(1.0, 1.0), "mallocs\texport\tnobody\t1\n").is_err());
        assert!(add(&mut row(1.0, 1.0), "mallocs\texport\tdlpack\tx\n").is_err());
    }

    #[test]
    fn a_target_is_met_to_two_decimals() {
        assert_eq!(row(1.104, 1.1).verdict(), Verdict::Met);
        assert_eq!(row(1.106, 1.106).verdict(), Verdict::Missed);
        let mut row = row(1.0, 1.0);
        row.contenders[1].mallocs = Some(2);
        assert_eq!(row.verdict(), Verdict::Missed);
    }

    #[test]
    fn instructions_settle_what_the_noise_leaves_open() {
        for instructions in [Instructions::Target(1.05), Instructions::Settle] {
            let mut row = row(1.2, 1.05);
            row.target.instructions = instructions;
            assert_eq!(row.verdict(), Verdict::Open);
            add(&mut row, "instructions\texport\tfloor\t100\ninstructions\texport\tdlpack\t105\n")
                .unwrap();
            assert_eq!(row.verdict(), Verdict::Met);
            add(&mut row, "instructions\texport\tdlpack\t111\n").unwrap();
            assert_eq!(row.verdict(), Verdict::Missed);
            row.target.instructions = Instructions::Silent;
            assert_eq!(row.verdict(), Verdict::Open);
        }
    }
}
