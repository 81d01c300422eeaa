"""Where the elements are."""

from __future__ import annotations

from ... import abi
from ...adapters import Adapter
from ...case import Skip, case, expect, skip_unless, told


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
