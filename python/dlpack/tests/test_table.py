"""Every source to every consumer, in one line: shared, copied, or refused with the reason. The table is printed.

A library that is not installed has no row and no column.
"""

from __future__ import annotations

import array
import ctypes
import importlib
import mmap
import os
import re
from typing import Any, Callable, NamedTuple

import pytest

import dlpack

NUMBERS = range(1, 17)

# TensorFlow reports to the terminal what it finds, and what it does not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Source(NamedTuple):
    """How an object of 16 elements is made, of which none is zero."""

    row: str
    module: str | None
    make: Callable[[Any], Any]


SOURCES = [
    Source("bytes", None, lambda _: bytes(NUMBERS)),
    Source("bytearray", None, lambda _: bytearray(NUMBERS)),
    Source("memoryview", None, lambda _: memoryview(bytearray(NUMBERS)).cast("B", (4, 4))),
    Source("array.array", None, lambda _: array.array("d", NUMBERS)),
    Source("mmap", None, lambda _: filled(mmap.mmap(-1, 16))),
    Source("ctypes array", None, lambda _: (ctypes.c_int32 * 16)(*NUMBERS)),
    Source("from_pointer", None, lambda _: pointer()),
    Source("array interface", None, lambda _: Interface()),
    Source("CUDA mock", None, lambda _: CudaInterface()),
    Source("numpy", "numpy", lambda np: np.arange(1, 17, dtype="f4")),
    Source("numpy, strided", "numpy", lambda np: np.arange(1, 33, dtype="f4")[::2]),
    Source("numpy, reversed", "numpy", lambda np: np.arange(1, 17, dtype="f4")[::-1]),
    Source("numpy, read-only", "numpy", lambda np: read_only(np.arange(1, 17, dtype="f4"))),
    Source("numpy, big-endian", "numpy", lambda np: np.arange(1, 17, dtype=">f4")),
    Source("numpy, times", "numpy", lambda np: np.arange(1, 17).astype("M8[s]")),
    Source("numpy, objects", "numpy", lambda np: np.array([*map(str, NUMBERS)], object)),
    Source("numpy, records", "numpy", lambda np: np.zeros(16, [("a", "i4"), ("b", "f4")])),
    Source("numpy, masked", "numpy", lambda np: np.ma.masked_less(np.arange(1, 17), 3)),
    Source("PIL image", "PIL.Image", lambda image: image.new("RGB", (2, 4), (1, 2, 3)).crop((0, 0, 2, 2))),
    Source("PIL image, bits", "PIL.Image", lambda image: image.new("1", (4, 4), 1)),
    Source("pandas column", "pandas", lambda pd: pd.Series(NUMBERS, dtype="f8")),
    Source("  .to_numpy()", "pandas", lambda pd: pd.Series(NUMBERS, dtype="f8").to_numpy()),
    Source("pandas frame", "pandas", lambda pd: pd.DataFrame({"a": NUMBERS})),
    Source("pyarrow array", "pyarrow", lambda pa: pa.array(NUMBERS, pa.float32())),
    Source("pyarrow, nulls", "pyarrow", lambda pa: pa.array([None, *NUMBERS], pa.float32())),
    Source("pyarrow, booleans", "pyarrow", lambda pa: pa.array([True] * 16)),
    Source("pyarrow, chunked", "pyarrow", lambda pa: pa.chunked_array([[1.0], [2.0]])),
    Source("torch", "torch", lambda torch: torch.arange(1, 17, dtype=torch.float32)),
    Source("torch, bfloat16", "torch", lambda torch: torch.ones(16, dtype=torch.bfloat16)),
    Source("torch, gradient", "torch", lambda torch: torch.ones(16, requires_grad=True)),
    Source("torch, sparse", "torch", lambda torch: torch.ones(4, 4).to_sparse()),
    Source("jax", "jax.numpy", lambda jnp: jnp.arange(1.0, 17.0)),
    Source("tensorflow", "tensorflow", lambda tf: tf.range(1.0, 17.0)),
    Source("tvm-ffi", "tvm_ffi", lambda tvm: tvm.from_dlpack(dlpack.asdlpack(bytearray(NUMBERS)))),
    Source("dpnp", "dpnp", lambda dpnp: dpnp.arange(1, 17, dtype="f4")),
    Source("a list", None, lambda _: list(NUMBERS)),
]


class Consumer(NamedTuple):
    """How a library imports a tensor, and what it then has."""

    column: str
    module: str
    line: str
    address: Callable[[Any], int]
    values: Callable[[Any], Any]


def address_of(x: Any) -> int:
    return dlpack.asdlpack(x).address


CONSUMERS = [
    Consumer("memoryview", "builtins", "lib.memoryview(t)", address_of, lambda x: x.tolist()),
    Consumer("NumPy", "numpy", "lib.from_dlpack(t)", lambda x: x.ctypes.data, lambda x: x.tolist()),
    Consumer("asarray", "numpy", "lib.asarray(t)", lambda x: x.ctypes.data, lambda x: x.tolist()),
    Consumer("torch", "torch", "lib.from_dlpack(t)", lambda x: x.data_ptr(), lambda x: x.tolist()),
    Consumer(
        "JAX",
        "jax.numpy",
        "lib.from_dlpack(t)",
        lambda x: x.unsafe_buffer_pointer(),
        # It has no numbers of eight bytes, unless it is told to have them.
        lambda x: x.astype("float32").tolist(),
    ),
    Consumer(
        "TensorFlow",
        "tensorflow",
        "lib.experimental.dlpack.from_dlpack(t.__dlpack__())",
        address_of,
        lambda x: x.numpy().tolist(),
    ),
    Consumer("tvm-ffi", "tvm_ffi", "lib.from_dlpack(t)", lambda x: x.data_ptr(), lambda x: values_of(x)),
    Consumer("pyarrow", "pyarrow", "lib.Tensor.from_dlpack(t)", address_of, lambda x: values_of(x)),
]


def values_of(x: Any) -> Any:
    return dlpack.asdlpack(x).tolist()


class Interface:
    def __init__(self) -> None:
        self.block = (ctypes.c_float * 16)(*NUMBERS)
        self.__array_interface__ = {
            "version": 3,
            "typestr": dlpack.asdlpack(self.block).__array_interface__["typestr"],
            "shape": (4, 4),
            "data": (ctypes.addressof(self.block), False),
        }


class CudaInterface:
    """An array such as CuPy's and Numba's, on a machine without the driver: nobody follows the address."""

    __cuda_array_interface__ = Interface().__array_interface__ | {"data": (0x7F0000000000, False)}


def pointer() -> dlpack.Tensor:
    block = (ctypes.c_float * 16)(*NUMBERS)
    return dlpack.from_pointer(ctypes.addressof(block), (4, 4), "float32", device="cpu", owner=block)


def filled(block: mmap.mmap) -> mmap.mmap:
    block[:16] = bytes(NUMBERS)
    return block


def read_only(x: Any) -> Any:
    x.flags.writeable = False
    return x


def installed(name: str | None) -> Any:
    try:
        return importlib.import_module(name or "builtins")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not installed.
        return None


class Cell(NamedTuple):
    """What became of a source and a consumer, by which line, and why by no simpler one."""

    outcome: str
    line: str = ""
    reason: str | None = None
    readonly: bool = False
    is_aligned: bool = True


def cell(x: Any, consumer: Consumer, lib: Any) -> Cell:
    """Tries the lines that a user would, the simplest first."""
    try:
        t = dlpack.asdlpack(x)
    except Exception as error:  # noqa: BLE001 - it is what the table is about.
        return Cell("refused", "asdlpack(x)", sentence(error))
    is_aligned, is_host = t.address % 64 == 0, t.__dlpack_device__()[0] == 1
    lines = {"asdlpack(x)": lambda: t}
    if not is_host:
        lines["asdlpack(x, device='cpu')"] = lambda: dlpack.asdlpack(x, device="cpu")
    else:
        lines["asdlpack(x).copy()"] = t.copy
        bits = f"uint{8 * t.itemsize}"
        lines[f"asdlpack(x).view({bits!r})"] = lambda: t.view(bits)
    first = None
    for line, make in lines.items():
        if consumer.column == "TensorFlow" and line == "asdlpack(x)" and not (is_host and is_aligned):
            first = UNALIGNED if is_host else FREED_TWICE
            continue
        try:
            outcome = use(make(), t, consumer, lib)
        except Exception as error:  # noqa: BLE001
            found = sentence(error)
            # The reasons of a library are its own. What this package says is of its own lines.
            first = found if first is None or not is_host else first
            continue
        return Cell(outcome, line, first, t.readonly, is_aligned)
    return Cell("refused", line, first, t.readonly, is_aligned)


# What nobody can ask TensorFlow (2.21). It ends the process (`Check failed: IsAligned()`).
UNALIGNED = "TensorFlow needs memory that is aligned to 64 bytes"
# It calls the deleter when it refuses a device, and leaves the capsule its name, so that the capsule calls the deleter again.
FREED_TWICE = "TensorFlow frees a tensor twice that is on a device which it does not have"


def use(t: dlpack.Tensor, original: dlpack.Tensor, consumer: Consumer, lib: Any) -> str:
    made = eval(consumer.line, {"lib": lib, "t": t})  # noqa: S307 - the lines above.
    if t.__dlpack_device__()[0] == 1:
        assert flat(consumer.values(made)) == flat(t.tolist())
    return "shared" if consumer.address(made) == original.address else "copied"


def sentence(error: BaseException) -> str:
    """What the user reads. A library may go on with a trace of its own."""
    lines = [*str(error).strip().splitlines(), *getattr(error, "__notes__", [])[:1]]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:250]


def flat(values: Any) -> list[Any]:
    return [value for item in values for value in flat(item)] if isinstance(values, list) else [values]


def table() -> dict[str, dict[str, Cell]]:
    # Its drivers and TensorFlow bring two copies of a compiler, and the process ends if the drivers come second.
    dpnp = installed("dpnp")
    if dpnp is not None:
        dpnp.arange(1)
    consumers = [(consumer, installed(consumer.module)) for consumer in CONSUMERS]
    rows = {}
    for source in SOURCES:
        lib = installed(source.module)
        if lib is not None:
            x = source.make(lib)
            rows[source.row] = {
                consumer.column: cell(x, consumer, lib) for consumer, lib in consumers if lib is not None
            }
    return rows


def draw(rows: dict[str, dict[str, Cell]]) -> str:
    columns = list(rows["bytes"])
    notes: list[str] = []

    def show(found: Cell) -> str:
        outcome = f"{found.outcome}{MARKS.get(found.line[11:15], '')}"
        if found.reason is None:
            return outcome
        if found.reason not in notes:
            notes.append(found.reason)
        return f"{outcome} [{notes.index(found.reason) + 1}]"

    lines = [["", *columns]] + [[row, *(show(found) for found in cells.values())] for row, cells in rows.items()]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in lines]
    text.append("\nby asdlpack(x), or where that is refused: c .copy(), v .view() as integers, d device='cpu'\n")
    return "\n".join(text + [f"[{i}] {note}" for i, note in enumerate(notes, 1)])


MARKS = {".cop": " c", ".vie": " v", " dev": " d"}

# Sources that are refused by name, whoever is to have them: the exception, and what it says to call.
REFUSED = {
    "numpy, big-endian": ("DTypeError: numpy.ndarray: ", "byte order: call .astype("),
    "numpy, times": ("DTypeError: numpy.ndarray: ", 'call .view("int64")'),
    "numpy, objects": ("DTypeError: numpy.ndarray: ", "call .astype("),
    "numpy, records": ("DTypeError: numpy.ndarray: ", "call x['a']"),
    "numpy, masked": ("LayoutError: numpy.ma.MaskedArray: ", "call .filled()"),
    "pandas column": ("NotATensorError: ", "found pandas.Series: call .to_numpy()"),
    "pandas frame": ("NotATensorError: ", "found pandas.DataFrame: call .to_numpy()"),
    "pyarrow, nulls": ("LayoutError: pyarrow.lib.FloatArray: ", "call .fill_null(0)"),
    "pyarrow, booleans": ("DTypeError: pyarrow.lib.BooleanArray: ", 'call .cast("uint8")'),
    "pyarrow, chunked": ("NotATensorError: ", "found pyarrow.lib.ChunkedArray: call .combine_chunks()"),
    "torch, gradient": ("BufferError: torch.Tensor: ", "call .detach()"),
    "torch, sparse": ("LayoutError: torch.Tensor: ", "call .to_dense()"),
    "a list": ("NotATensorError: ", "found list: call numpy.asarray(x), or array.array"),
}


def expected(row: str, column: str, found: Cell) -> tuple[str, str]:
    """Returns what becomes of a source, and the line."""
    plain = "asdlpack(x)"
    if row == "CUDA mock":
        return ("shared", plain) if column == "tvm-ffi" else ("refused", "asdlpack(x, device='cpu')")
    if row == "dpnp":
        return ("shared", plain) if column == "tvm-ffi" else ("copied", "asdlpack(x, device='cpu')")
    if row == "torch, bfloat16" and column in ("memoryview", "NumPy", "asarray", "pyarrow"):
        return "shared", "asdlpack(x).view('uint16')"
    if row == "PIL image, bits" and column == "pyarrow":
        return "shared", "asdlpack(x).view('uint8')"
    if row == "numpy, reversed" and column in ("torch", "JAX", "TensorFlow", "pyarrow"):
        return "copied", "asdlpack(x).copy()"
    if row == "numpy, strided" and column in ("JAX", "TensorFlow"):
        return "copied", "asdlpack(x).copy()"
    if column == "TensorFlow" and not found.is_aligned:
        return "copied", "asdlpack(x).copy()"
    if column in ("JAX", "TensorFlow"):
        # They ask by the older protocol, which has no word for read-only memory, and JAX copies what is not aligned to 64 bytes.
        return ("shared" if found.is_aligned and not found.readonly else "copied"), plain
    return "shared", plain


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Cell]]:
    return table()


def test_table(rows: dict[str, dict[str, Cell]], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n\n" + draw(rows))
    wrong = []
    for row, cells in rows.items():
        for column, found in cells.items():
            if row in REFUSED:
                begin, end = REFUSED[row]
                is_right = (found.reason or "").startswith(begin) and end in (found.reason or "")
            else:
                is_right = found[:2] == expected(row, column, found)
            if not is_right:
                wrong.append((row, column, found))
    assert not wrong


def test_each_reason_is_one_good_sentence(rows: dict[str, dict[str, Cell]]) -> None:
    ours = ("NotATensorError", "DTypeError", "LayoutError", "DeviceError", "CopyError", "ReadOnlyError")
    found = {cell.reason for cells in rows.values() for cell in cells.values() if cell.outcome == "refused"}
    assert found
    for reason in found:
        assert reason is not None
        name, text = reason.split(": ", 1)
        assert name in (*ours, "BufferError"), reason
        assert len(text) < 200, reason
        # The class as its users write it, and what to do.
        assert re.search(r"^(\w+\.)+\w+: its? |^[\w.]+: (it|some|the) |, found [\w.]+: call ", text), reason
        assert re.search(r": call .+|only the library", text), reason
