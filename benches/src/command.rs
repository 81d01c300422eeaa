//! The command line, and what it writes: lines of fields between tabs, for `cargo xtask bench` to read.

use crate::contender::{Contender, Instructions, Row};
use crate::time::{self, Plan};
use crate::{mallocs, rows};

const USAGE: &str = "expected `list`, `check`, `time`, `time-quick` or `mallocs` and rows, or `repeat ROW CONTENDER TIMES`";

/// Does what the words say; the error is one line.
pub fn run(words: &[&str]) -> Result<(), String> {
    match words {
        ["list", rest @ ..] => each(rest, list),
        ["check", rest @ ..] => each(rest, check),
        ["time", rest @ ..] => each(rest, |row| time(row, Plan::FULL)),
        ["time-quick", rest @ ..] => each(rest, |row| time(row, Plan::QUICK)),
        ["mallocs", rest @ ..] => each(rest, count_mallocs),
        ["repeat", row, contender, times] => repeat(row, contender, times),
        _ => Err(USAGE.to_owned()),
    }
}

fn each(words: &[&str], act: impl Fn(&Row) -> Result<(), String>) -> Result<(), String> {
    rows::select(words)?.iter().try_for_each(act)
}

fn list(row: &Row) -> Result<(), String> {
    let instructions = match row.target.instructions {
        Instructions::Target(ratio) => ratio.to_string(),
        Instructions::Settle => "settle".to_owned(),
        Instructions::Silent => "silent".to_owned(),
    };
    let (time, mallocs) = (row.target.time, row.target.mallocs);
    let Row { name, what, counted, .. } = row;
    println!("row\t{name}\t{what}\t{counted}\t{time}\t{instructions}\t{mallocs}");
    for Contender { name: contender, role, remark, .. } in (row.contenders)() {
        println!("contender\t{name}\t{contender}\t{}\t{remark}", role.word());
    }
    Ok(())
}

/// Compares each contender's result with the floor's, twice, so that the second sees what the first left behind.
fn check(row: &Row) -> Result<(), String> {
    let mut contenders = (row.contenders)();
    let (floor, others) = contenders.split_first_mut().ok_or("a row has a floor")?;
    for _ in 0..2 {
        let expected = floor.outcome();
        for other in &mut *others {
            let found = other.outcome();
            if found != expected {
                let (row, name) = (row.name, other.name);
                return Err(format!("{row}: {name}: expected {expected:?}, found {found:?}"));
            }
        }
    }
    println!("checked\t{}\t{}", row.name, others.len() + 1);
    Ok(())
}

fn time(row: &Row, plan: Plan) -> Result<(), String> {
    check(row)?;
    let mut contenders = (row.contenders)();
    let timings = time::measure(&mut contenders, plan);
    for (contender, timing) in contenders.iter().zip(timings) {
        let time::Timing { nanoseconds, ratio, quartiles: (low, high) } = timing;
        let (row, contender) = (row.name, contender.name);
        println!("time\t{row}\t{contender}\t{nanoseconds}\t{ratio}\t{low}\t{high}");
    }
    Ok(())
}

/// How often the allocations are averaged over.
const AVERAGED: u64 = 16;

fn count_mallocs(row: &Row) -> Result<(), String> {
    for mut contender in (row.contenders)() {
        contender.repeat(1);
        let before = mallocs::count();
        contender.repeat(AVERAGED);
        // One in sixteen operations is one too many.
        let mallocs = (mallocs::count() - before).div_ceil(AVERAGED);
        println!("mallocs\t{}\t{}\t{mallocs}", row.name, contender.name);
    }
    Ok(())
}

fn repeat(row: &str, name: &str, times: &str) -> Result<(), String> {
    let times = times.parse().map_err(|_| format!("expected a number, found `{times}`"))?;
    let rows = rows::all();
    let row = rows.iter().find(|known| known.name == row);
    let row = row.ok_or_else(|| "no row has that name".to_owned())?;
    let mut contenders = (row.contenders)();
    let contender = contenders.iter_mut().find(|known| known.name == name);
    contender.ok_or_else(|| format!("{} has no contender `{name}`", row.name))?.repeat(times);
    Ok(())
}

/// [`run`] with the words of the process.
pub fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            std::process::ExitCode::FAILURE
        }
    }
}
