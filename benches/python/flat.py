"""The size of an array takes no time: rows whose floor is the smallest, and whose target is for the largest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contender import Call, Contender, Row
from take import OURS, address, module, ours

#: Contenders: a role, a name, and how many elements there are.
SIZES = [("floor", "1 K", 1000), ("also", f"{OURS}, 1 M", 1_000_000), ("ours", f"{OURS}, 100 M", 100_000_000)]


def flat(function: Callable[[], Any], make: Callable[[int], Any], look: Callable[[Call, Any], Any]) -> list[Contender]:
    def contender(role: str, name: str, size: int) -> Contender:
        return Contender(name, role, lambda: Call(function(), (make(size),)), look)

    return [contender(*size) for size in SIZES]


def is_all_there(call: Call, result: Any) -> bool:
    array = call.arguments[0]
    return result == address(array) + array.shape[0]


def numpy() -> list[Contender]:
    return flat(lambda: ours().take, lambda size: module("numpy").empty(size, "float32"), is_all_there)


def torch() -> list[Contender]:
    return flat(lambda: ours().take, lambda size: module("torch").empty(size), is_all_there)


def give() -> list[Contender]:
    def is_shared(_: Call, result: Any) -> bool:
        return result.shape[0] == 1 and not result.flags.owndata

    return flat(lambda: module("numpy").from_dlpack, lambda size: ours().tensor(1, size), is_shared)


def rows() -> list[Row]:
    return [
        Row("flat-numpy", "an array of NumPy into native code, of more and more elements", 1.05, numpy),
        Row("flat-torch", "a tensor of PyTorch into native code, of more and more elements", 1.05, torch),
        Row("flat-give", "numpy.from_dlpack of an own object, of more and more elements", 1.05, give),
    ]
