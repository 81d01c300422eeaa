"""What producers do wrong."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from .. import abi
from .arrays import Guard
from .faults import FOREVER, fault
from .structs import Patch, native, set_fields, shape_of


def _flag(bit: int, only_alias: bool = True) -> Patch:
    def patch(struct: Any, array: Any) -> None:
        if hasattr(struct, "flags") and not (only_alias and struct.flags & abi.IS_COPIED):
            struct.flags |= bit

    return patch


def _clear(bit: int) -> Patch:
    def patch(struct: Any, array: Any) -> None:
        if hasattr(struct, "flags"):
            struct.flags &= ~bit

    return patch


def _dtype(wanted: str, found: Any) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        dtype = struct.dl_tensor.dtype
        if dtype.triple() == abi.triple(wanted):
            struct.dl_tensor.dtype = abi.DataType(*abi.triple(found))

    return patch


def _dtype_fault(wanted: str) -> Patch:
    return _dtype(wanted, (3, abi.triple(wanted)[1], 1))


def _empty_one(struct: Any, _: Any) -> None:
    if shape_of(struct) == [0]:
        struct.dl_tensor.shape[0] = 1


def _strides(change: Callable[[int, int], int]) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        tensor = struct.dl_tensor
        for axis in range(tensor.ndim):
            tensor.strides[axis] = change(tensor.strides[axis], tensor.dtype.bits // 8)

    return patch


def _null_strides(when: Callable[[Any], bool]) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        if when(struct):
            struct.dl_tensor.strides = ctypes.POINTER(ctypes.c_int64)()

    return patch


def _base(struct: Any, array: Any) -> None:
    # Forgets where a part starts.
    tensor = struct.dl_tensor
    if tensor.ndim == 2 and tensor.shape[0] == 1 and tensor.shape[1] == 2:
        tensor.data -= 16


def _one_axis(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if tensor.ndim == 0:
        one = (ctypes.c_int64 * 1)(1)
        FOREVER.append(one)
        tensor.ndim, tensor.shape, tensor.strides = 1, one, one


def _lost_shape(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if tensor.ndim > 1 and 0 in [tensor.shape[i] for i in range(tensor.ndim)]:
        for axis in range(tensor.ndim):
            tensor.shape[axis] = 0


def _size_one(struct: Any, _: Any) -> None:
    for axis, extent in enumerate(shape_of(struct)):
        if extent == 1:
            struct.dl_tensor.strides[axis] = 99


def _offset(struct: Any, _: Any) -> None:
    if struct.dl_tensor.data:
        struct.dl_tensor.data -= 8
        struct.dl_tensor.byte_offset = 8


def _dangling(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if 0 in [tensor.shape[i] for i in range(tensor.ndim)]:
        tensor.data = 8


def _callback_deleter(struct: Any, _: Any) -> None:
    callback = abi.Deleter(lambda _: None)
    FOREVER.append(callback)
    struct.deleter = ctypes.cast(callback, ctypes.c_void_p)


def _early(struct: Any, array: Any) -> None:
    # The memory is the array's, and goes with it.
    tensor = struct.dl_tensor
    size = 4 * 6
    buffer = (ctypes.c_char * size).from_buffer_copy(ctypes.string_at(tensor.data, size))
    FOREVER.append(buffer)
    tensor.data = ctypes.addressof(buffer)
    array.guard = Guard(buffer)


def _many_axes(struct: Any, _: Any) -> None:
    if struct.dl_tensor.ndim > 6:
        struct.dl_tensor.ndim = 6


fault("no-device-method", "producer.methods")
fault("device-text", "producer.device.pair")
fault("device-no-number", "producer.device.pair")
fault("device-list", "producer.device.pair")
fault("device-disagrees", "producer.device.agrees")
fault("cpu-number", "producer.device.cpu-number", out=set_fields(device=abi.Device(1, 1)))
fault("default-versioned", "producer.capsule.default")
fault("default-error", "producer.capsule.default")
fault("legacy-only", "producer.max-version.1.0", "producer.max-version.1.3")
fault("refuses-minor", "producer.max-version.newer-minor")
fault("refuses-major", "producer.max-version.newer-major")
fault("old-versioned", "producer.max-version.old")
fault("old-error", "producer.max-version.old")
fault("no-stream", "producer.keyword.stream")
fault("no-max_version", "producer.keyword.max-version")
fault("no-dl_device", "producer.keyword.dl-device")
fault("no-copy", "producer.keyword.copy")
fault("unknown-keyword", "producer.keyword.unknown")
fault("positional", "producer.keyword.positional")
fault("stream", "producer.stream.cpu")
fault("reuses-struct", "producer.reuse")
fault("major-2", "producer.max-version.1.2", "producer.version", out=set_fields(version=abi.Version(2, 0)))
fault("major-0", "producer.max-version.1.1", "producer.version", out=set_fields(version=abi.Version(0, 8)))
fault("unknown-flag", "producer.flags.none", out=_flag(1 << 20))
fault("false-copy-flag", "producer.flags.none", out=_flag(abi.IS_COPIED))
fault("false-padded-flag", "producer.flags.none", out=_flag(abi.PADDED))
fault("buffer-read-only", "producer.agrees.buffer", out=_flag(abi.READ_ONLY))
fault("false-read-only", "producer.flags.writable", out=_flag(abi.READ_ONLY))
fault("read-only-copy", "producer.copy.flag", out=_flag(abi.READ_ONLY, False))
fault("no-read-only", "producer.read-only.versioned", out=_clear(abi.READ_ONLY))
fault("read-only-legacy", "producer.read-only.legacy")
fault("copy-ignored", "producer.copy.true")
fault("copy-shared", "producer.copy.true")
fault("no-copy-flag", "producer.copy.flag", out=_clear(abi.IS_COPIED))
fault("copy-ignored-legacy", "producer.copy.legacy")
fault("copy-false-copies", "producer.copy.false")
fault("always-copies", "producer.copy.none", "producer.agrees.address")
fault("no-cpu", "producer.dl-device.cpu")
fault("device-value-error", "producer.dl-device.other", "producer.dl-device.cuda")
fault("device-ignored", "producer.dl-device.other", "producer.dl-device.no-copy")
fault("device-no-copy-error", "producer.dl-device.no-copy")
fault("bool-as-byte", "producer.dtype.bool", out=_dtype("bool", "uint8"))
fault("bits-as-bytes", "producer.dtype.float32", out=_dtype("float32", (2, 4, 1)))
fault("no-lanes", "producer.dtype.int16", out=_dtype("int16", (0, 16, 0)))
fault("complex-component", "producer.dtype.complex64", out=_dtype("complex64", (5, 32, 1)))
fault("bfloat16-as-float16", "producer.dtype.bfloat16", out=_dtype("bfloat16", "float16"))
fault("unsigned-as-signed", "producer.dtype.uint64", out=_dtype("uint64", "int64"))
fault("float8-other", "producer.dtype.float8_e4m3fn", out=_dtype("float8_e4m3fn", "float8_e4m3"))
fault("refusal-class", "producer.refusal.class")
fault("no-refusal", "producer.refusal.needed")
fault("negation-ignored", "producer.lazy")
fault("strides-in-bytes", "producer.strides.compact", out=_strides(lambda stride, size: stride * size))
fault(
    "strides-forgotten",
    *(f"producer.layout.{name}" for name in "transposed step broadcast diagonal window".split()),
    out=_null_strides(lambda s: True),
)
fault("strides-null", "producer.strides.present", out=_null_strides(lambda s: hasattr(s, "flags")))
fault("strides-null-legacy", "producer.strides.legacy", out=_null_strides(lambda s: not hasattr(s, "flags")))
fault(
    "strides-positive",
    "producer.layout.reversed",
    "producer.layout.size-one",
    out=_strides(lambda stride, _: abs(stride)),
)
fault("start-forgotten", "producer.layout.offset", out=_base)
fault("scalar-axis", "producer.scalar", out=_one_axis)
fault("empty-shape", "producer.empty.shape-0x3", "producer.empty.shape-2x0x3", out=_lost_shape)
fault("empty-dangling", "producer.empty.data", out=_dangling)
fault("size-one", "producer.strides.size-one", out=_size_one)
fault("six-axes", "producer.many-axes", out=_many_axes)
fault("misaligned", "producer.data.aligned")
fault("byte-offset", "producer.data.offset", out=_offset)
fault("deleter-null", "producer.deleter.present", out=set_fields(deleter=None))
fault("context-null", "producer.context.present", out=set_fields(manager_ctx=None))
fault("address", "producer.agrees.address")
fault("array-interface", "producer.agrees.array-interface")
fault("frees-used-capsule", "producer.life.twice")
fault("python-destructor", "producer.life.error")
fault("leaks-unused", "producer.life.unused")
fault("leaks-used", "producer.life.used", out=set_fields(deleter=native("PyErr_Occurred")))
fault(
    "deleter-without-gil",
    "producer.life.thread",
    "producer.life.taken",
    out=set_fields(deleter=native("PyErr_Clear")),
)
for _each in abi.DTYPES:
    fault(f"opaque-{_each}", f"producer.dtype.{_each}", out=_dtype_fault(_each))
fault("empty-one", "producer.empty.shape-0", out=_empty_one)
fault("deleter-at-end", "producer.life.end", out=_callback_deleter)
fault("memory-with-array", "producer.life.taken", out=_early)
fault("thread-only", "producer.life.threads")
fault("live-shape", "producer.life.shape")
fault("borrowed-not-kept", "producer.life.borrowed")
fault("frees-on-grow", "producer.life.resize")
fault("narrow-as-bytes", "producer.dtype.narrow-integers")
fault(
    "narrow-shifted",
    "producer.dtype.narrow-integers",
    out=lambda struct, _: setattr(struct.dl_tensor, "data", struct.dl_tensor.data + 1),
)
