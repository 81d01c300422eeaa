"""Every source to every consumer: shared, copied, or refused by name. The table is printed.

A library that is not installed has no row and no column.
"""

from __future__ import annotations

import array
import ctypes
import importlib
import mmap
from typing import Any, Callable

import pytest

import dlpack


def sources() -> dict[str, Callable[[], Any]]:
    """Makes objects of 16 elements each, of which none is zero."""
    numbers = range(1, 17)
    found: dict[str, Callable[[], Any]] = {
        "bytes": lambda: bytes(numbers),
        "bytearray": lambda: bytearray(numbers),
        "memoryview": lambda: memoryview(bytearray(numbers)).cast("B", (4, 4)),
        "array.array": lambda: array.array("d", numbers),
        "mmap": lambda: filled(mmap.mmap(-1, 16)),
        "ctypes": lambda: (ctypes.c_int32 * 16)(*numbers),
        "from_pointer": pointer,
        "array interface": Interface,
    }

    def of(name: str, *rows: tuple[str, Callable[[Any], Any]]) -> None:
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not installed.
            return
        for row, make in rows:
            found[row] = lambda: make(module)

    of("numpy", ("numpy", lambda np: np.arange(1, 17, dtype="f4")))
    of("numpy", ("numpy, strided", lambda np: np.arange(1, 33, dtype="f4")[::2]))
    of("numpy", ("numpy, reversed", lambda np: np.arange(1, 17, dtype="f4")[::-1]))
    of("numpy", ("numpy, read-only", lambda np: read_only(np.arange(1, 17, dtype="f4"))))
    of("PIL.Image", ("PIL", lambda image: image.new("L", (4, 4), 3)))
    of("pandas", ("pandas", lambda pd: pd.Series(numbers, dtype="f8").to_numpy()))
    of("pyarrow", ("pyarrow", lambda pa: pa.array(numbers, pa.float32())))
    of("torch", ("torch", lambda torch: torch.arange(1, 17, dtype=torch.float32)))
    of("torch", ("torch, bfloat16", lambda torch: torch.ones(16, dtype=torch.bfloat16)))
    of("jax.numpy", ("jax", lambda jnp: jnp.arange(1.0, 17.0)))
    of("tensorflow", ("tensorflow", lambda tf: tf.range(1.0, 17.0)))
    of("tvm_ffi", ("tvm_ffi", lambda tvm: tvm.from_dlpack(dlpack.asdlpack(bytearray(numbers)))))
    return found


def consumers() -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], int], Callable[[Any], Any]]]:
    """The function of each library, the address of its array, and the elements."""
    found: dict[str, Any] = {"memoryview": (memoryview, address_of_view, lambda view: view.tolist())}

    def of(
        column: str, module: str, function: str, address: Callable[[Any], int], values: Callable[[Any], Any]
    ) -> None:
        try:
            made = importlib.import_module(module)
            for name in function.split("."):
                made = getattr(made, name)
        except Exception:  # noqa: BLE001
            return
        found[column] = (made, address, values)

    def of_interface(x: Any) -> int:
        address: int = x.__array_interface__["data"][0]
        return address

    tolist = lambda x: x.tolist()  # noqa: E731
    of("np.from_dlpack", "numpy", "from_dlpack", of_interface, tolist)
    of("np.asarray", "numpy", "asarray", of_interface, tolist)
    of("torch", "torch", "from_dlpack", lambda x: x.data_ptr(), tolist)
    of("jnp.from_dlpack", "jax.numpy", "from_dlpack", lambda x: x.unsafe_buffer_pointer(), tolist)
    of("jnp.asarray", "jax.numpy", "asarray", lambda x: x.unsafe_buffer_pointer(), tolist)
    of("tvm_ffi", "tvm_ffi", "from_dlpack", lambda x: x.data_ptr(), lambda x: dlpack.asdlpack(x).tolist())
    of(
        "pyarrow",
        "pyarrow",
        "Tensor.from_dlpack",
        lambda x: dlpack.asdlpack(x).address,
        lambda x: dlpack.asdlpack(x).tolist(),
    )
    of(
        "tensorflow",
        "tensorflow",
        "experimental.dlpack.from_dlpack",
        lambda x: dlpack.asdlpack(x).address,
        lambda x: x.numpy().tolist(),
    )
    if "tensorflow" in found:
        function, *rest = found["tensorflow"]
        # TensorFlow takes capsules only.
        found["tensorflow"] = (lambda t: function(t.__dlpack__()), *rest)
    return found


class Interface:
    def __init__(self) -> None:
        self.block = (ctypes.c_float * 16)(*range(1, 17))
        self.__array_interface__ = {
            "version": 3,
            "typestr": dlpack.asdlpack(self.block).__array_interface__["typestr"],
            "shape": (4, 4),
            "data": (ctypes.addressof(self.block), False),
        }


def pointer() -> dlpack.Tensor:
    block = (ctypes.c_float * 16)(*range(1, 17))
    return dlpack.from_pointer(ctypes.addressof(block), (4, 4), "float32", device="cpu", owner=block)


def filled(block: mmap.mmap) -> mmap.mmap:
    block[:16] = bytes(range(1, 17))
    return block


def read_only(x: Any) -> Any:
    x.flags.writeable = False
    return x


def address_of_view(view: memoryview) -> int:
    return dlpack.asdlpack(view).address


def outcome(t: dlpack.Tensor, consumer: Any) -> str:
    function, address, values = consumer
    try:
        made = function(t)
    except Exception as error:  # noqa: BLE001 - whatever a library raises.
        return type(error).__name__
    assert flat(values(made)) == flat(t.tolist())
    return "shared" if address(made) == t.address else "copied"


def flat(values: Any) -> list[Any]:
    return [value for item in values for value in flat(item)] if isinstance(values, list) else [values]


def table() -> dict[str, dict[str, str]]:
    return {
        row: {column: outcome(dlpack.asdlpack(make()), consumer) for column, consumer in consumers().items()}
        for row, make in sources().items()
    }


# What a consumer cannot take, or takes as a copy, and why. Everything else is shared.
EXPECTED: dict[tuple[str, str], set[str]] = {
    # JAX shares memory only from 64 bytes on, and copies in jnp.asarray.
    ("*", "jnp.asarray"): {"shared", "copied"},
    ("*", "jnp.from_dlpack"): {"shared", "copied"},
    # It takes no strides.
    ("numpy, strided", "jnp.from_dlpack"): {"JaxRuntimeError", "ValueError", "BufferError", "copied"},
    ("numpy, reversed", "jnp.from_dlpack"): {"JaxRuntimeError", "ValueError", "BufferError", "copied"},
    # No negative strides.
    ("numpy, reversed", "torch"): {"ValueError", "RuntimeError", "BufferError"},
    ("numpy, reversed", "pyarrow"): {"ArrowInvalid", "ArrowNotImplementedError"},
    # They ask for the legacy protocol, which has no word for read-only memory: a copy.
    ("*", "tvm_ffi"): {"shared", "copied"},
    ("*", "tensorflow"): {"shared", "copied"},
    ("numpy, strided", "tensorflow"): {"InvalidArgumentError"},
    ("numpy, reversed", "tensorflow"): {"InvalidArgumentError"},
    # Neither has the dtype.
    ("torch, bfloat16", "memoryview"): {"BufferError"},
    ("torch, bfloat16", "np.from_dlpack"): {"BufferError", "RuntimeError", "shared"},
    ("torch, bfloat16", "np.asarray"): {"BufferError", "RuntimeError", "shared"},
    ("torch, bfloat16", "pyarrow"): {"ArrowTypeError", "ArrowNotImplementedError", "ArrowInvalid"},
    ("torch, bfloat16", "jnp.asarray"): {"shared", "copied", "BufferError", "RuntimeError", "TypeError"},
}


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table()
    columns = list(next(iter(rows.values())))
    widths = [max(len(column), *(len(rows[row][column]) for row in rows)) for column in columns]
    lines = [" " * 18 + "  ".join(column.ljust(width) for column, width in zip(columns, widths))]
    for row, cells in rows.items():
        line = "  ".join(cells[column].ljust(width) for column, width in zip(columns, widths))
        lines.append(f"{row:18}{line}".rstrip())
    with capsys.disabled():
        print("\n\n" + "\n".join(lines))
    for row, cells in rows.items():
        for column, found in cells.items():
            expected = EXPECTED.get((row, column)) or EXPECTED.get(("*", column)) or {"shared"}
            assert found in expected, (row, column, found)
