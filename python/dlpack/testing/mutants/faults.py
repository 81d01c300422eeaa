"""The faults by name, and the one that is active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What is kept for the rest of the process.
FOREVER: list[Any] = []
_active: Fault | None = None


@dataclass(frozen=True)
class Fault:
    """One fault, and the cases that are meant to find it."""

    name: str
    finds: tuple[str, ...]
    # What is done to a struct that is handed out, or that comes in.
    out: Any = None
    into: Any = None
    # What the classes of the reference do otherwise.
    does: str = ""


FAULTS: dict[str, Fault] = {}


def fault(name: str, *finds: str, out: Any = None, into: Any = None, does: str = "") -> None:
    """Adds a fault, and the cases that are meant to find it."""
    assert name not in FAULTS and finds
    FAULTS[name] = Fault(name, finds, out, into, does or name)


def active() -> Fault | None:
    """The fault that is active in this process."""
    return _active


def activate(name: str) -> None:
    """Makes a fault the active one, or none for an empty name."""
    global _active
    _active = FAULTS[name] if name else None


def does(name: str) -> bool:
    """Whether the fault that is active is this one."""
    return _active is not None and _active.does == name
