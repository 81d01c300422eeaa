"""`python -m dlpack`, and the page of libraries that it prints."""

from __future__ import annotations

import array
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dlpack
from dlpack._explain import is_installed
from dlpack._inspect import draw

PAGE = Path(dlpack.__file__).with_name("libraries.md")


def run(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "dlpack", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def shown(*arguments: str) -> dict[str, Any]:
    status, out, err = run("inspect", "--json", *arguments)
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_text():
    status, out, err = run("inspect", "memoryview(bytearray(range(6))).cast('B', (2, 3))")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "memoryview"
    assert "  dtype    uint8, 1 byte each" in lines
    assert "  shape    (2, 3), 6 elements" in lines
    assert "  strides  (3, 1) elements, (3, 1) bytes, row-major" in lines
    assert "  memory   6 bytes on cpu, writable" in lines
    assert "  values   [[0, 1, 2], [3, 4, 5]]" in lines
    assert "     +0  0,0 0,1 0,2" in lines
    assert "     +3  1,0 1,1 1,2" in lines


def test_data():
    found = shown("array.array('d', [1, 2, float('inf')])")
    assert (found["class"], found["dtype"], found["shape"]) == ("array.array", "float64", [3])
    assert found["values"] == [1.0, 2.0, "inf"]
    assert (found["order"], found["readonly"], found["itemsize"]) == ("row-major", False, 8)
    assert found["routes"] == ["buffer"]
    assert found["struct"] is None
    assert found["address"] % found["alignment"] == 0
    for name, answer in found["libraries"].items():
        assert answer["consumer"] == name
        assert answer["result"] in ("aliased", "copied", "refused")


def test_data_of_tensors():
    found = shown("dlpack.asdlpack(b'abcd').view('complex64' if 0 else 'uint16')[::-1]")
    assert (found["order"], found["strides"], found["readonly"]) == ("dense", [-1], True)
    assert found["struct"] == {"version": [1, 3], "byte_offset": 0, "has_strides": True}
    assert shown("dlpack.asdlpack(b'12345678').view('complex64')")["values"][0][0] > 0
    assert shown("dlpack.asdlpack(b'ab').__dlpack__()")["class"] == "a capsule"
    assert shown("dlpack.from_pointer(4096, (2, 2), 'float32', device='cuda:0')")["values"] is None
    assert shown("dlpack.asdlpack(bytes(3)).view('float4_e2m1fnx2')")["itemsize"] == 1
    assert shown("[dlpack.asdlpack(bytes(i)) for i in range(3)][2]")["shape"] == [2]


@pytest.mark.skipif(not is_installed("numpy"), reason="NumPy is not installed")
def test_modules_are_imported():
    assert shown("np.arange(6, dtype='f4').reshape(2, 3).T")["order"] == "column-major"
    assert shown("numpy.ma.array([1, 2]).filled()")["class"] == "numpy.ndarray"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["[1, 2]"], "NotATensorError: expected an object with __dlpack__"),
        (["1 / 0"], "ZeroDivisionError: division by zero"),
        (["1 +"], "ValueError: expected a file or an expression, found '1 +'"),
        (["nowhere.npy"], "NameError: there is no file nowhere.npy, and no module nowhere"),
        (["b'a'", "--dtype", "int8"], "ValueError: --tensor, --dtype and --shape are for files"),
    ],
)
def test_refused_in_one_line(arguments, says):
    status, out, err = run("inspect", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"python -m dlpack inspect: {says}")
    assert err.count("\n") == 1


def test_wrong_arguments():
    for arguments in ([], ["inspect"], ["inspect", "1", "--other"], ["other"]):
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert "usage" in err
    assert run("--help")[0] == 0
    assert "EXPR|FILE" in run("inspect", "--help")[1]


def npy(path: Path, descr: str, shape: tuple[int, ...], data: bytes, columns: bool = False) -> str:
    header = repr({"descr": descr, "fortran_order": columns, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + data)
    return str(path)


NATIVE = "<" if sys.byteorder == "little" else ">"


def test_files_of_numpy(tmp_path):
    data = array.array("f", range(6)).tobytes()
    rows = shown(npy(tmp_path / "rows.npy", NATIVE + "f4", (2, 3), data))
    assert (rows["values"], rows["readonly"]) == ([[0, 1, 2], [3, 4, 5]], True)
    assert rows["class"].endswith("rows.npy, a file of NumPy")
    columns = shown(npy(tmp_path / "columns.npy", NATIVE + "f4", (2, 3), data, columns=True))
    assert (columns["values"], columns["order"]) == ([[0, 2, 4], [1, 3, 5]], "column-major")
    assert shown(npy(tmp_path / "scalar.npy", NATIVE + "f4", (), data[4:8]))["values"] == 1
    assert shown(npy(tmp_path / "empty.npy", NATIVE + "f4", (0, 3), b""))["shape"] == [0, 3]


@pytest.mark.skipif(not is_installed("numpy"), reason="NumPy is not installed")
def test_files_that_numpy_wrote(tmp_path):
    import numpy as np

    np.save(tmp_path / "x.npy", np.arange(6, dtype="i2").reshape(2, 3).T)
    assert shown(str(tmp_path / "x.npy"))["values"] == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("descr", "shape", "data", "says"),
    [
        (NATIVE + "f4", (3,), bytes(8), "LayoutError: the elements would end at byte"),
        ({"<": ">", ">": "<"}[NATIVE] + "f4", (2,), bytes(8), "DTypeError"),
        ("|O", (1,), bytes(8), "DTypeError: the elements are Python objects"),
        ("<M8[s]", (1,), bytes(8), "DTypeError"),
        (NATIVE + "f4", (-1,), bytes(8), "LayoutError"),
        (NATIVE + "f4", (2**70,), bytes(8), "LayoutError"),
        (NATIVE + "f4", ("a",), bytes(8), "LayoutError: the header of the file of NumPy is broken"),
        (NATIVE + "f4", (1.5,), bytes(8), "LayoutError: the header of the file of NumPy is broken"),
    ],
)
def test_broken_files_of_numpy(tmp_path, descr, shape, data, says):
    status, out, err = run("inspect", npy(tmp_path / "x.npy", descr, shape, data))
    assert (status, out) == (1, "")
    assert err.startswith(f"python -m dlpack inspect: {says}")
    assert err.count("\n") == 1


def test_a_broken_header(tmp_path):
    for header in (b"{", b"()", b"{'descr': 1}", b"\xff" * 9):
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
        assert "the header of the file of NumPy is broken" in run("inspect", str(tmp_path / "x.npy"))[2]
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY")
    assert "the header of the file of NumPy is broken" in run("inspect", str(tmp_path / "x.npy"))[2]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"[" * 100_000, "the header of the file of safetensors is broken"),
        (b'{"x": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}', "says too little of x"),
        (b'{"x": {"dtype": "F32", "shape": {"a": 1}, "data_offsets": [0, 4]}}', "says too little of x"),
        (b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": ["0", 4]}}', "says too little of x"),
    ],
)
def test_broken_files_of_safetensors(tmp_path, header, says):
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    status, out, err = run("inspect", str(tmp_path / "x.safetensors"))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("python -m dlpack inspect: LayoutError: ") and says in err


def safetensors(path: Path, header: Any, data: bytes) -> str:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(path)


@pytest.mark.skipif(sys.byteorder != "little", reason="such files are little-endian")
def test_files_of_safetensors(tmp_path):
    data = array.array("f", range(6)).tobytes() + b"\x80\x3f"
    a = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    b = {"dtype": "BF16", "shape": [1], "data_offsets": [24, 26]}
    path = safetensors(tmp_path / "x.safetensors", {"__metadata__": {"a": "b"}, "a": a, "b": b}, data)
    assert shown(path, "--tensor", "a")["values"] == [[0, 1, 2], [3, 4, 5]]
    assert shown(path, "--tensor", "b")["values"] == [1.0]
    assert "pass --tensor with one of the 2 names in the file: a, b" in run("inspect", path)[2]
    alone = safetensors(tmp_path / "one.safetensors", {"a": a}, data)
    assert shown(alone)["dtype"] == "float32"
    for wrong in (
        {"a": {**a, "data_offsets": [0, 200]}},
        {"a": {**a, "data_offsets": [8, 0]}},
        {"a": {**a, "dtype": "F6"}},
        {"a": {**a, "shape": [7]}},
        {"a": {"dtype": "F32"}},
        {"a": 1},
        b"[]",
        b"{",
    ):
        status, _, err = run("inspect", safetensors(tmp_path / "y.safetensors", wrong, data))
        assert (status, err.count("\n")) == (1, 1), err


def test_plain_files(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(array.array("h", range(6)).tobytes())
    assert shown(str(path))["shape"] == [12]
    found = shown(str(path), "--dtype", "int16", "--shape", "2,-1")
    assert found["values"] == [[0, 1, 2], [3, 4, 5]]
    path.write_bytes(b"")
    assert shown(str(path))["shape"] == [0]
    for wrong in (["--dtype", "int33"], ["--shape", "5"], ["--shape", "a"]):
        assert run("inspect", str(path), *wrong)[0] == 1


def test_drawings():
    def of(count: int) -> dlpack.Tensor:
        return dlpack.asdlpack(bytearray(count))

    assert draw(of(4)) == ["   +0  0 1 2 3"]
    assert draw(of(4).view("int16")[::-1]) == ["   -2  1 0"]
    assert draw(of(6).reshape(2, 3).permute()) == ["   +0  0,0 1,0 2,0 0,1 1,1 2,1"]
    assert draw(of(8).reshape(2, 4)[:, :3]) == ["   +0  0,0 0,1 0,2 .", "   +4  1,0 1,1 1,2"]
    same = dlpack.from_pointer(4096, (2, 2), "uint8", (0, 1), device="cuda:0")
    assert draw(same) == ["   +0  0,0=1,0 0,1=1,1"]
    assert draw(of(65)) == []
    assert draw(of(0)) == []
    assert draw(of(4000)[::1000]) == []


def test_the_page_has_the_table():
    status, out, _ = run("libraries")
    assert status == 0
    # The version that is installed may be another one than that of the page.
    lines = [line for line in out.splitlines() if "ONNX" not in line]
    text = PAGE.read_text(encoding="utf-8")
    for line in lines:
        assert line in text, "write what `python -m dlpack libraries` prints to libraries.md"
    rows = json.loads(run("libraries", "--json")[1])
    assert [row["Library"] for row in rows][:3] == ["NumPy", "PyTorch", "JAX"]


def test_the_examples_of_the_page_run():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec(compile(block, str(PAGE), "exec"), {})


# An object of each row, and what the page says of it.
ROWS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "numpy.ndarray": ("numpy", lambda np: np.ones(3)),
    "torch.Tensor": ("torch", lambda torch: torch.ones(3)),
    "jax.Array": ("jax.numpy", lambda jnp: jnp.ones(3)),
    "tensorflow.Tensor": ("tensorflow", lambda tf: tf.ones(3)),
    "pyarrow.Array": ("pyarrow", lambda pa: pa.array([1.0])),
    "pandas.Series": ("pandas", lambda pd: pd.Series([1.0])),
    "PIL.Image.Image": ("PIL.Image", lambda image: image.new("L", (2, 2))),
    "tvm_ffi.Tensor": ("tvm_ffi", lambda tvm: tvm.from_dlpack(dlpack.asdlpack(bytearray(8)))),
    "mlx.core.array": ("mlx.core", lambda mx: mx.ones(3)),
    "onnxruntime.OrtValue": (
        "onnxruntime",
        lambda ort: ort.OrtValue.from_dlpack(dlpack.asdlpack(bytearray(8))),
    ),
    "paddle.Tensor": ("paddle", lambda paddle: paddle.ones([3])),
    "warp.array": ("warp", lambda wp: wp.init() or wp.ones(3)),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_rows_of_the_page(row):
    name, make = ROWS[row]
    module = pytest.importorskip(name)
    (line,) = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{row}`")
    ]
    _, _, call, note, _ = line.split("|")
    x = make(module)
    t = eval(call.strip().strip("`"), {"dlpack": dlpack, "x": x})
    assert isinstance(t, dlpack.Tensor)
    if row != "pandas.Series" or module.__version__ >= "3":
        assert t.readonly == ("read-only" in note)
