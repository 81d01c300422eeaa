"""The command line, and what it writes: lines of fields between tabs, for `cargo xtask bench --python` to read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import callgrind
import clock
import floors
import rows
from contender import Row

USAGE = "expected `list`, `check`, `time` or `time-quick` and rows, `count FILE` or `count-own FILE` and rows, or `repeat ROW CONTENDER TIMES`"


def show(*fields: object) -> None:
    print(*fields, sep="\t", flush=True)


def list_row(row: Row) -> None:
    show("row", row.name, row.what, row.counted, row.target, "settle" if row.counted else "silent", "-")
    for contender in row.contenders():
        show("contender", row.name, contender.name, contender.role, contender.remark)


def check(row: Row) -> None:
    contenders = row.contenders()
    expected = contenders[0].outcome()
    for contender in contenders:
        try:
            found = contender.outcome()
        except Exception as error:
            sys.exit(f"error: {row.name}: {contender.name}: {type(error).__name__}: {error}")
        if found != expected:
            sys.exit(f"error: {row.name}: {contender.name}: expected {expected}, found {found}")
    show("checked", row.name, len(contenders))


def time(row: Row, plan: clock.Plan) -> None:
    check(row)
    contenders = row.contenders()
    timings = clock.measure([contender.make() for contender in contenders], plan)
    for contender, timing in zip(contenders, timings, strict=True):
        fields = timing.nanoseconds, timing.ratio, timing.low, timing.high
        show("time", row.name, contender.name, *(f"{field:.6g}" for field in fields))


def count(row: Row, counter: callgrind.Counter, is_wanted: Callable[[str], bool]) -> None:
    for contender in row.contenders() if row.counted else []:
        if not is_wanted(contender.role):
            continue
        instructions = counter.count(contender.make(), row.counted)
        show("instructions", row.name, contender.name, instructions)


def repeat(row: str, name: str, times: str) -> None:
    (found,) = [c for c in rows.named(row).contenders() if c.name == name]
    found.make().repeat(int(times))


def main(words: list[str]) -> None:
    match words:
        case ["list", *names]:
            act = list_row
        case ["check", *names]:
            act = check
        case ["time", *names]:
            act = lambda row: time(row, clock.FULL)
        case ["time-quick", *names]:
            act = lambda row: time(row, clock.QUICK)
        case ["can-count"]:
            return show("yes" if floors.can_count else "no")
        case ["count", file, *names]:
            counter = callgrind.Counter(file)
            act = lambda row: count(row, counter, lambda _: True)
        case ["count-own", file, *names]:
            counter = callgrind.Counter(file)
            act = lambda row: count(row, counter, lambda role: role in ("ours", "also"))
        case ["repeat", row, contender, times]:
            return repeat(row, contender, times)
        case _:
            sys.exit(f"error: {USAGE}")
    for row in rows.select(names):
        act(row)


if __name__ == "__main__":
    main(sys.argv[1:])
    # Libraries have threads and atexit handlers that are no part of this.
    sys.stdout.flush()
    os._exit(0)
