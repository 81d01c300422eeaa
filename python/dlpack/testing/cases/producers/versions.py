"""The version and the flags of a struct."""

from __future__ import annotations

from ... import abi
from ...adapters import Adapter
from ...case import Found, case, expect, skip_unless
from ...peek import peek
from .common import versioned_struct


@case(
    "producer.version",
    "version",
    does="Looks at `version` of a versioned struct.",
    expects="major version 1, which is the only one that there is",
    snippet="x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert version[0] == 1, version",
)
def _(lib: Adapter) -> None:
    seen = versioned_struct(lib, lib.make())
    expect(seen.version and seen.version[0] == 1, f"version {seen.version}")
    expect(seen.version and seen.version[1] <= 32, f"version {seen.version}")


@case(
    "producer.flags.none",
    "flags",
    does="Looks at `flags` of an ordinary array that is not copied.",
    expects="no flag that the header does not name, and IS_COPIED unset",
    snippet="x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert flags & ~1 == 0, hex(flags)",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    seen = versioned_struct(lib, x)
    expect(seen.flags & ~7 == 0, f"flags {seen.flags:#x}")
    # The memory is the array's if the library says so, or if two structs share it.
    if versioned_struct(lib, x).data == seen.data or lib.address and lib.where(x) == seen.data:
        expect(not seen.flags & abi.IS_COPIED, "IS_COPIED for memory that the array still uses")
    expect(not seen.flags & abi.PADDED, "IS_SUBBYTE_TYPE_PADDED for float32")


@case(
    "producer.flags.writable",
    "read-only",
    "should",
    does="Looks at READ_ONLY of an array that can be written.",
    expects="the flag is not set",
    snippet="x = {x}\n{write}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert not flags & 1, hex(flags)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.write and lib.shape == (2, 3), "its arrays cannot be written")
    seen = versioned_struct(lib, lib.make())
    expect(not seen.flags & abi.READ_ONLY, "READ_ONLY is set")


@case(
    "producer.read-only.versioned",
    "read-only",
    does="Exports an array that must not be written, as a versioned struct.",
    expects="READ_ONLY, or a copy",
    snippet="x = {readonly}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert flags & 3, hex(flags)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.readonly, "it has no read-only arrays")
    x = lib.evaluate(lib.readonly)
    seen = versioned_struct(lib, x)
    expect(seen.flags & (abi.READ_ONLY | abi.IS_COPIED), f"flags {seen.flags:#x}")


@case(
    "producer.read-only.legacy",
    "read-only",
    "should",
    does="Exports an array that must not be written, as a legacy struct, which cannot say so.",
    expects="BufferError, or a copy",
    snippet="x = {readonly}\ntry:\n    capsule, other = x.__dlpack__(), x.__dlpack__()\nexcept BufferError:\n    raise SystemExit(0)\n"
    "{struct}\nfirst, capsule = data, other\n{struct}\nassert first != data, 'the same memory twice: nothing was copied'",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.readonly, "it has no read-only arrays")
    x = lib.evaluate(lib.readonly)
    try:
        first, second = peek(lib.export(x)), peek(lib.export(x))
    except Found:
        raise
    except Exception:
        return
    skip_unless(not first.versioned, "it has no legacy structs")
    expect(first.data != second.data, "its own memory, and no sign that it must not be written")
