"""Flags that are set, and those that nobody knows."""

from __future__ import annotations

from ... import abi
from ...adapters import Adapter
from ...case import case, expect, skip_unless
from ...snippets import maker
from ...synthetic import Producer
from .common import add, attempt

add(
    "flags.unknown",
    "flags",
    "take",
    "should",
    does="Imports a tensor with a flag that has no meaning yet.",
    flags=1 << 40,
    only="versioned",
)
add(
    "flags.copied",
    "is-copied",
    "take",
    does="Imports a tensor with IS_COPIED.",
    flags=abi.IS_COPIED,
    only="versioned",
)
add(
    "flags.read-only",
    "ignore-read-only",
    "take",
    "should",
    does="Imports a tensor with READ_ONLY.",
    flags=abi.READ_ONLY,
    only="versioned",
)
add(
    "flags.padded",
    "padded",
    "take",
    "quirk",
    does="Imports float32 elements with IS_SUBBYTE_TYPE_PADDED, which means nothing for them.",
    flags=abi.PADDED,
    only="versioned",
)


@case(
    "consumer.flags.read-only-written",
    "read-only",
    "should",
    does="Imports a tensor with READ_ONLY, and writes to the array.",
    expects="an exception, or a copy: the producer's memory stays as it was",
    snippet="{imports}\n"
    + maker({"flags": 1})
    + "\nbefore = ctypes.string_at(start, 24)\nx = {take}\ntry:\n    {write}\n"
    "except Exception as error:\n    print('refused:', error)\n"
    "assert ctypes.string_at(start, 24) == before, 'read-only memory was written'",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.write, "its arrays cannot be written")
    producer = Producer(flags=abi.READ_ONLY)
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    skip_unless(
        producer.tensors[-1].versioned, "the library asks for legacy structs, which have no such field"
    )
    before = producer.tensors[-1].memory()
    try:
        exec(lib.write, {**lib.space, "x": x})
    except Exception:
        pass
    # Some libraries write when the result is needed.
    lib.elements(x)
    expect(producer.tensors[-1].memory() == before, "the producer's memory is written")
