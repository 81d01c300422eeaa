"""The two methods, and what they return."""

from __future__ import annotations

import ctypes
from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Found, case, expect, skip_unless, told
from ...peek import peek
from ...values import samples
from .common import check_knows


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
        check_knows(lib, x, "max_version")
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
    check_knows(lib, x, "max_version")
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
    check_knows(lib, x, "stream")
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
