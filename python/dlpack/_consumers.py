"""How the libraries import tensors, measured for the versions in `MEASURED`; `tests/test_explain.py` compares it with what they do."""

from __future__ import annotations

import os
import sys
from typing import Any, Literal, NamedTuple

_CPU, _CUDA, _CUDA_HOST, _ROCM_HOST, _CUDA_MANAGED = 1, 2, 3, 11, 13

_INTEGERS = frozenset(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
_FLOATS = frozenset({"float16", "float32", "float64"})
_COMPLEX = frozenset({"complex64", "complex128"})
_COMMON = _INTEGERS | _FLOATS | {"bool"}
_FLOAT8 = frozenset(
    f"float8_{kind}"
    for kind in ("e3m4", "e4m3", "e4m3b11fnuz", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")
)

# What a library passes to `__dlpack__`; the next if the object raises `retries_on`.
_Asks = tuple[dict[str, Any], ...]
_NEW: dict[str, Any] = {"dl_device": None, "copy": None, "max_version": (1, 0)}


class Consumer(NamedTuple):
    """What a library does with a tensor that it imports."""

    # The name of the module, and the library's own.
    name: str
    title: str
    # The function that imports, where `{}` stands for the object.
    call: str
    asks: _Asks
    # None for all.
    dtypes: frozenset[str] | None
    measured: str
    # The version of the library with which another entry begins.
    below: str = ""
    retries_on: type[Exception] = TypeError
    takes_versioned: bool = True
    takes_legacy: bool = True
    # It takes the exchange table of the object's class if there is one.
    uses_table: bool = False
    # It asks for the device first; and the number of the device must be an integer, not None.
    needs_device: bool = False
    needs_device_id: bool = False
    devices: frozenset[int] | None = frozenset({_CPU})
    # If it lacks one of these, it ends the process rather than to raise an exception.
    fatal_devices: frozenset[int] = frozenset()
    # Which strides, if there are elements: "any", "positive" (none is negative), "dense" (no gaps, axes in any order), "rows".
    strides: Literal["any", "positive", "dense", "rows"] = "any"
    least_ndim: int = 0
    most_ndim: int = 64
    # Memory that begins elsewhere than at a multiple of this is copied.
    alignment: int = 1
    always_copies: bool = False
    # Whether it knows read-only memory as such, and what becomes of an offset.
    honours_readonly: bool = False
    offset: Literal["right", "ignored", "refused"] = "right"
    # What becomes of elements of several numbers, if they are taken.
    lanes: Literal["right", "refused", "wrong"] = "refused"
    # What it makes of a dtype, although it takes it.
    narrows: dict[str, str] = {}

    def narrowed(self, dtype: str) -> str | None:
        """Returns the dtype that the library converts elements of another one to, or None if it keeps them."""
        if self.name == "jax" and _jax_has_64_bits():
            return None
        return self.narrows.get(dtype)


def _jax_has_64_bits() -> bool:
    jax = sys.modules.get("jax")
    if jax is not None:
        return bool(jax.config.jax_enable_x64)
    return os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "true", "t", "yes", "y", "on")


_NUMPY = Consumer(
    name="numpy",
    title="NumPy",
    call="numpy.from_dlpack({})",
    asks=(_NEW, {}),
    dtypes=_COMMON | _COMPLEX,
    measured="2.4.6",
    devices=frozenset({_CPU, _CUDA_HOST, _ROCM_HOST, _CUDA_MANAGED}),
    honours_readonly=True,
)

_ALL = (
    _NUMPY,
    Consumer(
        name="torch",
        title="PyTorch",
        call="torch.from_dlpack({})",
        asks=({"max_version": (1, 0)}, {}),
        dtypes=_COMMON
        | _COMPLEX
        | {"bfloat16", "complex32", "float4_e2m1fnx2"}
        | {f"float8_{kind}" for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")},
        measured="2.15.0",
        needs_device=True,
        strides="positive",
    ),
    Consumer(
        name="jax",
        title="JAX",
        call="jax.numpy.from_dlpack({})",
        asks=({"stream": None},),
        dtypes=_COMMON | _COMPLEX | _FLOAT8 | {"bfloat16"},
        measured="0.10.2",
        takes_versioned=False,
        needs_device=True,
        needs_device_id=True,
        strides="dense",
        alignment=64,
        narrows={
            "int64": "int32",
            "uint64": "uint32",
            "float64": "float32",
            "complex128": "complex64",
        },
    ),
    Consumer(
        name="tensorflow",
        title="TensorFlow",
        call="tensorflow.experimental.dlpack.from_dlpack({}.__dlpack__())",
        asks=({},),
        dtypes=_COMMON | _COMPLEX | {"bfloat16"},
        measured="2.21.0",
        takes_versioned=False,
        fatal_devices=frozenset({_CUDA}),
        strides="rows",
        offset="refused",
        lanes="wrong",
    ),
    Consumer(
        name="tvm_ffi",
        title="TVM FFI",
        call="tvm_ffi.from_dlpack({})",
        asks=({},),
        dtypes=None,
        measured="0.1.15",
        takes_versioned=False,
        uses_table=True,
        devices=None,
        lanes="right",
    ),
    Consumer(
        name="pyarrow",
        title="PyArrow",
        call="pyarrow.Tensor.from_dlpack({})",
        asks=({"max_version": (1, 3), "dl_device": None, "copy": None},),
        dtypes=_INTEGERS | _FLOATS,
        measured="26.0.1",
        takes_legacy=False,
        strides="positive",
        honours_readonly=True,
    ),
    _NUMPY._replace(
        name="array_api_strict",
        title="array-api-strict",
        call="array_api_strict.from_dlpack({})",
        dtypes=(_COMMON | _COMPLEX) - {"float16"},
        measured="2.6.1",
    ),
    Consumer(
        name="mlx",
        title="MLX",
        call="mlx.core.from_dlpack({})",
        asks=({}, {"max_version": (1, 1)}),
        retries_on=BufferError,
        dtypes=_COMMON | _COMPLEX | {"bfloat16"},
        measured="0.32.4",
        strides="positive",
        always_copies=True,
        narrows={"float64": "float32", "complex128": "complex64"},
    ),
    Consumer(
        name="onnxruntime",
        title="ONNX Runtime",
        call="onnxruntime.OrtValue.from_dlpack({})",
        asks=({},),
        dtypes=(_COMMON | {"bfloat16"}) - {"bool"},
        measured="1.31.1",
        below="1.32",
        takes_versioned=False,
        devices=frozenset({_CPU, _CUDA}),
        strides="rows",
        offset="ignored",
    ),
    Consumer(
        name="onnxruntime",
        title="ONNX Runtime",
        call="onnxruntime.OrtValue.from_dlpack({})",
        asks=({},),
        dtypes=_COMMON
        | {"bfloat16", "float4_e2m1fn", "int2", "int4", "uint2", "uint4"}
        | {f"float8_{kind}" for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")},
        measured="1.32.0",
        takes_versioned=False,
        devices=frozenset({_CPU, _CUDA}),
        strides="rows",
    ),
    Consumer(
        name="paddle",
        title="Paddle",
        call="paddle.from_dlpack({})",
        asks=({"max_version": (1, 2)}, {}),
        dtypes=_COMMON | _COMPLEX | {"bfloat16", "float8_e4m3fn", "float8_e5m2"},
        measured="3.3.1",
        needs_device=True,
        devices=frozenset({_CPU, _CUDA_HOST}),
        fatal_devices=frozenset({_CUDA}),
        most_ndim=9,
        offset="ignored",
    ),
    Consumer(
        name="warp",
        title="Warp",
        call="warp.from_dlpack({})",
        asks=({"stream": None},),
        dtypes=_COMMON | {"bfloat16"},
        measured="1.19.0",
        takes_versioned=False,
        needs_device=True,
        least_ndim=1,
        most_ndim=4,
        offset="ignored",
        lanes="wrong",
    ),
)

NAMES = tuple(dict.fromkeys(consumer.name for consumer in _ALL))


def named(name: str) -> Consumer:
    """Returns the library whose module has this name, as it is in the version that is installed."""
    found = [consumer for consumer in _ALL if consumer.name == name]
    if not found:
        raise ValueError(f"expected a library, one of {', '.join(NAMES)}, found {name!r}")
    if len(found) > 1:
        version = _version(name)
        found = [consumer for consumer in found if not consumer.below or version < _numbers(consumer.below)]
    return found[0]


def _version(name: str) -> tuple[int, ...]:
    from importlib import metadata

    try:
        return _numbers(metadata.version(name))
    except metadata.PackageNotFoundError:
        return (sys.maxsize,)


def _numbers(version: str) -> tuple[int, ...]:
    """Returns the numbers that a version begins with."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
