"""Native memory to Python's libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import floors
from contender import Call, Contender, Row
from take import OURS, address, look, module, ours

VERSION = (1, 3)


def dlpark_own() -> Any:
    return module("peer_dlpark").Own()


def nanobind_own() -> Any:
    return module("peer_nanobind").own()


def tvm_ffi_own() -> Any:
    """A tensor of tvm-ffi, whose memory is that of an array."""
    return module("tvm_ffi").from_dlpack(module("numpy").zeros((3, 4), "float32"))


def consumed(call: Call, result: Any) -> Any:
    """Shape and dtype of the array that came out, and whether it is where it should be."""
    own = call.arguments[0]
    is_there = address(result) == address(own) if hasattr(own, "address") else True
    return tuple(result.shape), str(result.dtype).rpartition(".")[2], is_there


def named(_: Call, result: Any) -> Any:
    """The capsule's name, as it is shown."""
    return repr(result).split('"')[1]


def giver(callee: Callable[[], Any], check: Callable[[Call, Any], Any], **keywords: Any) -> Callable[..., Contender]:
    def contender(role: str, name: str, make: Callable[[], Any], remark: str = "") -> Contender:
        return Contender(name, role, lambda: Call(callee(), (make(),), keywords), check, remark)

    return contender


def both(give: Callable[..., Contender]) -> list[Contender]:
    """A class of an extension, and the one that is ready."""
    return [
        give("ours", OURS, lambda: ours().Own()),
        give("also", f"{OURS}, Tensor", lambda: ours().tensor(3, 4)),
    ]


def dunder() -> list[Contender]:
    give = giver(lambda: "__dlpack__", named, max_version=VERSION)
    return [
        give("floor", "floor", floors.Own),
        *both(give),
        give("peer", "dlpark", dlpark_own),
        give("peer", "tvm-ffi", tvm_ffi_own),
        give("peer", "nanobind", nanobind_own),
        give("peer", "numpy", lambda: module("numpy").zeros((3, 4), "float32")),
    ]


def to_numpy() -> list[Contender]:
    give = giver(lambda: module("numpy").from_dlpack, consumed)
    return [
        give("floor", "floor", floors.Own),
        *both(give),
        give("peer", "dlpark", dlpark_own),
        give("peer", "tvm-ffi", tvm_ffi_own),
        give("peer", "nanobind", nanobind_own),
    ]


def package_to_numpy() -> list[Contender]:
    """The tensor of the Python package, which looks at what is asked for and makes a struct for each consumer."""
    give = giver(lambda: module("numpy").from_dlpack, consumed)

    def tensor() -> Any:
        return module("dlpack").asdlpack(module("numpy").zeros((3, 4), "float32"))

    return [
        give("floor", "floor", floors.Own),
        give("ours", OURS, tensor),
        give("reference", "ready", floors.Ready, "hands out one struct, which owns nothing"),
    ]


def to_torch() -> list[Contender]:
    give = giver(lambda: module("torch").from_dlpack, consumed)
    return [
        give("floor", "floor", floors.Own),
        *both(give),
        give("peer", "dlpark", dlpark_own),
        give("peer", "tvm-ffi", tvm_ffi_own),
        give("peer", "nanobind", nanobind_own),
    ]


def torch_table() -> list[Contender]:
    give = giver(lambda: module("torch").from_dlpack, consumed)
    by_hand = giver(lambda: floors.to_torch, consumed)

    def like(role: str, name: str, function: Callable[[], Any], own: Callable[[], Any]) -> Contender:
        """Gives it to the library of an example."""
        return Contender(name, role, lambda: Call(function(), (own(), module("torch").zeros(1))), consumed)

    return [
        give("floor", "floor", floors.Own),
        like("ours", OURS, lambda: ours().give_to, lambda: ours().Own()),
        by_hand("reference", "by hand", floors.Own),
        like("peer", "dlpark", lambda: module("peer_dlpark").to_torch, dlpark_own),
    ]


def produce(function: Callable[[], Any]) -> Callable[[], list[Contender]]:
    take = giver(function, look)
    return lambda: [
        take("floor", "floor", floors.Own),
        *both(take),
        take("peer", "dlpark", dlpark_own),
    ]


def rows() -> list[Row]:
    return [
        Row("give-view", "an own object asked by its table, borrowed", 2.0, produce(lambda: floors.take_view)),
        Row("give", "the same, owned", 2.0, produce(lambda: floors.take_owned)),
        Row("dlpack", "__dlpack__(max_version=...) of an own object, and its capsule dropped", 1.45, dunder),
        Row("to-numpy", "numpy.from_dlpack of an own object", 1.15, to_numpy),
        Row("package-to-numpy", "numpy.from_dlpack of dlpack.asdlpack(x)", 1.15, package_to_numpy),
        Row("to-torch", "torch.from_dlpack of an own object", 1.03, to_torch),
        Row("torch-table", "an own object made a tensor of PyTorch by its table", 0.32, torch_table),
    ]
