"""What consumers do wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .. import abi
from .faults import fault
from .structs import fresh, no_strides, resize, set_fields, shape_of


def _refuse(when: Callable[[Any], bool]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            raise BufferError("not that")

    return patch


def _crash(when: Callable[[Any], bool]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            os.abort()

    return patch


def _mend(when: Callable[[Any], bool], change: Callable[[Any], None]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            change(struct)

    return patch


def _put(**fields: Any) -> Callable[[Any], None]:
    patch: Any = set_fields(**fields)
    return lambda struct: patch(struct, None)


def _has(flag: int) -> Callable[[Any], bool]:
    return lambda s: bool(hasattr(s, "flags") and s.flags & flag)


def _major(number: int) -> Callable[[Any], bool]:
    return lambda s: bool(hasattr(s, "version") and s.version.major == number)


def _first_stride(struct: Any) -> int:
    return struct.dl_tensor.strides[0] if struct.dl_tensor.strides and struct.dl_tensor.ndim > 0 else 0


def _each_stride(change: Callable[[int], int]) -> Callable[[Any], None]:
    def apply(struct: Any) -> None:
        for axis in range(struct.dl_tensor.ndim):
            struct.dl_tensor.strides[axis] = change(struct.dl_tensor.strides[axis])

    return apply


def _null_data(struct: Any) -> bool:
    return not struct.dl_tensor.data and 0 not in shape_of(struct)


def _is(triple: Any) -> Callable[[Any], bool]:
    def check(struct: Any) -> bool:
        dtype = struct.dl_tensor.dtype
        return bool(dtype.triple() == abi.triple(triple))

    return check


def _becomes(triple: Any) -> Callable[[Any], None]:
    def change(struct: Any) -> None:
        struct.dl_tensor.dtype = abi.DataType(*abi.triple(triple))

    return change


def _always(_: Any) -> bool:
    return True


def _times_four(struct: Any) -> None:
    struct.dl_tensor.byte_offset *= 4


def _round_down(struct: Any) -> None:
    if struct.dl_tensor.data:
        struct.dl_tensor.data &= ~3


_C = "consumer."
fault(
    "major-2-in",
    _C + "version.major",
    _C + "version.major-guarded",
    into=_mend(_major(2), _put(version=abi.Version(1, 3))),
)
fault("major-0-in", _C + "version.zero", into=_mend(_major(0), _put(version=abi.Version(1, 3))))
fault(
    "minor-refused",
    _C + "version.minor",
    into=_refuse(lambda s: hasattr(s, "version") and s.version.minor > 3),
)
fault(
    "old-minor-refused",
    _C + "version.first",
    into=_refuse(lambda s: hasattr(s, "version") and s.version.minor == 0),
)
fault("flag-refused", _C + "flags.unknown", into=_refuse(_has(1 << 40)))
fault("copied-refused", _C + "flags.copied", into=_refuse(_has(abi.IS_COPIED)))
fault("read-only-refused", _C + "flags.read-only", into=_refuse(_has(abi.READ_ONLY)))
fault("padded-refused", _C + "flags.padded", into=_refuse(_has(abi.PADDED)))
fault(
    "read-only-dropped",
    _C + "flags.read-only-written",
    _C + "life.export",
    into=_mend(_has(1), _put(flags=0)),
)
fault("ndim-negative", _C + "ndim.negative", into=_mend(lambda s: s.dl_tensor.ndim < 0, _put(ndim=0)))
fault("ndim-crash", _C + "ndim.negative", _C + "ndim.minimum", into=_crash(lambda s: s.dl_tensor.ndim < 0))
fault(
    "shape-null",
    _C + "shape.null",
    into=_mend(lambda s: s.dl_tensor.ndim and not s.dl_tensor.shape, _put(ndim=0)),
)
fault(
    "shape-null-crash", _C + "shape.null", into=_crash(lambda s: s.dl_tensor.ndim and not s.dl_tensor.shape)
)
fault("shape-negative", _C + "shape.negative", into=_mend(lambda s: shape_of(s)[:1] == [-1], resize(1)))
fault("shape-minimum", _C + "shape.minimum", into=_mend(lambda s: shape_of(s)[:1] == [-(2**63)], resize(0)))
fault("shape-huge", _C + "shape.huge", into=_mend(lambda s: shape_of(s)[:1] == [2**32], resize(0, 0)))
fault("shape-huge-crash", _C + "shape.huge-empty", into=_crash(lambda s: shape_of(s)[:1] == [2**62]))
fault(
    "shape-negative-empty",
    _C + "shape.negative-empty",
    into=_mend(lambda s: -2 in shape_of(s), resize(0, 0)),
)
fault("scalar-refused", _C + "ndim.zero", into=_refuse(lambda s: s.dl_tensor.ndim == 0))
fault("axes-refused", _C + "ndim.seven", into=_refuse(lambda s: s.dl_tensor.ndim > 4))
fault("empty-refused", _C + "empty.null", into=_refuse(lambda s: 0 in shape_of(s)))
fault("dangling-refused", _C + "empty.dangling", into=_refuse(lambda s: s.dl_tensor.data == 8))
fault("null-data", _C + "data.null", into=_mend(_null_data, fresh))
fault(
    "null-strides-refused",
    _C + "strides.null-old",
    into=_refuse(lambda s: s.dl_tensor.ndim and not s.dl_tensor.strides),
)
fault(
    "strides-ignored",
    *(
        _C + f"strides.{name}"
        for name in "transposed step gap overlap diagonal negative negative-both".split()
    ),
    into=_mend(_always, no_strides),
)
fault(
    "strides-absolute",
    _C + "strides.negative",
    into=_mend(lambda s: bool(s.dl_tensor.strides), _each_stride(abs)),
)
fault(
    "stride-zero",
    _C + "strides.zero",
    into=_mend(lambda s: bool(s.dl_tensor.strides), _each_stride(lambda x: x or 1)),
)
fault(
    "offset-ignored",
    _C + "data.offset-4",
    _C + "data.offset-16",
    _C + "data.offset-64",
    _C + "data.offset-scalar",
    into=_mend(_always, _put(byte_offset=0)),
)
fault("offset-in-elements", _C + "data.offset-4", into=_mend(_always, _times_four))
fault("address-rounded", _C + "data.misaligned", into=_mend(_always, _round_down))
fault(
    "alignment-refused",
    _C + "data.aligned-4",
    into=_refuse(lambda s: bool(s.dl_tensor.data) and s.dl_tensor.data % 64 != 0),
)
fault("null-deleter-crash", _C + "deleter.null", into=_crash(lambda s: not s.deleter))
fault("null-context-leak", _C + "context.null", into=_mend(lambda s: not s.manager_ctx, _put(deleter=None)))
fault("never-deletes", _C + "struct.asked", _C + "struct.legacy", _C + "life.producer")
fault("deletes-twice", _C + "struct.asked")
fault("deletes-early", _C + "struct.asked")
fault("no-delete-on-refusal", _C + "ndim.negative")
fault("two-deletes-on-refusal", _C + "shape.negative")
fault("system-error", _C + "ndim.negative")
fault("lanes-ignored", _C + "dtype.lanes", into=_mend(_is((2, 32, 4)), _becomes("float32")))
fault("bits-zero", _C + "dtype.bits-zero", into=_mend(_is((2, 0, 1)), _becomes("float32")))
fault("bits-24", _C + "dtype.bits-24", into=_mend(_is((2, 24, 1)), _becomes("float16")))
fault("lanes-zero", _C + "dtype.lanes-zero", into=_mend(_is((2, 32, 0)), _becomes("float32")))
fault("refusal-class-in", _C + "refusal.class", into=_mend(_is((255, 32, 1)), _becomes((2, 32, 0))))
fault("code-255", _C + "dtype.code-255", into=_mend(_is((255, 32, 1)), _becomes("float32")))
fault("float4-8", _C + "dtype.float4-8", into=_mend(_is((17, 8, 1)), _becomes("float8_e5m2")))
fault("float6-8", _C + "dtype.float6-8", into=_mend(_is((15, 8, 1)), _becomes("float8_e5m2")))
fault("bool-1", _C + "dtype.bool-1", into=_mend(_is((6, 1, 1)), _becomes("bool")))
fault("bfloat16-in", _C + "dtype.bfloat16", into=_mend(_is("bfloat16"), _becomes("float16")))
fault("signed-in", _C + "dtype.uint8", into=_mend(_is("uint8"), _becomes("int8")))
fault("dtype-refused", _C + "dtype.complex128", into=_refuse(_is("complex128")))
fault("device-crash", _C + "device.cuda", into=_crash(lambda s: s.dl_tensor.device.device_type == 2))
fault(
    "managed-crash", _C + "device.cuda-managed", into=_crash(lambda s: s.dl_tensor.device.device_type == 13)
)
fault("asks-old", _C + "asks.versioned")
fault("asks-strange", _C + "asks.keywords")
fault("asks-stream", _C + "asks.keywords")
fault("copies-always", _C + "copy.none", _C + "copy.false")
fault("copies-strided", _C + "copy.false")
fault("copy-ignored-in", _C + "copy.true")
fault("not-renamed", _C + "capsule.renamed", _C + "struct.asked")
fault("any-name", _C + "capsule.other-name")
fault("used-again", _C + "capsule.used-versioned", _C + "capsule.used")
fault("none-taken", _C + "capsule.none")
fault("other-exception", *(_C + f"raises.{kind}" for kind in ("BufferError", "ValueError", "TypeError")))
fault("other-exceptions", _C + "raises.RuntimeError")
fault("other-message", _C + "raises.BufferError")
fault("no-retry", _C + "struct.old-producer", _C + "struct.first-producer")
fault("no-versioned", _C + "struct.versioned")
fault("no-legacy", _C + "struct.ignores-version")
fault("missing-type-error", _C + "device.missing")
fault("own-thread-only", _C + "life.thread")
fault("leaks-some", _C + "life.many")
fault("live-shape-in", _C + "life.shape")
fault("end-crash", _C + "life.end")
fault("device-text-error", _C + "device.garbage")
fault("device-lie-crash", _C + "device.lies")
fault("device-argument-refused", _C + "device.asked")
fault("device-argument-other", _C + "device.asked")
fault("device-argument-ignored", _C + "device.moved")
fault("metal-taken", _C + "device.metal-read")
fault("writes-struct", _C + "struct.untouched")


def _narrow(strides: list[int]) -> Callable[[Any], bool]:
    def check(struct: Any) -> bool:
        tensor = struct.dl_tensor
        return tensor.dtype.bits == 4 and [tensor.strides[i] for i in range(tensor.ndim)] == strides

    return check


fault(
    "padded-ignored",
    _C + "dtype.padded",
    _C + "life.export-padded",
    into=_mend(_has(abi.PADDED), _put(flags=0)),
)
fault("packed-compact", _C + "dtype.packed-transposed", into=_mend(_narrow([1, 3]), no_strides))
fault("packed-in-bytes", _C + "dtype.packed-step", into=_mend(_narrow([2]), no_strides))


def _on(field: str, number: int) -> Callable[[Any], bool]:
    return lambda s: bool(getattr(s.dl_tensor.device, field) == number)


for _number, _id in [
    (3, "cuda-host"),
    (8, "metal"),
    (12, "extension"),
    (0, "zero"),
    (99, "unknown"),
    (-1, "negative"),
]:
    fault(f"device-{_id}-crash", _C + f"device.{_id}", into=_crash(_on("device_type", _number)))
for _number, _id in [(7, "cpu-7"), (-1, "cpu-negative")]:
    fault(f"device-{_id}", _C + f"device.{_id}", into=_mend(_on("device_id", _number), fresh))
for _each in abi.DTYPES:
    if _each not in abi.SUB_BYTE:
        fault(f"refused-{_each}", _C + f"dtype.{_each}", into=_refuse(_is(_each)))
fault("float4-as-int4", _C + "dtype.float4_e2m1fn", into=_mend(_is("float4_e2m1fn"), _becomes((0, 4, 1))))
for _each in ("float6_e2m3fn", "float6_e3m2fn"):
    fault(f"{_each}-crash", _C + f"dtype.{_each}", into=_crash(_is(_each)))
fault("bits-128", _C + "dtype.bits-128", into=_mend(_is((0, 128, 1)), _becomes("int64")))
fault("opaque-crash", _C + "dtype.opaque", into=_crash(_is((3, 64, 1))))
fault(
    "axes-dropped", _C + "ndim.64", _C + "ndim.65", into=_mend(lambda s: s.dl_tensor.ndim > 60, _put(ndim=3))
)
fault(
    "zero-strides-refused",
    _C + "empty.strides",
    into=_refuse(lambda s: shape_of(s) == [0, 3] and s.dl_tensor.strides[1] == 0),
)
fault(
    "empty-offset-crash",
    _C + "empty.offset",
    into=_crash(lambda s: shape_of(s) == [0] and s.dl_tensor.byte_offset),
)
fault(
    "null-strides-crash",
    _C + "strides.null",
    into=_crash(lambda s: s.dl_tensor.ndim and not s.dl_tensor.strides),
)
fault("size-one-stride", _C + "strides.size-one", into=_mend(lambda s: _first_stride(s) == -999, fresh))
fault(
    "size-one-minimum",
    _C + "strides.size-one-minimum",
    into=_mend(lambda s: _first_stride(s) == -(2**63), fresh),
)
fault("huge-stride-crash", _C + "strides.huge", into=_crash(lambda s: _first_stride(s) == 2**62))
