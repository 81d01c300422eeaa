"""What `__dlpack__` and `__dlpack_device__` promise."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from typing import Any

from .. import abi
from ..adapters import Adapter
from ..case import Found, Skip, case, expect, note, skip_unless, told
from ..peek import Peek, peek
from ..values import encode, sample_bytes, samples

NEW = {"max_version": (1, 3)}


def _asked(lib: Adapter, x: Any, *need: str, **keywords: Any) -> Any:
    """The capsule for some keywords; skips if the producer does not know one of them."""
    for name in need:
        _knows(lib, x, name)
    return lib.export(x, **keywords)


def _knows(lib: Adapter, x: Any, keyword: str) -> None:
    try:
        lib.export(x, **{keyword: None})
    except TypeError:
        raise Skip(f"the producer does not know the keyword {keyword}") from None
    except Exception:
        pass


def _versioned(lib: Adapter, x: Any, **keywords: Any) -> Peek:
    """The versioned struct of an array; skips if there is none."""
    _knows(lib, x, "max_version")
    if lib.device[0] != abi.CPU:
        keywords.setdefault("dl_device", (abi.CPU, 0))
    seen = lib.look(x, **NEW, **keywords)
    skip_unless(seen.versioned, "the producer has legacy structs only")
    return seen


# The protocol.


@case(
    "producer.methods",
    "methods",
    does="Looks for `__dlpack__` and `__dlpack_device__` on the array's class.",
    expects="both methods",
    snippet='x = {x}\nassert callable(getattr(type(x), "__dlpack__", None))\n'
    'assert callable(getattr(type(x), "__dlpack_device__", None))',
)
def _(lib: Adapter) -> None:
    kind = type(lib.make())
    for name in ("__dlpack__", "__dlpack_device__"):
        expect(callable(getattr(kind, name, None)), f"{kind.__name__} has no method {name}")


@case(
    "producer.device.pair",
    "device-pair",
    does="Calls `__dlpack_device__()`.",
    expects="a tuple of two integers, of which the first may be a member of an enumeration",
    snippet="x = {x}\nfound = x.__dlpack_device__()\nassert isinstance(found, tuple) and len(found) == 2, found\n"
    "assert all(isinstance(part, int) for part in found), found",
)
def _(lib: Adapter) -> None:
    found = lib.make().__dlpack_device__()
    good = isinstance(found, tuple) and len(found) == 2
    expect(good, f"{found!r}")
    expect(isinstance(found[0], int), f"{found!r}, whose first part is a {type(found[0]).__name__}")
    expect(isinstance(found[1], int), f"{found!r}, whose second part is a {type(found[1]).__name__}")


@case(
    "producer.device.agrees",
    "device-pair",
    does="Compares `__dlpack_device__()` with the device in the struct.",
    expects="the same type of device, and the same number",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nfound = x.__dlpack_device__()\n"
    "assert (int(found[0]), found[1] or 0) == device, (found, device)",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    seen = peek(lib.export(x))
    found = x.__dlpack_device__()
    expect(int(found[0]) == seen.device[0], f"{found!r}, and {seen.device} in the struct")
    skip_unless(found[1] is not None, "it says no number")
    expect(found[1] == seen.device[1], f"{found!r}, and {seen.device} in the struct")


@case(
    "producer.device.cpu-number",
    "device-id",
    does="Looks at `device_id` of an array on the CPU.",
    expects="0",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert device == (1, 0), device",
)
def _(lib: Adapter) -> None:
    seen = lib.look(lib.make())
    skip_unless(
        seen.device[0] in (abi.CPU, abi.CUDA_HOST, 11, abi.CUDA_MANAGED), "the array is not on the CPU"
    )
    expect(seen.device[1] == 0, f"device_id {seen.device[1]}")


@case(
    "producer.capsule.default",
    "max-version-none",
    does="Calls `__dlpack__()` without a keyword, as consumers do that know no other.",
    expects="a capsule with the name `dltensor`, or BufferError",
    snippet="x = {x}\ntry:\n    capsule = x.__dlpack__()\nexcept BufferError:\n    raise SystemExit(0)\n"
    'assert "\\"dltensor\\"" in repr(capsule), capsule',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        seen = peek(lib.export(x))
    except BufferError:
        return
    except Found:
        raise
    except Exception as error:
        raise Found(told(error)) from None
    expect(seen.name == abi.LEGACY, f"a capsule with the name {seen.name!r}, for which nobody asked")


def _name_for(version: Any) -> Any:
    def check(lib: Adapter) -> None:
        x = lib.make()
        _knows(lib, x, "max_version")
        try:
            seen = peek(lib.export(x, max_version=version))
        except Found:
            raise
        except Exception as error:
            raise Found(told(error)) from None
        if version[0] >= 1:
            expect(seen.versioned, "a legacy capsule")
            expect(seen.version and seen.version[0] == 1, f"version {seen.version}")
        else:
            expect(seen.name == abi.LEGACY, f"a capsule with the name {seen.name!r}")

    return check


_NAMED = """
x = {x}
capsule = x.__dlpack__(max_version=%s)
assert '"dltensor_versioned"' in repr(capsule), capsule
{struct}
assert version[0] == 1, version
"""
for _version, _id, _severity, _clause in [
    ((1, 0), "1.0", "should", "max-version"),
    ((1, 1), "1.1", "should", "max-version"),
    ((1, 2), "1.2", "should", "max-version"),
    ((1, 3), "1.3", "should", "max-version"),
    ((1, 99), "newer-minor", "should", "max-version-high"),
    ((2, 0), "newer-major", "should", "max-version-high"),
]:
    case(
        f"producer.max-version.{_id}",
        _clause,
        _severity,
        title=f"`max_version={_version}`",
        does=f"Calls `__dlpack__(max_version={_version})`.",
        expects="a capsule with the name `dltensor_versioned` of major version 1",
        snippet=_NAMED % (_version,),
    )(_name_for(_version))


@case(
    "producer.max-version.old",
    "max-version-old",
    "should",
    does="Calls `__dlpack__(max_version=(0, 8))`, as a consumer does that knows legacy structs only.",
    expects="a capsule with the name `dltensor`, or BufferError",
    snippet="x = {x}\ntry:\n    capsule = x.__dlpack__(max_version=(0, 8))\nexcept BufferError:\n    raise SystemExit(0)\n"
    'assert "\\"dltensor\\"" in repr(capsule), capsule',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "max_version")
    for version in ((0, 8), (0, 0)):
        try:
            seen = peek(lib.export(x, max_version=version))
        except (BufferError, Found) as error:
            if isinstance(error, Found):
                raise
            continue
        except Exception as error:
            raise Found(f"for {version}: {told(error)}") from None
        expect(seen.name == abi.LEGACY, f"for {version}: a capsule with the name {seen.name!r}")


for _keyword, _value in [
    ("stream", "None"),
    ("max_version", "None"),
    ("dl_device", "None"),
    ("copy", "None"),
]:

    @case(
        f"producer.keyword.{_keyword.replace('_', '-')}",
        "keywords",
        "must" if _keyword == "stream" else "should",
        since="2021.12" if _keyword == "stream" else "2023.12",
        title=f"the keyword `{_keyword}`",
        does=f"Calls `__dlpack__({_keyword}=None)`, which is its default.",
        expects="the same as without the keyword",
        snippet=f"x = {{x}}\nx.__dlpack__({_keyword}=None)",
    )
    def _(lib: Adapter, keyword: str = _keyword) -> None:
        x = lib.make()
        try:
            lib.export(x, **{keyword: None})
        except TypeError as error:
            raise Found(told(error)) from None
        except BufferError:
            return


@case(
    "producer.keyword.unknown",
    "keywords",
    "should",
    does="Calls `__dlpack__` with a keyword that does not exist.",
    expects="TypeError, by which consumers notice that they must ask with fewer keywords",
    snippet="x = {x}\ntry:\n    x.__dlpack__(no_such_keyword=1)\nexcept TypeError:\n    raise SystemExit(0)\n"
    'raise AssertionError("taken")',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        lib.export(x, no_such_keyword=1)
    except TypeError:
        return
    except Exception as error:
        raise Found(told(error)) from None
    raise Found("the keyword is taken, and ignored")


@case(
    "producer.keyword.positional",
    "keywords",
    "quirk",
    does="Passes `None` as a positional argument.",
    expects="TypeError: all arguments are keywords",
    snippet="x = {x}\ntry:\n    x.__dlpack__(None)\nexcept TypeError:\n    raise SystemExit(0)\n"
    'raise AssertionError("taken")',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        x.__dlpack__(None)
    except TypeError:
        return
    except Exception as error:
        raise Found(told(error)) from None
    raise Found("the argument is taken")


@case(
    "producer.stream.cpu",
    "stream-cpu",
    "quirk",
    does="Passes `stream=1` for an array on the CPU, which has no streams.",
    expects="a refusal",
    snippet="x = {x}\ntry:\n    x.__dlpack__(stream=1)\nexcept Exception:\n    raise SystemExit(0)\n"
    'raise AssertionError("taken")',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    skip_unless(lib.device[0] == abi.CPU, "the array is not on the CPU")
    _knows(lib, x, "stream")
    try:
        lib.export(x, stream=1)
    except Exception:
        return
    raise Found("the stream is taken, and ignored")


@case(
    "producer.reuse",
    "both-used",
    does="Exports an array twice, and reads it and a third export afterwards.",
    expects="two structs of the same memory, and an array that is as before",
    snippet="x = {x}\ncapsule, other = x.__dlpack__(), x.__dlpack__()\n{struct}\nfirst, capsule = p, other\n{struct}\n"
    "assert p != first, 'the same struct twice'",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    first, second = lib.look(x), lib.look(x)
    expect(
        ctypes.addressof(first.struct) != ctypes.addressof(second.struct),
        "the same struct twice, whose deleter would run twice",
    )
    expect(first.size == second.size, "two shapes")
    expect(lib.elements(x) == samples("float32"), f"{lib.elements(x)} afterwards")


# Versions and flags.


@case(
    "producer.version",
    "version",
    does="Looks at `version` of a versioned struct.",
    expects="major version 1, which is the only one that there is",
    snippet="x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nassert version[0] == 1, version",
)
def _(lib: Adapter) -> None:
    seen = _versioned(lib, lib.make())
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
    seen = _versioned(lib, x)
    expect(seen.flags & ~7 == 0, f"flags {seen.flags:#x}")
    # The memory is the array's if the library says so, or if two structs share it.
    if _versioned(lib, x).data == seen.data or lib.address and lib.where(x) == seen.data:
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
    seen = _versioned(lib, lib.make())
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
    seen = _versioned(lib, x)
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


# Copies and devices.


@case(
    "producer.copy.true",
    "copy-true",
    since="2023.12",
    does="Calls `__dlpack__(copy=True, max_version=(1, 3))`.",
    expects="other memory, with the same elements",
    snippet="x = {x}\ncapsule, other, again = (x.__dlpack__(max_version=(1, 3), copy=c) for c in (True, None, True))\n{struct}\n"
    "first, capsule, other = data, other, capsule\n{struct}\nassert first != data, 'not a copy'\ncapsule = again\n{struct}\n"
    "assert first != data, 'the memory of an earlier copy'",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    plain = lib.look(x)
    try:
        seen = peek(_asked(lib, x, "copy", "max_version", copy=True, **_host(lib), **NEW))
    except (Skip, Found):
        raise
    except Exception as error:
        raise Found(f"refused: {told(error)}") from None
    expect(seen.data != plain.data, "the array's own memory")
    expect(seen.read() == sample_bytes("float32"), "other elements")
    again = peek(lib.export(x, copy=True, **_host(lib), **NEW))
    expect(again.data != seen.data, "the memory of an earlier copy, which somebody else owns")


def _host(lib: Adapter) -> dict[str, Any]:
    return {} if lib.device[0] == abi.CPU else {"dl_device": (abi.CPU, 0)}


@case(
    "producer.copy.flag",
    "copy-flag",
    since="2023.12",
    does="Calls `__dlpack__(copy=True, max_version=(1, 3))`, and looks at the flags.",
    expects="IS_COPIED is set",
    snippet="x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3), copy=True)\n{struct}\nassert flags & 3 == 2, hex(flags)",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        seen = peek(_asked(lib, x, "copy", "max_version", copy=True, **NEW))
    except (Skip, Found):
        raise
    except Exception as error:
        raise Skip(f"it makes no copies: {told(error)}") from None
    skip_unless(seen.versioned, "the producer has legacy structs only")
    expect(seen.flags & abi.IS_COPIED, f"IS_COPIED is not set: flags {seen.flags:#x}")
    expect(not seen.flags & abi.READ_ONLY, "READ_ONLY, although the copy is the consumer's alone")


@case(
    "producer.copy.legacy",
    "copy-true",
    since="2023.12",
    does="Calls `__dlpack__(copy=True)`.",
    expects="other memory, or BufferError",
    snippet="x = {x}\ntry:\n    capsule, other = x.__dlpack__(copy=True), x.__dlpack__()\nexcept BufferError:\n    raise SystemExit(0)\n{struct}\n"
    "first, capsule = data, other\n{struct}\nassert first != data, 'not a copy'",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "copy")
    try:
        plain, copied = peek(lib.export(x)), peek(lib.export(x, copy=True))
    except Found:
        raise
    except Exception:
        return
    expect(copied.data != plain.data, "the array's own memory: nothing was copied")


@case(
    "producer.copy.false",
    "copy-false",
    since="2023.12",
    does="Calls `__dlpack__(copy=False)`.",
    expects="the array's own memory, or BufferError",
    snippet="x = {x}\ntry:\n    capsule, other = x.__dlpack__(copy=False), x.__dlpack__(copy=False)\nexcept BufferError:\n    raise SystemExit(0)\n"
    "{struct}\nfirst, capsule = data, other\n{struct}\nassert first == data, 'a copy'",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "copy")
    try:
        first, second = peek(lib.export(x, copy=False)), peek(lib.export(x, copy=False))
    except BufferError:
        return
    expect(first.data == second.data, "a copy")
    if lib.address:
        expect(first.data == lib.where(x), "a copy")


@case(
    "producer.copy.none",
    "zero-copy",
    "should",
    does="Exports an array twice, without asking for a copy.",
    expects="the same memory twice, and that of the array",
    snippet="x = {x}\ncapsule, other = x.__dlpack__(), x.__dlpack__()\n{struct}\nfirst, capsule = data, other\n{struct}\n"
    "assert first == data, 'a copy'",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    first, second = peek(lib.export(x)), peek(lib.export(x))
    expect(first.data == second.data, "other memory each time")
    if lib.address:
        expect(first.data == lib.where(x), "other memory than the array's")


@case(
    "producer.dl-device.cpu",
    "dl-device-cpu",
    since="2023.12",
    does="Calls `__dlpack__(dl_device=(1, 0))`: the CPU.",
    expects="a tensor on the CPU with the right elements",
    snippet="x = {x}\ncapsule = x.__dlpack__(dl_device=(1, 0))\n{struct}\nassert device[0] == 1, device",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        seen = peek(_asked(lib, x, "dl_device", dl_device=(abi.CPU, 0)))
    except (Skip, Found):
        raise
    except Exception as error:
        raise Found(told(error)) from None
    expect(seen.device[0] == abi.CPU, f"device {seen.device}")
    expect(seen.read() == sample_bytes("float32"), "other elements")


def _refused(lib: Adapter, x: Any, kinds: tuple[type[BaseException], ...], **keywords: Any) -> None:
    try:
        lib.export(x, **keywords)
    except kinds:
        return
    except Exception as error:
        raise Found(told(error)) from None
    raise Found("a capsule")


@case(
    "producer.dl-device.other",
    "dl-device",
    since="2023.12",
    does="Asks for a device that the library does not have: Hexagon, which is 16.",
    expects="BufferError",
    snippet="x = {x}\ntry:\n    x.__dlpack__(dl_device=(16, 0))\nexcept BufferError:\n    raise SystemExit(0)\n"
    'raise AssertionError("a capsule")',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "dl_device")
    _refused(lib, x, (BufferError,), dl_device=(16, 0))


@case(
    "producer.dl-device.no-copy",
    "dl-device",
    since="2023.12",
    does="Asks for another device and forbids the copy.",
    expects="BufferError",
    snippet="x = {x}\ntry:\n    x.__dlpack__(dl_device=(16, 0), copy=False)\nexcept BufferError:\n    raise SystemExit(0)\n"
    'raise AssertionError("a capsule")',
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "dl_device")
    _knows(lib, x, "copy")
    _refused(lib, x, (BufferError,), dl_device=(16, 0), copy=False)


@case(
    "producer.dl-device.cuda",
    "dl-device",
    "should",
    since="2023.12",
    does="Asks for CUDA, which may not be there.",
    expects="BufferError, or a tensor on CUDA",
    snippet="x = {x}\ntry:\n    capsule = x.__dlpack__(dl_device=(2, 0))\nexcept BufferError:\n    raise SystemExit(0)\n"
    "{struct}\nassert device[0] in (2, 13), device",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _knows(lib, x, "dl_device")
    try:
        seen = peek(lib.export(x, dl_device=(abi.CUDA, 0)))
    except BufferError:
        return
    except Exception as error:
        raise Found(told(error)) from None
    expect(seen.device[0] in (abi.CUDA, abi.CUDA_MANAGED), f"a tensor on {seen.device}")


# Elements.


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
    found = _Several()
    for label, x, expression in _made(lib, lib.unexportable):
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
    found = _Several()
    for label, x, expression in _made(lib, lib.unexportable):
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
    found = _Several()
    for label, x, expression in _made(lib, lib.lazy):
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


class _Several:
    """What is found of several arrays; the program is that of the first."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.fill: dict[str, str] = {}

    def add(self, words: str, **fill: str) -> None:
        self.words.append(words)
        self.fill = self.fill or fill

    def tell(self) -> None:
        expect(not self.words, "; ".join(self.words), **self.fill)


def _made(lib: Adapter, expressions: dict[str, str]) -> Any:
    """The arrays of some expressions, as far as the library makes them."""
    for label, expression in expressions.items():
        try:
            x = lib.evaluate(expression)
        except Exception:
            continue
        note(expression=expression)
        yield label, x, expression


# Layouts.

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
    seen = _versioned(lib, lib.make())
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


# Pointers.


@case(
    "producer.data.aligned",
    "alignment",
    "should",
    does="Looks at the address of the first element of float64 elements.",
    expects="a multiple of eight",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert data % 8 == 0, hex(data)",
    dtype="float64",
)
def _(lib: Adapter) -> None:
    dtype = "float64" if "float64" in lib.dtypes else "float32"
    seen = lib.look(lib.make(dtype))
    expect(seen.data % abi.nbytes(dtype, 1) == 0, f"{seen.data:#x}")


@case(
    "producer.data.offset",
    "offset",
    "quirk",
    does="Looks at `byte_offset` of a part that does not start where the memory does.",
    expects="0: some consumers do not add it, and read other elements",
    snippet="x = {x}\nx = {layout}\ncapsule = x.__dlpack__()\n{struct}\nassert byte_offset == 0, byte_offset",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    if "offset" in lib.layouts:
        x = lib.evaluate(lib.layouts["offset"], x=x)
    try:
        seen = lib.look(x)
    except BufferError as error:
        raise Skip(f"refused: {told(error)}") from None
    expect(seen.byte_offset == 0, f"{seen.byte_offset}")


@case(
    "producer.deleter.present",
    "deleter",
    "quirk",
    does="Looks at `deleter`.",
    expects="a function: some consumers call it without looking, and abort",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert deleter, 'NULL'",
)
def _(lib: Adapter) -> None:
    expect(lib.look(lib.make()).deleter, "NULL")


@case(
    "producer.context.present",
    "context",
    "quirk",
    does="Looks at `manager_ctx`.",
    expects="not NULL: some consumers skip the deleter then, and leak",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nassert context, 'NULL'",
)
def _(lib: Adapter) -> None:
    expect(lib.look(lib.make()).context, "NULL")


@case(
    "producer.agrees.address",
    "zero-copy",
    "should",
    does="Compares the struct with the address that the library itself tells.",
    expects="the same address",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nfound = {address}\nassert data == found, (data, found)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.address and lib.device[0] == abi.CPU, "the library tells no address")
    x = lib.make()
    seen = lib.look(x)
    expect(seen.data == lib.where(x), f"{seen.data:#x} instead of {lib.where(x):#x}")


@case(
    "producer.agrees.buffer",
    "dense",
    "should",
    does="Compares the struct with the buffer protocol, if the array has both.",
    expects="the same shape, strides, access and bytes",
    snippet="x = {x}\nview = memoryview(x)\ntry: capsule = x.__dlpack__(max_version=(1, 3))\nexcept TypeError: capsule = x.__dlpack__()\n"
    "{struct}\nassert tuple(shape) == view.shape and elements == view.tobytes(), (shape, view.shape)\n"
    "assert t == p or bool(flags & 1) == view.readonly, (flags, view.readonly)",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        view = memoryview(x)
    except (TypeError, BufferError, ValueError):
        raise Skip("it has no buffer protocol") from None
    seen = lib.look(x)
    expect(seen.shape == view.shape, f"shape {seen.shape} instead of {view.shape}")
    expect(seen.read() == view.tobytes(), "other bytes")
    if seen.versioned:
        expect(
            bool(seen.flags & abi.READ_ONLY) == view.readonly,
            f"flags {seen.flags:#x}, and a buffer that is {'read-only' if view.readonly else 'writable'}",
        )


@case(
    "producer.agrees.array-interface",
    "dense",
    "should",
    does="Compares the struct with `__array_interface__`, if the array has both.",
    expects="the same address and shape",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nfound = x.__array_interface__\n"
    "assert (data, tuple(shape)) == (found['data'][0], tuple(found['shape'])), (data, shape, found)",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    interface = getattr(x, "__array_interface__", None)
    skip_unless(isinstance(interface, dict) and interface.get("data"), "it has no array interface")
    assert isinstance(interface, dict)
    seen = lib.look(x)
    expect(seen.data == interface["data"][0], f"{seen.data:#x} instead of {interface['data'][0]:#x}")
    expect(seen.shape == tuple(interface["shape"]), f"shape {seen.shape} instead of {interface['shape']}")


# Lifetimes.

_TAKE = """
import gc
x = {x}
capsule = x.__dlpack__()
{struct}
free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleter)
set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))
used = b"used_" + name.encode()
set_name(capsule, used)
before = elements
del capsule, x
gc.collect()
after = b"".join(ctypes.string_at(q, dtype[1] // 8) for q in places)
assert before == after
free(p)
"""


def _taken(lib: Adapter, x: Any) -> Any:
    seen = lib.look(x)
    skip_unless(seen.deleter, "the deleter is NULL")
    return seen, seen.take()


@case(
    "producer.life.taken",
    "capsule-destructor",
    does="Takes the tensor out of its capsule, drops capsule and array, reads the memory, then calls the deleter.",
    expects="the elements until the deleter has run",
    snippet=_TAKE,
)
def _(lib: Adapter) -> None:
    x = lib.make()
    seen, struct = _taken(lib, x)
    before = seen.read()
    del x
    gc.collect()
    _churn()
    expect(seen.read() == before, "other elements after the array was dropped")
    abi.call_deleter(struct)


def _churn() -> None:
    # What would be freed would be used again.
    keep = [bytes([index % 256]) * size for size in (24, 32, 64, 96, 128, 256) for index in range(2000)]
    del keep


@case(
    "producer.life.unused",
    "capsule-destructor",
    does="Drops capsules that nobody has used.",
    expects="the memory is given back",
    snippet="import resource\nfor i in range(60):\n    x = {big}\n    x.__dlpack__()\n    del x\n"
    "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nfor i in range(60):\n    x = {big}\n    x.__dlpack__()\n    del x\n"
    "more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak\nassert more < 120_000, f'{more} KiB more'",
)
def _(lib: Adapter) -> None:
    _leaks(lib, lambda x: lib.look(x))


@case(
    "producer.life.used",
    "deleter",
    does="Takes tensors over and calls their deleters.",
    expects="the memory is given back",
    snippet="import gc, resource\nset_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)"
    '(("PyCapsule_SetName", ctypes.pythonapi))\ndef use():\n    x = {big}\n    capsule = x.__dlpack__()\n'
    "    name = repr(capsule).split('\"')[1].encode()\n"
    "    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)"
    '(("PyCapsule_GetPointer", ctypes.pythonapi))\n    p = get(capsule, name)\n'
    '    set_name(capsule, b"used_dltensor")\n'
    "    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.c_void_p.from_address(p + 56).value)(p)\n"
    "for i in range(60): use()\npeak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nfor i in range(60): use()\n"
    "more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak\nassert more < 120_000, f'{more} KiB more'",
)
def _(lib: Adapter) -> None:
    def use(x: Any) -> None:
        _, struct = _taken(lib, x)
        abi.call_deleter(struct)

    _leaks(lib, use)


def _resident() -> int:
    if not sys.platform.startswith("linux"):
        raise Skip("how much memory is in use is known on Linux only")
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def _leaks(lib: Adapter, use: Any) -> None:
    skip_unless(lib.big, "the adapter makes no large arrays")
    for _ in range(12):
        x = lib.evaluate(lib.big)
        use(x)
        del x
    gc.collect()
    before = _resident()
    for _ in range(60):
        x = lib.evaluate(lib.big)
        use(x)
        del x
    gc.collect()
    more = _resident() - before
    # Sixty arrays of 4 MiB are 240 MiB.
    expect(more < 120 << 20, f"{more >> 20} MiB more after 60 arrays of 4 MiB")


@case(
    "producer.life.thread",
    "deleter-gil",
    does="Calls the deleter on a thread that does not hold the interpreter.",
    expects="it returns",
    snippet=_TAKE.replace(
        "free(p)\n",
        "import threading\nthread = threading.Thread(target=free, args=(p,))\nthread.start()\nthread.join()\n",
    ),
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _, struct = _taken(lib, x)
    del x
    thread = threading.Thread(target=abi.call_deleter, args=(struct,))
    thread.start()
    thread.join()
    expect(lib.elements(lib.make()) == samples("float32"), "a library that no longer works")


@case(
    "producer.life.end",
    "deleter-end",
    "should",
    does="Calls the deleter when the interpreter has ended, as a static variable of C++ does.",
    expects="the process ends well",
    ends=True,
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\n"
    'set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))\n'
    'set_name(capsule, b"used_dltensor")\ndel capsule, x\n'
    "ctypes.CDLL(None).__cxa_atexit(ctypes.c_void_p(deleter), ctypes.c_void_p(p), None)",
)
def _(lib: Adapter) -> None:
    skip_unless(sys.platform.startswith("linux"), "needs `__cxa_atexit`")
    x = lib.make()
    seen, _ = _taken(lib, x)
    del x
    ctypes.CDLL(None).__cxa_atexit(
        ctypes.c_void_p(seen.deleter), ctypes.c_void_p(ctypes.addressof(seen.struct)), None
    )


@case(
    "producer.life.error",
    "capsule-destructor",
    "should",
    does="Drops a capsule while an exception is on its way: `len(x.__dlpack__())`.",
    expects="the TypeError of `len`, and no other exception in its place",
    snippet="x = {x}\ntry:\n    len(x.__dlpack__())\nexcept TypeError as error:\n    assert 'len' in str(error), error",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        len(lib.export(x))
    except TypeError as error:
        expect("len()" in str(error), told(error))
    except BaseException as error:
        raise Found(f"{told(error)} instead of a TypeError") from None


@case(
    "producer.life.twice",
    "consumed-once",
    does="Drops a capsule after the tensor was taken out of it and its deleter has run.",
    expects="the capsule's destructor leaves it alone",
    snippet=_TAKE.replace("del capsule, x\n", "").replace(
        "free(p)\n", "free(p)\ndel capsule, x\ngc.collect()\n"
    ),
)
def _(lib: Adapter) -> None:
    x = lib.make()
    capsule = lib.export(x)
    seen = peek(capsule)
    skip_unless(seen.deleter, "the deleter is NULL")
    abi.rename(capsule, f"used_{seen.name}")
    abi.call_deleter(seen.struct)
    seen.capsule = None
    del capsule
    gc.collect()
    del x
    gc.collect()
    _churn()
    lib.make()


@case(
    "producer.life.threads",
    "both-used",
    "quirk",
    does="Exports one array on four threads, a hundred times each.",
    expects="the same shape each time",
    snippet="import threading\nx = {x}\nerrors = []\ndef use():\n    try:\n        for i in range(100): x.__dlpack__()\n"
    "    except Exception as error:\n        errors.append(error)\n"
    "threads = [threading.Thread(target=use) for i in range(4)]\nfor t in threads: t.start()\nfor t in threads: t.join()\nassert not errors, errors[0]",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    found: list[Any] = []

    def use() -> None:
        try:
            for _ in range(100):
                seen = lib.look(x)
                if seen.shape != lib.shape:
                    found.append(f"shape {seen.shape}")
        except Exception as error:
            found.append(told(error))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not found, str(found[:1]))


@case(
    "producer.life.shape",
    "keeps-owning",
    "should",
    does="Changes the array's shape in place, while a consumer holds a struct of it.",
    expects="the shape and the strides in the struct stay as they were",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nbefore = list(shape), list(strides)\n{mutation}\n{struct}\n"
    "assert before == (list(shape), list(strides)), (before, shape, strides)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.mutations, "its arrays do not change their shape")
    for label, statement in lib.mutations.items():
        x = lib.make()
        seen = lib.look(x)
        axes = range(seen.ndim)
        space = {**lib.space, "x": x}
        try:
            exec(statement, space)
        except Exception:
            continue
        tensor = seen.struct.dl_tensor
        shape = tuple(tensor.shape[i] for i in axes)
        strides = tuple(tensor.strides[i] for i in axes) if tensor.strides else None
        expect(
            tensor.ndim == seen.ndim and shape == seen.shape and strides == seen.strides,
            f"after {label}: shape {shape} and strides {strides} instead of {seen.shape} and {seen.strides}",
            mutation=statement,
        )
