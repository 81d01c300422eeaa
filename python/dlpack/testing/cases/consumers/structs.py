"""Structs of either ABI and of any version."""

from __future__ import annotations

import ctypes
from typing import Any

from ...adapters import Adapter
from ...case import case, expect, skip_unless
from ...snippets import maker
from ...synthetic import Producer
from .common import add, attempt

add("struct.asked", "both-structs", "take", does="Imports a tensor of the struct that the library asks for.")
add(
    "struct.legacy",
    "both-structs",
    "right",
    does="Imports a legacy tensor, whatever was asked for.",
    answer="legacy",
)
add(
    "struct.versioned",
    "ask-versioned",
    "take",
    "should",
    does="Imports a versioned tensor of an object that makes no other.",
    answer="versioned",
)
add(
    "struct.ignores-version",
    "max-version-verify",
    "take",
    "should",
    does="Imports from a producer that answers a request for a versioned tensor with a legacy one, as is allowed.",
    answer="legacy",
)
add(
    "struct.old-producer",
    "ask-versioned",
    "take",
    "should",
    does="Imports from a producer that knows the keyword `stream` only.",
    keywords=("stream",),
)
add(
    "struct.first-producer",
    "ask-versioned",
    "take",
    "should",
    does="Imports from a producer that knows no keyword.",
    keywords=(),
)
add(
    "version.minor",
    "minor",
    "take",
    does="Imports a tensor of version 1.99.",
    version=(1, 99),
    only="versioned",
)
add(
    "version.first",
    "minor",
    "take",
    does="Imports a tensor of version 1.0.",
    version=(1, 0),
    only="versioned",
)
add(
    "version.major",
    "major",
    "refuse",
    does="Imports a tensor of version 2.0.",
    version=(2, 0),
    only="versioned",
)
add(
    "version.major-guarded",
    "flags-stable",
    "refuse",
    does="Imports a tensor of version 2.0, in which all that follows `flags` is memory that nobody may read.",
    guarded=(2, 0),
    only="versioned",
)
add(
    "version.zero",
    "major",
    "refuse",
    does="Imports a versioned tensor of version 0.8, of which there was none.",
    version=(0, 8),
    only="versioned",
)


@case(
    "consumer.struct.untouched",
    "borrowing",
    "quirk",
    does="Compares the struct, its shape and its strides before and after the import.",
    expects="the same: they are the producer's",
    snippet="{imports}\n"
    + maker({}).replace(
        "        return self.capsule",
        "        global whole; whole = lambda: [bytes(versioned)[8:80], bytes(legacy)[8:64], shape[:], strides[:]]\n"
        "        global before; before = whole()\n        return self.capsule",
    )
    + "\nx = {take}\nassert whole() == before, (before, whole())",
)
def _(lib: Adapter) -> None:
    class Remembers(Producer):
        def made(self, **fields: Any) -> Any:
            tensor = super().made(**fields)
            tensor.before = _whole(tensor)
            return tensor

    producer = Remembers()
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    expect(_whole(tensor) == tensor.before, "the import writes to the struct")
    del x


def _whole(tensor: Any) -> Any:
    # The first eight bytes count the calls of the deleter.
    struct = ctypes.string_at(tensor.address, ctypes.sizeof(tensor.struct))
    return struct[8:], tensor._shape[:], tensor._strides[:]
