"""Null pointers, offsets and alignment."""

from __future__ import annotations

from ...values import encode
from .common import add

_LONG = [float(i) for i in range(24)]


def _bytes_of(values: list[float]) -> bytes:
    return encode("float32", values)


for _offset in (4, 16, 64):
    add(
        f"data.offset-{_offset}",
        "offset",
        "right",
        title=f"`byte_offset` {_offset}",
        does=f"Imports a tensor whose first element is {_offset} bytes after `data`.",
        data=_bytes_of(_LONG),
        byte_offset=_offset,
        wanted=_LONG[_offset // 4 : _offset // 4 + 6],
    )
add("data.offset-scalar", "offset", "right", does="Imports one element without axes, 8 bytes after `data`.",
     data=_bytes_of(_LONG), shape=(), strides=(), byte_offset=8, wanted=[2.0])  # fmt: skip
add("data.null", "data", "unreadable", "should", does="Imports six elements whose data is NULL.", address=None, wanted=None,
     expects="a refusal: what would be shown is no memory of the producer")  # fmt: skip
add(
    "data.misaligned",
    "alignment",
    "right",
    "should",
    does="Imports four-byte elements at an odd address.",
    misalign=1,
)
add("data.aligned-4", "alignment", "take", "should", does="Imports four-byte elements at an address that is a multiple of 4 only.",
     misalign=4)  # fmt: skip
add("context.null", "context", "take", does="Imports a tensor whose manager_ctx is NULL.", context=0)
add(
    "deleter.null",
    "deleter-null",
    "take",
    does="Imports a tensor whose deleter is NULL, and drops the array.",
    deleter=False,
)
