"""Each answer of `explain` is compared with what the library does, and each remedy is tried."""

from __future__ import annotations

import array
import ctypes
import importlib
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dlpack
from dlpack._consumers import NAMES, named
from dlpack._explain import is_installed

from .structs import LEGACY, READ_ONLY, VERSIONED, Struct

# If it is set, only this library and NumPy are looked for: not all of them can be in one process.
ONLY = os.environ.get("DLPACK_TEST_LIBRARY")


def is_there(name: str) -> bool:
    return is_installed(name) and (ONLY in (None, name) or name == "numpy")


# PyArrow deprecates the legacy struct, for which most libraries ask.
pytestmark = pytest.mark.filterwarnings("ignore:Exporting an unversioned:DeprecationWarning")

DTYPES = [
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    *("bool", "float16", "bfloat16", "float32", "float64", "complex32", "complex64", "complex128"),
    *(f"float8_{kind}" for kind in ("e3m4", "e4m3", "e4m3b11fnuz", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")),
    *(
        "float8_e8m0fnu",
        "float4_e2m1fn",
        "float4_e2m1fnx2",
        "int4",
        "uint4",
        "int2",
        "uint2",
        "uint1",
        "float32x2",
    ),
]
# By name: shape and strides.
LAYOUTS: dict[str, tuple[tuple[int, ...], tuple[int, ...] | None]] = {
    "reversed": ((4,), (-1,)),
    "reversed rows": ((2, 3), (-3, 1)),
    "step of two": ((4,), (2,)),
    "broadcast": ((4,), (0,)),
    "overlapping": ((3, 3), (1, 1)),
    "gaps between rows": ((2, 3), (8, 1)),
    "columns": ((2, 3), (1, 2)),
    "axes permuted": ((2, 3, 4), (1, 8, 2)),
    "one row, odd stride": ((1, 3), (100, 1)),
    "one row in the middle": ((2, 1, 3), (3, 77, 1)),
    "one row in columns": ((2, 1, 3), (1, 77, 2)),
    "one row, negative stride": ((1, 3), (-1, 1)),
    "one row, no stride": ((1, 3), (0, 1)),
    "one element": ((1,), (-7,)),
    "no axes": ((), ()),
    "empty": ((0,), None),
    "empty in the middle": ((2, 0, 3), None),
    "empty, odd strides": ((2, 0, 3), (7, -1, 5)),
    **{f"{ndim} axes": ((2,) + (1,) * (ndim - 1), None) for ndim in (4, 5, 9, 10, 32, 33, 64)},
}


def tensor(
    dtype: str = "float32",
    shape: tuple[int, ...] = (4,),
    strides: tuple[int, ...] | None = None,
    start: int = 0,
    readonly: bool = False,
    device: Any = "cpu",
) -> dlpack.Tensor:
    """Makes a tensor of ones in a block, at `start` bytes from a multiple of 256."""
    block = (ctypes.c_uint8 * 2048)(*([1] * 2048))
    address = ctypes.addressof(block)
    address += -address % 256 + 512 + start
    return dlpack.from_pointer(address, shape, dtype, strides, device=device, owner=block, readonly=readonly)


def cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    for dtype in DTYPES:
        yield dtype, lambda dtype=dtype: tensor(dtype)
    for name, (shape, strides) in LAYOUTS.items():
        yield name, lambda shape=shape, strides=strides: tensor("float32", shape, strides)
        yield (
            f"{name}, read-only",
            lambda shape=shape, strides=strides: tensor("float32", shape, strides, readonly=True),
        )
    for start in (1, 2, 4, 8, 16, 32, 64, 128):
        yield f"{start} bytes off", lambda start=start: tensor(start=start)
        yield f"{start} bytes off, read-only", lambda start=start: tensor(start=start, readonly=True)
        yield f"{start} bytes off, empty", lambda start=start: tensor(shape=(0, 2), start=start)
    for dtype in ("bool", "int64", "float64", "complex128", "bfloat16"):
        yield f"{dtype}, read-only", lambda dtype=dtype: tensor(dtype, readonly=True)
        yield f"{dtype}, empty", lambda dtype=dtype: tensor(dtype, (0,))
        yield f"{dtype}, columns", lambda dtype=dtype: tensor(dtype, (2, 3), (1, 2))
        yield f"{dtype}, step, off", lambda dtype=dtype: tensor(dtype, (3,), (2,), start=8)
    for kind in (2, 3, 13):
        yield f"device {kind}", lambda kind=kind: tensor(device=(kind, 0))
    yield "bytes", lambda: bytes(range(1, 9))
    yield "bytearray", lambda: bytearray(range(1, 9))
    yield "array.array", lambda: array.array("f", [1, 2, 3])
    yield "memoryview", lambda: memoryview(bytearray(8)).cast("h", (2, 2))
    yield "empty bytes", lambda: b""
    yield "offset", lambda: Struct(offset=64)
    yield "offset of one element", lambda: Struct(offset=4)
    yield "no strides", lambda: Struct(strides=None)
    yield "no strides, several axes", lambda: Struct((2, 4), None)
    yield "no keywords", lambda: Struct(keywords=False)
    yield "always versioned", lambda: Struct(always=VERSIONED)
    yield "always legacy", lambda: Struct(always=LEGACY)
    yield "flagged read-only", lambda: Struct(flags=READ_ONLY)
    yield "device without a number", lambda: Struct(spelled=(1, None))
    yield "versioned, read-only, offset", lambda: Struct(always=VERSIONED, flags=READ_ONLY, offset=8)
    yield "reversed struct", lambda: Struct((4,), (-1,), offset=64)
    yield from library_cases()


def library_cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    def of(name: str, **makes: Callable[[Any], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
        if not is_there(name.partition(".")[0]):
            return
        for row, make in makes.items():
            yield f"{name} {row}", lambda make=make: make(importlib.import_module(name))

    yield from of(
        "numpy",
        plain=lambda np: np.arange(1, 9, dtype="f4"),
        wide=lambda np: np.arange(1, 9, dtype="f8"),
        strided=lambda np: np.arange(1, 17, dtype="f4")[::2],
        reversed=lambda np: np.arange(1, 17, dtype="f4")[::-1],
        columns=lambda np: np.asfortranarray(np.ones((3, 4), "f4")),
        readonly=lambda np: np.broadcast_to(np.float32(1), (3,)),
        locked=lambda np: _locked(np.ones(64, "f4")),
        empty=lambda np: np.ones((0, 3), "f4"),
        booleans=lambda np: np.ones(3, bool),
        halves=lambda np: np.ones(3, "f2"),
        swapped=lambda np: np.ones(3, np.dtype("f4").newbyteorder()),
        times=lambda np: np.ones(3, "M8[s]"),
        scalar=lambda np: np.array(1, "f4"),
        objects=lambda np: np.array([{}]),
        odd=lambda np: np.frombuffer(bytearray(17), "u1")[1:].view("f4"),
        halfway=lambda np: np.zeros(3, "u1,f4")["f1"],
    )
    yield from of(
        "torch",
        plain=lambda torch: torch.ones(8),
        brain=lambda torch: torch.ones(8, dtype=torch.bfloat16),
        strided=lambda torch: torch.ones(8)[::2],
        part=lambda torch: torch.ones(32)[1:],
        columns=lambda torch: torch.ones(2, 3).T,
        expanded=lambda torch: torch.ones(1).expand(4),
        gradient=lambda torch: torch.ones(3, requires_grad=True),
        conjugated=lambda torch: torch.ones(3, dtype=torch.complex64).conj(),
        sparse=lambda torch: torch.eye(2).to_sparse(),
        meta=lambda torch: torch.ones(3, device="meta"),
        empty=lambda torch: torch.ones(0),
        quarter=lambda torch: torch.ones(3).to(torch.float8_e4m3fn),
        booleans=lambda torch: torch.ones(3, dtype=torch.bool),
    )
    yield from of(
        "jax.numpy",
        plain=lambda jnp: jnp.ones(16),
        brain=lambda jnp: jnp.ones(16, "bfloat16"),
        empty=lambda jnp: jnp.ones(0),
        booleans=lambda jnp: jnp.ones(3, bool),
    )
    yield from of(
        "pyarrow",
        plain=lambda pa: pa.array([1, 2, 3], pa.float32()),
        part=lambda pa: pa.array([1, 2, 3], pa.float32())[1:],
        nulls=lambda pa: pa.array([1, None]),
        text=lambda pa: pa.array(["a"]),
        booleans=lambda pa: pa.array([True, False]),
    )
    yield from of("tvm_ffi", plain=lambda tvm: tvm.from_dlpack(tensor()))
    yield from of("array_api_strict", plain=lambda xp: xp.ones(3))
    yield from of("mlx.core", plain=lambda mx: mx.ones(3), brain=lambda mx: mx.ones(3, mx.bfloat16))
    yield from of("onnxruntime", plain=lambda ort: ort.OrtValue.from_dlpack(tensor()))
    yield from of("warp", plain=lambda wp: wp.ones(8), matrix=lambda wp: wp.ones((2, 3))[:, :2])
    yield from of(
        "paddle", plain=lambda paddle: paddle.ones([8]), brain=lambda paddle: paddle.ones([8], "bfloat16")
    )
    yield from of("tensorflow", plain=lambda tf: tf.ones(8), booleans=lambda tf: tf.constant([True]))


def _locked(x: Any) -> Any:
    x.flags.writeable = False
    return x


CASES = dict(cases())
INSTALLED = [name for name in NAMES if is_there(name)]


@pytest.fixture(scope="session", autouse=True)
def ready() -> None:
    if is_there("warp"):
        importlib.import_module("warp").init()


class Made:
    """What a call gave: an object, or an exception."""

    def __init__(self, call: str, x: Any, consumer: str) -> None:
        self.x = x
        module = importlib.import_module(consumer)
        for name in ("mlx.core", "jax.numpy"):
            if name.startswith(consumer):
                importlib.import_module(name)
        self.value: Any = None
        self.raised: BaseException | None = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.value = eval(call, {"x": x, "dlpack": dlpack, consumer: module})
        except Exception as raised:  # noqa: BLE001 - whatever a library raises.
            self.raised = raised

    def result(self, consumer: str) -> str:
        if self.raised is not None:
            return "refused"
        try:
            own = dlpack.asdlpack(self.x)
        except Exception:  # noqa: BLE001
            return "aliased"
        if own.size == 0:
            return "aliased"
        # Of the same memory, even if it takes another element for the first.
        ignored = getattr(self.x, "offset", 0) if named(consumer).offset == "ignored" else 0
        return "aliased" if address_of(consumer, self.value) == own.address - ignored else "copied"


def address_of(consumer: str, x: Any) -> int:
    if consumer == "array_api_strict":
        x = x._array
    if consumer in ("numpy", "array_api_strict"):
        return int(x.__array_interface__["data"][0])
    if consumer in ("torch", "paddle", "tvm_ffi"):
        return int(x.data_ptr())
    if consumer == "jax":
        return int(x.unsafe_buffer_pointer())
    if consumer == "warp":
        return int(x.ptr or 0)
    if consumer == "onnxruntime":
        return int(x.data_ptr())
    return dlpack.asdlpack(x).address


def values_of(consumer: str, x: Any) -> Any:
    if consumer == "array_api_strict":
        x = x._array
    return dlpack.asdlpack(x).tolist()


@pytest.mark.parametrize("consumer", INSTALLED)
@pytest.mark.parametrize("case", CASES)
def test_answers(case: str, consumer: str) -> None:
    x = CASES[case]()
    if case == "device 2" and named(consumer).fatal_devices:
        answer = dlpack.explain(x, consumer)
        assert (answer.result, "ends the process" in answer.caution) == ("refused", True)
        pytest.skip(answer.caution)
    try:
        answer = dlpack.explain(x, consumer)
    except dlpack.NotATensorError:
        # There is nothing to ask.
        assert Made(named(consumer).call.format("x"), x, consumer).raised is not None
        return
    except (BufferError, TypeError):
        # It is no producer, and this package refuses it, too.
        assert not hasattr(x, "__dlpack__")
        return
    made = Made(answer.call, x, consumer)
    assert made.result(consumer) == answer.result, f"{answer}\n{made.raised!r}"
    if answer.result == "refused":
        assert answer.why
    elif "device" in case:
        # The host cannot read it.
        pass
    elif not answer.caution and consumer not in ("mlx", "tvm_ffi", "onnxruntime"):
        assert values_of(consumer, made.value) == dlpack.asdlpack(x).tolist()
    elif "reads other elements" in answer.caution and "offset" in answer.caution:
        assert address_of(consumer, made.value) != dlpack.asdlpack(x).address
    if answer.remedy.startswith("dlpack.adapt"):
        adapted = eval(answer.remedy.partition("), ")[0].rstrip(")") + ")", {"x": x, "dlpack": dlpack})
        again = Made(named(consumer).call.format("x"), adapted, consumer)
        expected = "copied" if consumer == "mlx" else "aliased"
        assert again.result(consumer) == expected, f"{answer}\n{adapted}\n{again.raised!r}"
        best = dlpack.explain(adapted, consumer)
        assert best.result == expected, best
        assert adapted.adapted
    elif answer.result == "refused" and not answer.remedy.startswith("dlpack.asdlpack(x, device"):
        with pytest.raises((BufferError, TypeError, ValueError, RuntimeError)):
            dlpack.adapt(x, consumer, copy=None)
