"""The dtypes."""

from __future__ import annotations

import struct

from ... import abi
from ...values import samples
from .common import add

for _dtype in abi.DTYPES:
    add(
        f"dtype.{_dtype}",
        "sub-byte" if _dtype in abi.SUB_BYTE else "dtype-code",
        "right",
        title=_dtype,
        since="1.1" if _dtype.startswith(("float8", "float6", "float4")) else "0.6",
        does=f"Imports six elements of {_dtype}.",
        wanted=samples(_dtype),
        dtype=_dtype,
        known=True,
    )

for _id, _triple, _clause, _severity, _what in [
    ("bits-zero", (2, 0, 1), "bits", "should", "elements of no bits"),
    ("bits-24", (2, 24, 1), "bits", "should", "floats of 24 bits"),
    ("bits-128", (0, 128, 1), "bits", "quirk", "integers of 128 bits"),
    ("lanes-zero", (2, 32, 0), "lanes", "should", "elements of no lanes"),
    ("code-255", (255, 32, 1), "dtype-code", "should", "a type code that there is not"),
    ("bool-1", (6, 1, 1), "bool", "should", "booleans of one bit"),
    ("float6-8", (15, 8, 1), "float6", "must", "float6_e2m3fn with 8 bits"),
    ("float4-8", (17, 8, 1), "float4", "must", "float4_e2m1fn with 8 bits"),
]:
    add(
        f"dtype.{_id}",
        _clause,
        "refuse" if _severity == "must" else "unreadable",
        _severity,
        title=_what,
        does=f"Imports {_what}.",
        dtype=_triple,
        wanted=None,
    )
add("dtype.lanes", "lanes", "right", title="lanes", dtype=(2, 32, 4),
     does="Imports six elements of four float32 lanes each.", wanted=list(struct.unpack("=24f", bytes(range(1, 97)))),
     expects="a refusal, or elements of four lanes; not elements of one")  # fmt: skip
add(
    "dtype.opaque",
    "dtype-code",
    "survive",
    "quirk",
    title="opaque handles",
    does="Imports opaque handles.",
    dtype=(3, 64, 1),
    wanted=None,
)
