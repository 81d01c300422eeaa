"""What is asked for by `copy` and `dl_device`."""

from __future__ import annotations

from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Found, Skip, case, expect, skip_unless, told
from ...peek import peek
from ...values import sample_bytes
from .common import NEW, capsule_of, check_knows


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
        seen = peek(capsule_of(lib, x, "copy", "max_version", copy=True, **_host(lib), **NEW))
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
        seen = peek(capsule_of(lib, x, "copy", "max_version", copy=True, **NEW))
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
    check_knows(lib, x, "copy")
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
    check_knows(lib, x, "copy")
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
        seen = peek(capsule_of(lib, x, "dl_device", dl_device=(abi.CPU, 0)))
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
    check_knows(lib, x, "dl_device")
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
    check_knows(lib, x, "dl_device")
    check_knows(lib, x, "copy")
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
    check_knows(lib, x, "dl_device")
    try:
        seen = peek(lib.export(x, dl_device=(abi.CUDA, 0)))
    except BufferError:
        return
    except Exception as error:
        raise Found(told(error)) from None
    expect(seen.device[0] in (abi.CUDA, abi.CUDA_MANAGED), f"a tensor on {seen.device}")
