"""The tensors that a table allocates, how it tells that it cannot, and the stream on which work is done."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

from .. import abi
from ..adapters import Adapter
from ..case import Found, Skip, case, expect, told
from ..peek import describe
from .exchange import _TABLE, Table


def _allocating(
    shape: tuple[int, ...], dtype: Any = "float32", device: tuple[int, int] = (1, 0), after: str = ""
) -> str:
    """A program that allocates; the prototype's data and byte_offset are nonsense."""
    code, bits, lanes = abi.triple(dtype)
    extents = ", ".join(map(str, shape))
    return (
        _TABLE
        + f"""import struct
shape = (ctypes.c_int64 * {max(len(shape), 1)})({extents})
prototype = struct.pack("=Q3i2BH3Q", 0x10, {device[0]}, {device[1]}, {len(shape)}, {code}, {bits}, {lanes}, ctypes.addressof(shape), 0, 77)
prototype, out, errors = ctypes.create_string_buffer(prototype), ctypes.c_void_p({_MARK if "MARK" in after else ""}), []
Failure = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
set_error = Failure(lambda context, kind, message: errors.append((kind, message)))
allocate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, Failure)(allocate)
"""
        + after.replace("MARK", _MARK)
    )


_MARK = "0xDEAD"
_CALL = "code = allocate(prototype, ctypes.addressof(out), None, set_error)\n"
# The shape of what was allocated, and its dtype as in a DLTensor.
_FOUND = """ndim = ctypes.c_int32.from_address(out.value + 48).value
found = (ctypes.c_int64 * ndim).from_address(ctypes.c_void_p.from_address(out.value + 56).value)[:] if ndim else []
dtype = (*(ctypes.c_uint8 * 2).from_address(out.value + 52), ctypes.c_uint16.from_address(out.value + 54).value)
"""


@case(
    "exchange.allocate.plain",
    "allocator",
    since="1.3",
    does="Allocates (2, 3) elements of float32; the prototype's data and byte_offset are nonsense.",
    expects="a tensor of that shape and dtype, of memory that can be written, and no error",
    snippet=_allocating(
        (2, 3),
        after=_CALL
        + "assert code == 0 and out.value and not errors, (code, out, errors)\n"
        + _FOUND
        + "assert found == [2, 3] and dtype == (2, 32, 1), (found, dtype)\n"
        "assert ctypes.c_uint64.from_address(out.value + 24).value & 1 == 0, 'READ_ONLY'\n"
        "ctypes.memset(ctypes.c_void_p.from_address(out.value + 32).value, 7, 24)",
    ),
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    code, address, errors = table.allocate((2, 3), device=lib.device)
    if code != 0:
        raise Found(f"status {code}, {errors}", severity="should")
    expect(address, "status 0, and no tensor")
    expect(not errors, f"status 0, and an error: {errors}")
    struct = abi.ManagedTensorVersioned.from_address(address)
    seen = describe(struct, abi.VERSIONED)
    expect(seen.version and seen.version[0] == 1, f"version {seen.version}")
    expect(seen.shape == (2, 3) and seen.dtype == (2, 32, 1), f"{seen.shape} and {seen.dtype}")
    expect(seen.data not in (0, 0x10, 0x10 + 77), f"data {seen.data:#x}")
    expect(not seen.flags & abi.READ_ONLY, "READ_ONLY")
    expect(seen.strides is not None, "strides are NULL")
    if seen.device[0] == abi.CPU:
        ctypes.memset(seen.data, 7, 24)
    abi.call_deleter(struct)


@case(
    "exchange.allocate.empty",
    "allocator",
    since="1.3",
    does="Allocates (0, 3) elements, and one element without axes.",
    expects="tensors of those shapes",
    snippet=_allocating(
        (),
        after=_CALL
        + "assert code == 0 and out.value, (code, errors)\n"
        + _FOUND
        + "assert found == [], found\n",
    )
    + "shape = (ctypes.c_int64 * 2)(0, 3)\n"
    'prototype = struct.pack("=Q3i2BH3Q", 0x10, 1, 0, 2, 2, 32, 1, ctypes.addressof(shape), 0, 77)\n'
    + _CALL
    + "assert code == 0 and out.value, (code, errors)\n"
    + _FOUND
    + "assert found == [0, 3], found",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    for shape in ((0, 3), ()):
        code, address, errors = table.allocate(shape, device=lib.device)
        if code != 0:
            raise Found(f"status {code} for {shape}, {errors}", severity="should")
        expect(address, f"status 0 for {shape}, and no tensor")
        struct = abi.ManagedTensorVersioned.from_address(address)
        seen = describe(struct, abi.VERSIONED)
        expect(
            seen.ndim == len(shape) and (seen.shape or ()) == shape, f"shape {seen.shape} instead of {shape}"
        )
        abi.call_deleter(struct)


_REFUSED: list[tuple[str, tuple[int, ...], Any, tuple[int, int], str]] = [
    ("negative", (-2, 3), "float32", (1, 0), "of shape (-2, 3)"),
    ("huge", (2**40, 2**40), "float32", (1, 0), "2**80 elements"),
    ("dtype", (2, 3), (99, 24, 1), (1, 0), "of a dtype that there is not"),
    ("device", (2, 3), "float32", (16, 0), "on Hexagon"),
]
for _id, _shape, _dtype, _device, _what in _REFUSED:

    @case(
        f"exchange.allocate.{_id}",
        "allocator-error",
        since="1.3",
        title=f"allocates {_what}",
        does=f"Allocates {_what}.",
        expects="a failure, and one call of SetError; or what was asked for, if there can be such a tensor",
        snippet=_allocating(
            _shape,
            _dtype,
            _device,
            _CALL
            + "if code == 0:\n    "
            + _FOUND.replace("\n", "\n    ").rstrip(" ")
            + f"    device = (ctypes.c_int32 * 2).from_address(out.value + 40)[:]\n"
            f"    assert not errors and {_shape == (2, 3)} and dtype == {abi.triple(_dtype)} and device == {list(_device)}, (found, dtype, device)\n"
            "else:\n    assert len(errors) == 1 and all(errors[0]), errors",
        ),
    )
    def _(lib: Adapter, shape: Any = _shape, dtype: Any = _dtype, device: Any = _device) -> None:
        table = Table(lib)
        code, address, errors = table.allocate(shape, dtype, device)
        if code == 0:
            expect(not errors, f"status 0, and an error: {errors}")
            seen = describe(abi.ManagedTensorVersioned.from_address(address), abi.VERSIONED)
            # A library that knows nothing of dtypes may make a tensor of any.
            same = seen.dtype == abi.triple(dtype) and seen.device == device and seen.shape == shape
            expect(
                same and shape == (2, 3),
                f"status 0, and a tensor of shape {seen.shape} and dtype {seen.dtype} on {seen.device}",
            )
            return
        expect(len(errors) == 1, f"{len(errors)} calls of SetError")
        expect(errors[0][0] and errors[0][1], f"SetError({errors[0][0]!r}, {errors[0][1]!r})")


@case(
    "exchange.allocate.kind",
    "allocator-error",
    "quirk",
    since="1.3",
    does="Looks at the kinds of the errors of failed allocations.",
    expects="names of Python's exceptions, and not MemoryError for a wrong shape or dtype",
    snippet=_allocating(
        (-2, 3),
        after=_CALL + "kind = errors[0][0].decode() if len(errors) == 1 else 'ValueError'\n"
        "assert isinstance(getattr(__import__('builtins'), kind, None), type) and kind != 'MemoryError', kind",
    ),
)
def _(lib: Adapter) -> None:
    import builtins

    table = Table(lib)
    for shape, dtype in (((-2, 3), "float32"), ((2, 3), (99, 24, 1))):
        code, _, errors = table.allocate(shape, dtype)
        if code == 0 or len(errors) != 1:
            continue
        kind = errors[0][0] or ""
        expect(
            isinstance(getattr(builtins, kind, None), type)
            and issubclass(getattr(builtins, kind), BaseException),
            f"the kind {kind!r}",
        )
        expect(kind != "MemoryError", f"the kind {kind!r}")


@case(
    "exchange.allocate.python",
    "allocator-python",
    "should",
    since="1.3",
    does="Allocates a tensor of shape (-2, 3), and looks for an exception of Python.",
    expects="none: SetError tells of the failure",
    snippet=_allocating(
        (-2, 3), after="# Raises the exception of Python that the function leaves behind.\n" + _CALL
    ),
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    table.allocate((-2, 3))
    expect(not table.left, f"Python's exception is set: {table.left}")


@case(
    "exchange.allocate.failed-out",
    "allocator-error",
    "quirk",
    since="1.3",
    does="Allocates a tensor of shape (-2, 3), with a mark in `out`.",
    expects="the mark, or NULL: some callers look at `out` alone",
    snippet=_allocating(
        (-2, 3), after=_CALL + "assert code == 0 or out.value in (None, MARK), hex(out.value)"
    ),
)
def _(lib: Adapter) -> None:
    code, address, _ = Table(lib).allocate((-2, 3), mark=0xDEAD)
    expect(code == 0 or address in (None, 0xDEAD), f"status {code}, and {address or 0:#x} in `out`")


@case(
    "exchange.allocate.no-set-error",
    "allocator-error",
    "quirk",
    since="1.3",
    does="Allocates a tensor of shape (-2, 3) without a function for the error: some callers pass NULL.",
    expects="a failure",
    snippet=_allocating(
        (-2, 3), after="code = allocate(prototype, ctypes.addressof(out), None, Failure())\nassert code != 0"
    ),
)
def _(lib: Adapter) -> None:
    code, _, _ = Table(lib).allocate((-2, 3), report=False)
    expect(code != 0, "status 0")


@case(
    "exchange.allocate.thread",
    "allocator",
    "should",
    since="1.3",
    does="Allocates on another thread.",
    expects="a tensor",
    snippet=_allocating(
        (2, 3),
        after="import threading\ncodes = []\n"
        "def use(): codes.append(allocate(prototype, ctypes.addressof(out), None, set_error))\n"
        "thread = threading.Thread(target=use)\nthread.start()\nthread.join()\nassert codes == [0], (codes, errors)",
    ),
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    found: list[Any] = []

    def use() -> None:
        try:
            found.append(table.allocate((2, 3), device=lib.device))
        except BaseException as error:
            found.append((told(error), None, []))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    if isinstance(found[0][0], str):
        raise Skip(found[0][0])
    expect(found[0][0] == 0, f"status {found[0][0]}, {found[0][2]}")


@case(
    "exchange.stream.cpu",
    "stream",
    since="1.3",
    does="Asks for the current stream of the CPU.",
    expects="status 0 and NULL",
    snippet=_TABLE + "out = ctypes.c_void_p(0xDEAD)\n"
    "stream = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)(stream)\n"
    "assert stream(1, 0, ctypes.addressof(out)) == 0 and not out.value, hex(out.value)",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    out = ctypes.c_void_p(0xDEAD)
    code = table.function("current_work_stream", abi.Stream)(abi.CPU, 0, ctypes.byref(out))
    expect(code == 0, f"status {code}")
    expect(out.value != 0xDEAD, "status 0, and nothing is written")
    expect(not out.value, f"{out.value}")
