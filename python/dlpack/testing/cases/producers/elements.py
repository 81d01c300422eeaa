"""The dtypes, and what DLPack cannot describe."""

from __future__ import annotations

from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Found, Skip, case, expect, skip_unless, told
from ...values import encode, sample_bytes
from .common import Several, arrays_of


def _dtype_check(dtype: str) -> Any:
    def check(lib: Adapter) -> None:
        x = lib.make(dtype)
        try:
            seen = lib.look(x)
        except BufferError as error:
            raise Skip(told(error)) from None
        expect(
            seen.dtype == abi.triple(dtype),
            f"{abi.name_dtype(seen.dtype)} {seen.dtype} instead of {abi.triple(dtype)}",
        )
        bits = sample_bytes(dtype)
        expect(seen.byte_offset < 1 << 40, "a byte_offset beyond all memory")
        packed = dtype in abi.SUB_BYTE
        expect(
            (seen.read_packed() if packed else seen.read()) == bits,
            f"other bits: {(seen.read_packed() if packed else seen.read()).hex()} instead of {bits.hex()}",
        )

    return check


for _dtype in abi.DTYPES:
    case(
        f"producer.dtype.{_dtype}",
        "bool"
        if _dtype == "bool"
        else "complex"
        if "complex" in _dtype
        else "sub-byte"
        if _dtype in abi.SUB_BYTE
        else "dtype-code",
        since="1.1" if _dtype.startswith(("float8", "float6", "float4")) else "0.6",
        title=_dtype,
        does=f"Exports six elements of {_dtype}.",
        expects=f"code, bits and lanes {abi.triple(_dtype)}, and the elements' bits",
        snippet=f"x = {{x}}\ncapsule = x.__dlpack__()\n{{struct}}\nassert dtype == {abi.triple(_dtype)}, dtype\n"
        + (
            ""
            if _dtype in abi.SUB_BYTE
            else f"assert elements.hex() == {sample_bytes(_dtype).hex()!r}, elements.hex()\n"
        ),
        dtype=_dtype,
    )(_dtype_check(_dtype))


@case(
    "producer.refusal.class",
    "export-error",
    "should",
    since="2022.12",
    does="Exports what DLPack cannot describe: text, records, other byte orders and the like.",
    expects="BufferError for each",
    snippet="x = {expression}\ntry:\n    x.__dlpack__(max_version=(1, 3))\nexcept BufferError:\n    raise SystemExit(0)\n"
    'raise AssertionError("a capsule")',
)
def _(lib: Adapter) -> None:
    skip_unless(lib.unexportable, "the adapter names nothing that it cannot export")
    found = Several()
    for label, x, expression in arrays_of(lib, lib.unexportable):
        try:
            lib.look(x)
        except BufferError:
            continue
        except (Exception, Found) as error:
            found.add(f"for {label}: {told(error)}", expression=expression)
        # A tensor instead of a refusal is the next case's.
    found.tell()


@case(
    "producer.refusal.needed",
    "endian",
    does="Exports what DLPack cannot describe: text, records, other byte orders and the like.",
    expects="a refusal of each",
    snippet="x = {expression}\ntry:\n    x.__dlpack__(max_version=(1, 3))\nexcept Exception:\n    raise SystemExit(0)\n"
    'raise AssertionError("a capsule")',
)
def _(lib: Adapter) -> None:
    skip_unless(lib.unexportable, "the adapter names nothing that it cannot export")
    found = Several()
    for label, x, expression in arrays_of(lib, lib.unexportable):
        try:
            lib.look(x)
        except Exception:
            continue
        found.add(f"for {label}: a capsule", expression=expression)
    found.tell()


@case(
    "producer.lazy",
    "dense",
    does="Exports arrays whose elements are computed when they are read, such as a conjugate.",
    expects="the elements that the array shows, or a refusal",
    snippet="x = {expression}\ntry:\n    capsule = x.__dlpack__(max_version=(1, 3))\nexcept Exception:\n    raise SystemExit(0)\n"
    "{struct}\nshown = {shown}\nassert data, 'no memory'\n"
    'assert elements.hex() == shown, ("in memory", elements.hex(), "shown", shown)',
)
def _(lib: Adapter) -> None:
    skip_unless(lib.lazy, "the adapter names no such arrays")
    found = Several()
    for label, x, expression in arrays_of(lib, lib.lazy):
        try:
            seen = lib.look(x)
        except Exception:
            continue
        if not seen.raw and seen.size:
            words = f"of {label}: no memory, for {seen.size} elements"
            found.add(words, expression=expression, shown="''", count="0")
            continue
        name = abi.name_dtype(seen.dtype)
        try:
            shown = encode(name, lib.elements(x, name))
        except Exception:
            continue
        fill = {"expression": expression, "shown": repr(shown.hex())}
        if seen.read() != shown:
            found.add(f"of {label}: other elements than the array shows", **fill)
    found.tell()


