"""Shapes, strides and offsets."""

from __future__ import annotations

import ctypes
from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Skip, case, expect, skip_unless, told
from ...peek import Peek, peek
from ...values import encode, sample_bytes
from .common import versioned_struct

_LAYOUT = """
x = {x}
x = {layout}
found = list({read})
shown = __import__("struct").pack(f"={len(found)}f", *found).hex()
try: capsule = x.__dlpack__(max_version=(1, 3))
except TypeError: capsule = x.__dlpack__()
{struct}
assert elements.hex() == shown, ("in memory", elements.hex(), "shown", shown)
"""


def _layout_check(label: str) -> Any:
    def check(lib: Adapter) -> None:
        skip_unless(label in lib.layouts, "the library has no such view")
        x = lib.evaluate(lib.layouts[label], x=lib.make())
        shown = encode("float32", lib.elements(x))
        try:
            seen = lib.look(x)
        except BufferError as error:
            raise Skip(f"refused: {told(error)}") from None
        expect(seen.shape is not None and seen.ndim >= 0, "no shape")
        expect(seen.size * 4 == len(shown), f"shape {seen.shape}")
        expect(seen.read() == shown, f"other elements, for strides {seen.strides}")

    return check


for _label, _what in {
    "transposed": "a transposed array",
    "step": "every other column",
    "reversed": "the rows in reverse, with a negative stride",
    "offset": "a part that does not start where the memory does",
    "broadcast": "rows that are the same memory, with a stride of zero",
    "diagonal": "a diagonal",
    "size one": "axes of one element, whose strides mean nothing",
    "window": "overlapping windows",
}.items():
    case(
        f"producer.layout.{_label.replace(' ', '-')}",
        "strides-elements",
        title=_what,
        does=f"Exports {_what}, and reads its elements by the struct.",
        expects="the elements that the array shows",
        snippet=_LAYOUT,
        label=_label,
    )(_layout_check(_label))


@case(
    "producer.strides.present",
    "strides",
    since="1.2",
    does="Looks at `strides` of a compact array in a struct of version 1.2 or later.",
    expects="an array of strides, not NULL",
    snippet="x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert strides_at or version < (1, 2), 'NULL'",
)
def _(lib: Adapter) -> None:
    seen = versioned_struct(lib, lib.make())
    skip_unless(seen.version and seen.version >= (1, 2), "the struct is of an older version")
    expect(seen.strides is not None, "NULL")


@case(
    "producer.strides.legacy",
    "strides-old",
    "quirk",
    does="Looks at `strides` of a compact array in a legacy struct.",
    expects="an array of strides: consumers that follow the present header rely on it",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert strides_at, 'NULL'",
)
def _(lib: Adapter) -> None:
    seen = peek(lib.export(lib.make()))
    skip_unless(not seen.versioned, "it has no legacy structs")
    expect(seen.strides is not None, "NULL")


@case(
    "producer.strides.compact",
    "strides-elements",
    does="Looks at the strides of a compact array of shape (2, 3) and four-byte elements.",
    expects="(3, 1), counted in elements",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert not strides_at or strides == [3, 1], strides",
)
def _(lib: Adapter) -> None:
    seen = lib.look(lib.make())
    skip_unless(seen.strides is not None, "they are NULL")
    expect(seen.strides == abi.row_major(seen.shape or ()), f"{seen.strides} for shape {seen.shape}")


@case(
    "producer.strides.size-one",
    "strides",
    "quirk",
    does="Looks at the strides of axes of one element.",
    expects="those of a compact array: some consumers look at them",
    snippet="x = {x}\nx = {layout}\ntry: capsule = x.__dlpack__(max_version=(1, 3))\nexcept TypeError: capsule = x.__dlpack__()\n"
    "{struct}\nn = shape.index(1)\nassert not strides_at or strides[n] == __import__('math').prod(shape[n + 1:]), (shape, strides)",
    label="size one",
)
def _(lib: Adapter) -> None:
    skip_unless("size one" in lib.layouts, "the library has no such view")
    seen = lib.look(lib.evaluate(lib.layouts["size one"], x=lib.make()))
    shape, strides = seen.shape or (), seen.strides
    skip_unless(strides is not None, "they are NULL")
    compact = abi.row_major(shape)
    for axis, extent in enumerate(shape):
        expect(
            extent != 1 or strides is None or strides[axis] == compact[axis],
            f"shape {shape} and strides {strides}",
        )


@case(
    "producer.scalar",
    "shape",
    does="Exports an array without axes.",
    expects="ndim 0, and one element",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert ndim == 0, ndim",
    shape="()",
)
def _(lib: Adapter) -> None:
    x = lib.make(shape=(), values=[1.0])
    seen = lib.look(x)
    expect(seen.ndim == 0, f"ndim {seen.ndim}")
    expect(ctypes.string_at(seen.data, 4) == encode("float32", [1.0]), "another element")


for _shape in ((0,), (0, 3), (2, 0, 3)):

    @case(
        f"producer.empty.shape-{'x'.join(map(str, _shape))}",
        "shape",
        title=f"no elements, shape {_shape}",
        does=f"Exports an array of shape {_shape}.",
        expects="that shape",
        snippet=f"x = {{x}}\ncapsule = x.__dlpack__()\n{{struct}}\nassert tuple(shape) == {_shape}, shape",
        shape=str(_shape),
    )
    def _(lib: Adapter, shape: tuple[int, ...] = _shape) -> None:
        seen = _empty(lib, shape)
        expect(seen.shape == shape, f"shape {seen.shape}")
        if seen.versioned and seen.version and seen.version >= (1, 2):
            expect(seen.strides is not None, "strides are NULL")


def _empty(lib: Adapter, shape: tuple[int, ...]) -> Peek:
    try:
        x = lib.make(shape=shape, values=[])
    except Skip:
        raise
    except Exception as error:
        raise Skip(f"it makes no such arrays: {told(error)}") from None
    try:
        return lib.look(x)
    except BufferError as error:
        raise Skip(f"refused: {told(error)}") from None


@case(
    "producer.empty.data",
    "size-zero",
    "quirk",
    does="Looks at `data` of an array without elements.",
    expects="NULL",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert not data, hex(data)",
    shape="(0,)",
)
def _(lib: Adapter) -> None:
    seen = _empty(lib, (0,))
    expect(not seen.raw, f"{seen.raw:#x}")


@case(
    "producer.many-axes",
    "ndim",
    "should",
    does="Exports an array of seven axes.",
    expects="ndim 7, and the elements",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert shape == [1, 2, 1, 3, 1, 1, 1], shape",
    shape="(1, 2, 1, 3, 1, 1, 1)",
)
def _(lib: Adapter) -> None:
    shape = (1, 2, 1, 3, 1, 1, 1)
    try:
        x = lib.make(shape=shape)
    except Skip:
        raise
    except Exception as error:
        raise Skip(f"it makes no such arrays: {told(error)}") from None
    seen = lib.look(x)
    expect(seen.shape == shape, f"shape {seen.shape}")
    expect(seen.read() == sample_bytes("float32"), "other elements")
