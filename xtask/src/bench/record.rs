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
    pub(super) role: Role,
    pub(super) remark: String,
    pub(super) time: Option<Time>,
    pub(super) mallocs: Option<u64>,
    /// Of one operation.
    pub(super) instructions: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    Floor,
    Ours,
    /// Another way of this project, for which the target does not count.
    Also,
    #[default]
    Peer,
    Reference,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) nanoseconds: f64,
    /// To the floor; the median of the rounds.
    pub(super) ratio: f64,
    /// A quarter of the rounds had a smaller ratio.
    pub(super) low: f64,
}

/// How well a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    /// Missed, but by less than the rounds differ among themselves.
    Open,
    Missed,
}

impl Row {
    pub(super) fn floor(&self) -> Option<&Contender> {
        self.contenders.iter().find(|found| found.role == Role::Floor)
    }

    pub(super) fn ours(&self) -> Option<&Contender> {
        self.contenders.iter().find(|found| found.role == Role::Ours)
    }

    /// A contender's instructions as a ratio to the floor's, where that says anything.
    pub(super) fn instruction_ratio(&self, of: &Contender) -> Option<f64> {
        if self.target.instructions == Instructions::Silent {
            return None;
        }
        Some(of.instructions? / self.floor()?.instructions?)
    }

    /// How this project does in time, in instructions and in allocations, each if it was measured and has a target.
    pub(super) fn verdicts(&self) -> [(&'static str, Option<Verdict>); 3] {
        let ours = self.ours();
        let ratio = ours.and_then(|ours| self.instruction_ratio(ours));
        let mut time = ours.and_then(|ours| ours.time).map(|time| self.target.judge(time));
        let mut instructions = None;
        match (self.target.instructions, ratio) {
            (Instructions::Target(target), Some(ratio)) => {
                instructions = Some(judge(ratio, target));
                if time == Some(Verdict::Open) {
                    time = instructions;
                }
            }
            (Instructions::Settle, Some(ratio)) if time == Some(Verdict::Open) => {
                time = Some(judge(ratio, self.target.time));
            }
            _ => {}
        }
        let mallocs = ours.and_then(|ours| ours.mallocs).zip(self.target.mallocs);
        let mallocs =
            mallocs.map(|(found, most)| if found <= most { Verdict::Met } else { Verdict::Missed });
        [("time", time), ("instructions", instructions), ("mallocs", mallocs)]
    }

    /// Whether the time is within the noise, so that instructions decide.
    pub(super) fn is_settled_by_instructions(&self) -> bool {
        let time = self.ours().and_then(|ours| ours.time).map(|time| self.target.judge(time));
        time == Some(Verdict::Open) && self.verdicts()[0].1 != time
    }

    /// Whether there is a target for instructions, and nobody has counted them.
    pub(super) fn is_uncounted(&self) -> bool {
        let counted = self.ours().and_then(|ours| self.instruction_ratio(ours));
        matches!(self.target.instructions, Instructions::Target(_)) && counted.is_none()
    }

    /// The verdict on the row.
    pub(super) fn verdict(&self) -> Verdict {
        let verdicts = self.verdicts().map(|(_, verdict)| verdict);
        [Verdict::Missed, Verdict::Open]
            .into_iter()
            .find(|worst| verdicts.contains(&Some(*worst)))
            .unwrap_or(Verdict::Met)
    }
}

impl Target {
    fn judge(self, time: Time) -> Verdict {
        match judge(time.ratio, self.time) {
            Verdict::Missed if judge(time.low, self.time) == Verdict::Met => Verdict::Open,
            verdict => verdict,
        }
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
        match (fields[..].split_first(), rows.last_mut()) {
            (Some((&"row", row)), _) => rows.push(read_row(row)?),
            (Some((&"contender", &[_, name, role, remark])), Some(row)) => {
                let (name, remark) = (name.to_owned(), remark.to_owned());
                let role = read_role(role)?;
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
    Ok(Row {
        name: name.to_owned(),
        what: what.to_owned(),
        counted: number(counted)?,
        target: Target { time: number(time)?, instructions, mallocs },
        contenders: Vec::new(),
    })
}

fn read_role(word: &str) -> Result<Role> {
    match word {
        "floor" => Ok(Role::Floor),
        "ours" => Ok(Role::Ours),
        "also" => Ok(Role::Also),
        "peer" => Ok(Role::Peer),
        "reference" => Ok(Role::Reference),
        _ => Err(unexpected(word)),
    }
}

/// Adds what was measured of a row's contenders.
pub(super) fn add(row: &mut Row, lines: &str) -> Result<()> {
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["checked", ..] => {}
            ["time", _, name, nanoseconds, ratio, low, _] => {
                let time = Time {
                    nanoseconds: number(nanoseconds)?,
                    ratio: number(ratio)?,
                    low: number(low)?,
                };
                find(row, name)?.time = Some(time);
            }
            ["mallocs", _, name, mallocs] => find(row, name)?.mallocs = Some(number(mallocs)?),
            ["instructions", _, name, count] => {
                find(row, name)?.instructions = Some(number(count)?);
            }
            _ => return Err(unexpected(line)),
        }
    }
    Ok(())
}

fn find<'a>(row: &'a mut Row, name: &str) -> Result<&'a mut Contender> {
    let found = row.contenders.iter_mut().find(|contender| contender.name == name);
    found.ok_or_else(|| format!("{} has no contender `{name}`", row.name))
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

    pub(in crate::bench) const LIST: &str = "\
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
    fn lines_become_rows() {
        let row = row(1.0, 1.0);
        assert_eq!((row.name.as_str(), row.counted, row.contenders.len()), ("export", 1000, 3));
        assert_eq!(row.ours().map(|ours| ours.name.as_str()), Some("dlpack"));
        assert_eq!(row.contenders[2].mallocs, Some(2));
        assert_eq!(row.contenders[2].remark, "checks less");
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        assert!(read("row\tname\n").unwrap_err().ends_with("name"));
        assert!(read("contender\ta\tb\tpeer\t\n").is_err(), "no row to belong to");
        let mut row = row(1.0, 1.0);
        assert!(add(&mut row, "mallocs\texport\tnobody\t1\n").unwrap_err().contains("`nobody`"));
        assert!(add(&mut row, "mallocs\texport\tdlpack\tx\n").is_err());
    }

    #[test]
    fn a_target_is_met_to_two_decimals() {
        assert_eq!(row(1.104, 1.1).verdict(), Verdict::Met);
        assert_eq!(row(1.106, 1.106).verdict(), Verdict::Missed);
    }

    fn count(row: &mut Row, ours: f64) {
        for (contender, instructions) in row.contenders.iter_mut().zip([100.0, ours, 200.0]) {
            contender.instructions = Some(instructions);
        }
    }

    #[test]
    fn instructions_settle_what_the_noise_leaves_open() {
        for instructions in [Instructions::Target(1.05), Instructions::Settle] {
            let mut row = row(1.2, 1.05);
            row.target.instructions = instructions;
            assert_eq!(row.verdict(), Verdict::Open);
            count(&mut row, 105.0);
            assert_eq!(row.verdict(), Verdict::Met);
            count(&mut row, 111.0);
            assert_eq!(row.verdict(), Verdict::Missed);
        }
    }

    #[test]
    fn without_a_target_of_their_own_instructions_settle_nothing_else() {
        let mut row = row(1.0, 1.0);
        count(&mut row, 150.0);
        assert_eq!(row.verdict(), Verdict::Missed);
        row.target.instructions = Instructions::Settle;
        assert_eq!(row.verdict(), Verdict::Met);
        row.target.instructions = Instructions::Silent;
        row.contenders[1].time = Some(Time { nanoseconds: 12.0, ratio: 1.2, low: 1.0 });
        assert_eq!(row.verdict(), Verdict::Open);
    }

    #[test]
    fn instructions_may_come_from_the_benchmarks_themselves() {
        let mut row = row(1.0, 1.0);
        add(&mut row, "instructions\texport\tfloor\t100\ninstructions\texport\tdlpack\t104.5\n")
            .unwrap();
        assert_eq!(row.ours().and_then(|ours| row.instruction_ratio(ours)), Some(1.045));
    }

    #[test]
    fn without_a_target_allocations_say_nothing() {
        let mut row = read(&LIST.replace("1.05\t1\n", "1.05\t-\n")).unwrap().remove(0);
        add(&mut row, "mallocs\texport\tdlpack\t9\n").unwrap();
        assert_eq!((row.target.mallocs, row.verdict()), (None, Verdict::Met));
    }

    #[test]
    fn an_allocation_too_many_is_a_miss() {
        let mut row = row(1.0, 1.0);
        row.contenders[1].mallocs = Some(2);
        assert_eq!(row.verdicts()[2], ("mallocs", Some(Verdict::Missed)));
        assert_eq!(row.verdict(), Verdict::Missed);
    }
}
