"""A row and those who contend in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import floors


@dataclass(frozen=True)
class Call:
    """A call of a function, or of the method with that name of the first argument."""

    callee: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)

    def once(self) -> Any:
        if isinstance(self.callee, str):
            return getattr(self.arguments[0], self.callee)(*self.arguments[1:], **self.keywords)
        return self.callee(*self.arguments, **self.keywords)

    def _flat(self) -> tuple[Any, tuple[Any, ...], tuple[str, ...]]:
        return self.callee, (*self.arguments, *self.keywords.values()), tuple(self.keywords)

    def repeat(self, times: int) -> float:
        """How many nanoseconds that takes."""
        return floors.repeat(*self._flat(), times)

    def count(self, times: int, label: str) -> None:
        floors.count(*self._flat(), times, label)


@dataclass(frozen=True)
class Contender:
    """One way to do a row's task."""

    name: str
    #: floor, ours, also (another way of this project), peer, or reference (written by hand, to explain a number)
    role: str
    make: Callable[[], Call]
    #: What all contenders must agree on, made of the call and its result.
    look: Callable[[Call, Any], Any]
    #: What it does less or more than the floor.
    remark: str = ""

    def outcome(self) -> Any:
        """What the call finds, and that it lets go of everything."""
        call = self.make()
        # The first call may fill caches, which are held for good.
        found = self.look(call, call.once())
        held = [sys.getrefcount(argument) for argument in call.arguments]
        again = self.look(call, call.once())
        leaks = [sys.getrefcount(argument) for argument in call.arguments] != held
        return found if found == again and not leaks else ("again", again, "leaks", leaks)


@dataclass(frozen=True)
class Row:
    """One task, and the ways to do it, of which the first is the floor."""

    name: str
    #: What one operation is.
    what: str
    #: The ratio to the floor that this project must not exceed.
    target: float
    contenders: Callable[[], list[Contender]]
    #: How often an operation is repeated where its instructions are counted.
    counted: int = 1000
