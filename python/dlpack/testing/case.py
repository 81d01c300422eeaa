"""What a case is, and how its check tells what it found."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .clauses import CLAUSES, Clause

# Why the cases of the exchange table do not apply to most libraries.
NO_TABLE = "its arrays have no table"
SEVERITIES = ("must", "should", "quirk")
ROLES = ("producer", "consumer", "exchange")


class Found(Exception):
    """The library did something else than the clause says. `fill` completes the program that shows it.

    `severity` is that of the case, unless what was found is milder.
    """

    def __init__(self, found: str, *, severity: str = "", **fill: str):
        super().__init__(found)
        self.severity, self.fill = severity, fill


class Skip(Exception):
    """The case does not apply to the library."""


def expect(condition: object, found: str, **fill: str) -> None:
    """Reports what was found, unless the condition holds."""
    if not condition:
        raise Found(found, **fill)


def skip_unless(condition: object, reason: str) -> None:
    """Leaves the case out, unless the condition holds."""
    if not condition:
        raise Skip(reason)


# Where a check notes what it is about to do, in case that the process ends.
_notes: list[Callable[[dict[str, str]], None]] = []


def note(**fill: str) -> None:
    """Completes the program of a finding in advance, for what may end the process."""
    for listener in _notes:
        listener(fill)


def told(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__


@dataclass(frozen=True)
class Case:
    """One rule that can be seen from outside. Its id never changes."""

    id: str
    title: str
    clause: Clause
    severity: str
    since: str
    does: str
    expects: str
    check: Callable[[Any], None]
    # A program without this package, with the adapter's expressions to fill in; it fails where the library does.
    snippet: str
    # Runs in an interpreter of its own, whose end is part of the case.
    ends: bool = False
    # What completes the program: the dtype or the shape of its array, the label of its view.
    fill: tuple[tuple[str, str], ...] = ()

    @property
    def role(self) -> str:
        return self.id.partition(".")[0]


CASES: dict[str, Case] = {}


def case(
    id: str,
    clause: str,
    severity: str = "must",
    *,
    does: str,
    expects: str,
    snippet: str = "",
    title: str = "",
    since: str = "1.0",
    ends: bool = False,
    **fill: str,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Adds a check to the cases."""
    assert severity in SEVERITIES and id.partition(".")[0] in ROLES and id not in CASES, id

    def add(check: Callable[[Any], None]) -> Callable[[Any], None]:
        name = title or id.partition(".")[2].replace(".", ": ").replace("-", " ")
        CASES[id] = Case(
            id,
            name,
            CLAUSES[clause],
            severity,
            since,
            does,
            expects,
            check,
            snippet,
            ends,
            tuple(fill.items()),
        )
        return check

    return add


# The files of the cases, in the order of the report.
_IN_ORDER = """
    producers.protocol producers.versions producers.copies producers.elements producers.layouts producers.pointers producers.lifetimes
    memory
    consumers.structs consumers.flags consumers.dimensions consumers.strides consumers.pointers consumers.elements consumers.devices
    consumers.requests consumers.copies consumers.capsules consumers.lifetimes
    devices narrow exchange allocation
""".split()


def load() -> dict[str, Case]:
    """All cases, by id."""
    for name in _IN_ORDER:
        importlib.import_module(f"{__package__}.cases.{name}")
    return CASES
