"""Strides that are there, that are not, and that lie."""

from __future__ import annotations

from .common import FLOATS, add, positions

add("strides.null-old", "strides-old", "take", does="Imports a tensor of version 1.1 whose strides are NULL.",
     version=(1, 1), strides=None)  # fmt: skip
add("strides.null", "strides", "right", "quirk", does="Imports a tensor of version 1.3 whose strides are NULL.", strides=None,
     only="versioned")  # fmt: skip
for _name, _shape, _strides, _start, _what in [
    ("transposed", (3, 2), (1, 3), 0, "a transposed tensor"),
    ("step", (2, 2), (3, 2), 0, "every other column"),
    ("gap", (2, 2), (3, 1), 0, "rows with a gap between them"),
    ("negative", (2, 3), (-3, 1), 3, "rows in reverse, with a negative stride"),
    ("negative-both", (2, 3), (-3, -1), 5, "a tensor reversed along both axes"),
    ("zero", (4, 3), (0, 1), 0, "four times the same row, with a stride of 0"),
    ("overlap", (4, 3), (1, 1), 0, "overlapping windows"),
    ("size-one", (1, 3), (-999, 1), 0, "an axis of one element with a stride of -999"),
    ("size-one-minimum", (1, 3), (-(2**63), 1), 0, "an axis of one element with the smallest stride"),
    ("diagonal", (2,), (4,), 0, "a diagonal"),
]:
    add(
        f"strides.{_name}",
        "strides-elements",
        "right",
        title=_what,
        does=f"Imports {_what}.",
        shape=_shape,
        strides=_strides,
        start=_start,
        wanted=[
            FLOATS[i]
            for i in positions(_shape, tuple(0 if n == 1 else s for n, s in zip(_shape, _strides)), _start)
        ],
    )
add("strides.huge", "strides-elements", "survive", "quirk", does="Imports a tensor of shape (2, 2) with strides of 2**62.",
     shape=(2, 2), strides=(2**62, 2**62), expects="a refusal, or an array; the deleter runs once")  # fmt: skip
