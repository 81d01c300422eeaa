"""Copies that are asked for, and those that are not."""

from __future__ import annotations

from ... import abi
from ...adapters import Adapter
from ...case import case, expect, skip_unless
from ...snippets import maker
from ...synthetic import Producer
from .common import aliases, attempt, check_refused


@case(
    "consumer.copy.none",
    "zero-copy",
    "should",
    does="Imports an aligned, compact tensor without asking for a copy.",
    expects="the producer's memory, not a copy",
    snippet="{imports}\n"
    + maker({})
    + "\nx = {take}\nctypes.memset(start, 0, 24)\nassert list({read}) == [0] * 6, 'a copy'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    found = aliases(lib, x, producer)
    skip_unless(found is not None, "where the array is cannot be known")
    expect(found, "a copy")


@case(
    "consumer.copy.true",
    "import-copy",
    since="2023.12",
    does="Imports with `copy=True` and writes to the producer's memory.",
    expects="an array that does not change",
    snippet="{imports}\n"
    + maker({"keywords": ("stream", "max_version")})
    + "\nx = {take_copy}\nbefore = list({read})\nctypes.memset(start, 0, 24)\n"
    "assert list({read}) == before, 'not a copy'",
)
def _(lib: Adapter) -> None:
    # A producer that does not know the keyword leaves the copy to the consumer; one that does marks what it makes.
    for known in (("stream", "max_version", "dl_device", "copy"), ("stream", "max_version")):
        producer = Producer(keywords=known)
        x, error = attempt(lib, producer, True)
        if error is not None:
            skip_unless(
                "unexpected keyword" not in str(error) or isinstance(error, BufferError), "no such keyword"
            )
            check_refused(producer, error)
            continue
        tensor = producer.tensors[-1]
        marked = tensor.versioned and tensor.struct.flags & abi.IS_COPIED
        asked = any(call.get("copy") for call in producer.calls if "copy" in known)
        expect(
            marked or asked or not aliases(lib, x, producer),
            f"the producer's memory; `__dlpack__` was asked with {sorted(producer.calls[-1])}",
        )


@case(
    "consumer.copy.false",
    "import-no-copy",
    since="2023.12",
    does="Imports with `copy=False`: a compact tensor, and a transposed one.",
    expects="the producer's memory, or an exception",
    snippet="{imports}\n"
    + maker({})
    + "\ntry:\n    x = {take_no_copy}\nexcept Exception as error:\n    print('refused:', error)\n    raise SystemExit(0)\n"
    "ctypes.memset(start, 0, 24)\nassert list({read}) == [0] * 6, 'a copy'\n"
    "shape[:], strides[:] = (3, 2), (1, 3)\ntry:\n    x = {take_no_copy}\nexcept Exception as error:\n    print('refused:', error)\n"
    "    raise SystemExit(0)\nctypes.memset(start, 1, 24)\nassert all({read}), 'a copy of what is transposed'",
)
def _(lib: Adapter) -> None:
    for shape, strides in (((2, 3), (3, 1)), ((3, 2), (1, 3))):
        producer = Producer(shape=shape, strides=strides)
        x, error = attempt(lib, producer, False)
        if error is not None:
            check_refused(producer, error)
            return
        found = aliases(lib, x, producer)
        skip_unless(found is not None, "where the array is cannot be known")
        expect(found, f"a copy, for strides {strides}")
