"""Results in the form of the caller's own library."""

import gc
import struct
import sys
import types

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi
from kit.exchange import Table, paddle_for, type_for
from kit.foreign import Foreign

SIX = struct.pack("=6f", *range(6))
ROWS = np.arange(6, dtype="f4").reshape(2, 3)

Tensor = type(ext.make(SIX, "float32", (2, 3)))


pytestmark = pytest.mark.usefixtures("nothing_is_lost")


def six(dtype="float32", **keywords):
    data = SIX if dtype == "float32" else bytes(24)
    return ext.make(data, dtype, (2, 3), **keywords)


def numpy_array():
    return np.zeros(1)


def torch_tensor():
    return pytest.importorskip("torch").zeros(1)


def jax_array():
    return pytest.importorskip("jax.numpy").zeros(1)


def strict_array():
    return pytest.importorskip("array_api_strict").zeros(1)


def tvm_tensor():
    return pytest.importorskip("tvm_ffi").from_dlpack(np.zeros(1))


def arrow_tensor():
    return pytest.importorskip("pyarrow").Tensor.from_numpy(np.zeros(1))


def our_tensor():
    return six()


LIBRARIES = {
    "numpy": numpy_array,
    "torch": torch_tensor,
    "jax": jax_array,
    "array_api_strict": strict_array,
    "tvm_ffi": tvm_tensor,
    "pyarrow": arrow_tensor,
    "ours": our_tensor,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_gets_an_array_of_its_own_over_the_same_memory(library):
    array = LIBRARIES[library]()
    live = ext.live()
    tensor = six()
    data = ext.describe(tensor)["data"]
    made = ext.like(tensor, array)
    assert type(made) is type(array)
    assert np.array_equal(np.from_dlpack(made) if library != "pyarrow" else made.to_numpy(), ROWS)
    assert ext.describe(made)["data"] == data
    # The result keeps the memory, and nothing but the result does.
    del tensor
    gc.collect()
    assert ext.live() == live + 1
    del made
    gc.collect()
    assert ext.live() == live


@pytest.mark.library("torch")
def test_torch_gets_it_by_its_table(monkeypatch):
    import torch

    def asked(*_, **__):
        raise AssertionError("not by table")

    monkeypatch.setattr(torch, "from_dlpack", asked)
    for like in [torch.zeros(1), torch.nn.Parameter(torch.zeros(1)), torch.zeros(2, requires_grad=True)]:
        made = ext.like(six(), like)
        assert type(made) is torch.Tensor
        assert (made.tolist(), made.requires_grad) == (ROWS.tolist(), False)


@pytest.mark.library("torch")
def test_torch_does_not_get_negative_strides_by_its_table():
    """It refuses them, and its table would forget the tensor."""
    import torch

    def reversed_six():
        return ext.hold(np.from_dlpack(six())[::-1, ::-1]).export()

    live = ext.live()
    for _ in range(3):
        with pytest.raises((RuntimeError, ValueError, BufferError)):
            ext.like(reversed_six(), torch.zeros(1))
    gc.collect()
    assert ext.live() == live
    # The stride of an axis with a single element is never used.
    one = ext.make(SIX, "float32", (1, 6), strides=[-6, 1])
    assert ext.like(one, torch.zeros(1)).tolist() == [ROWS.ravel().tolist()]


@pytest.mark.parametrize("ndim", [9, 10, 40])
def test_many_axes_go_to_paddle_by_a_function(ndim):
    """Its table refuses more than nine, and forgets the tensor."""
    asked = []

    def from_dlpack(x):
        asked.append(x)
        return np.from_dlpack(x)

    table = Table()
    paddle = paddle_for(table, __array_namespace__=lambda self: types.SimpleNamespace(from_dlpack=from_dlpack))
    for like, is_paddle in [(paddle(), True), (six(), False)]:
        made = ext.like(ext.make(SIX, "float32", (2, 3) + (1,) * (ndim - 2)), like)
        assert len(made.shape) == ndim
        assert len(asked) == (is_paddle and ndim > 9)
        if is_paddle and not asked:
            made.release()
        asked.clear()


@pytest.mark.library("torch")
def test_r74_torch_gets_read_only_memory_by_its_function(monkeypatch):
    import torch

    from_dlpack, asked = torch.from_dlpack, []
    monkeypatch.setattr(torch, "from_dlpack", lambda x: asked.append(x) or from_dlpack(x))
    tensor = six(read_only=True)
    made = ext.like(tensor, torch.zeros(1))
    assert made.tolist() == ROWS.tolist()
    assert asked == [tensor]
    asked.clear()


@pytest.mark.parametrize("read_only", [False, True])
def test_numpy_is_told_whether_it_may_write(read_only):
    made = ext.like(six(read_only=read_only), np.zeros(1))
    assert made.flags.writeable == (not read_only)


@pytest.mark.parametrize("like", [np.ma.zeros(1), np.rec.array([1.0]), np.float32(1), np], ids=repr)
def test_what_numpy_calls_an_array(like):
    made = ext.like(six(), like)
    assert type(made) is np.ndarray
    assert np.array_equal(made, ROWS)


@pytest.mark.library("torch")
def test_a_library_as_a_module():
    import torch

    assert type(ext.like(six(), torch)) is torch.Tensor


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "bfloat16", "complex64"])
@pytest.mark.library("torch")
def test_dtypes(dtype):
    import torch

    made = ext.like(ext.make(bytes(48), dtype, (2, 3)), torch.zeros(1))
    assert str(made.dtype) == f"torch.{dtype}"


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "pyarrow"])
@pytest.mark.parametrize("dtype", ["float6_e2m3fn", "float32x4", "int128"])
def test_a_refusal_loses_nothing(library, dtype):
    live = ext.live()
    tensor = ext.make(bytes(256), dtype, (4,))
    with pytest.raises(Exception) as caught:
        ext.like(tensor, LIBRARIES[library]())
    assert not isinstance(caught.value, (SystemError, AssertionError))
    del tensor, caught
    gc.collect()
    assert ext.live() == live


@pytest.mark.parametrize("like", [7, None, "text", [1.0], object(), int, types.ModuleType("empty")], ids=repr)
def test_what_is_no_array(like):
    tensor = six()
    with pytest.raises(TypeError, match=f"^expected an array of .*, found {type(like).__name__}$"):
        ext.like(tensor, like)
    assert ext.to_bytes(tensor) == SIX


class Namespace:
    def __init__(self, answer):
        self.answer = answer

    def from_dlpack(self, x):
        return self.answer(x)


class Speaks:
    def __init__(self, answer):
        self.answer = answer

    def __array_namespace__(self):
        return Namespace(self.answer)


def fails(*_):
    raise KeyError("mine")


def test_any_namespace_of_the_standard():
    tensor = six()
    assert ext.like(tensor, Speaks(lambda x: ("taken", x))) == ("taken", tensor)
    with pytest.raises(KeyError, match="mine"):
        ext.like(tensor, Speaks(fails))
    silent = type("Silent", (), {"__array_namespace__": lambda _: object()})()
    with pytest.raises(TypeError, match=r"found .*\bSilent"):
        ext.like(tensor, silent)
    broken = type("Broken", (), {"__array_namespace__": fails})()
    with pytest.raises(KeyError, match="mine"):
        ext.like(tensor, broken)


def test_a_class_with_a_function_of_that_name():
    takes = type("Takes", (), {"from_dlpack": staticmethod(lambda x: ["taken", x])})
    tensor = six()
    assert ext.like(tensor, takes()) == ["taken", tensor]


def test_a_package_with_a_function_of_that_name(monkeypatch):
    package = types.ModuleType("some_arrays")
    package.from_dlpack = lambda x: ("taken", x)
    monkeypatch.setitem(sys.modules, "some_arrays", package)
    array = type("Array", (), {"__module__": "some_arrays.core"})()
    tensor = six()
    assert ext.like(tensor, array) == ("taken", tensor)
    monkeypatch.delitem(sys.modules, "some_arrays")
    with pytest.raises(TypeError, match=r"found .*\bArray"):
        ext.like(tensor, array)


def test_a_table_gets_what_is_ordinary_only():
    """Read-only memory, rare dtypes and devices go where a refusal loses nothing."""
    for tensor in [six(read_only=True), six("float8_e4m3fn"), ext.make(bytes(96), "float32x4", (2,))]:
        table = Table()
        kind = type_for(table, from_dlpack=staticmethod(lambda x: ("by protocol", x)))
        assert ext.like(tensor, kind(Foreign)) == ("by protocol", tensor)
        assert table.calls == []
    table = Table()
    made = ext.like(six(), type_for(table)(Foreign))
    assert table.calls == ["managed_tensor_to_py_object_no_sync"]
    assert (made.shape, made.dtype, made.flags) == ((2, 3), abi.triple("float32"), 0)
    made.release()


def test_our_own_class_by_its_table():
    tensor = six()
    made = ext.like(tensor, tensor)
    assert type(made) is Tensor
    assert made is not tensor
    assert ext.describe(made)["data"] == ext.describe(tensor)["data"]


@pytest.mark.library("torch")
def test_hand_overs_do_not_leak():
    import torch

    tensor, like = six(), torch.zeros(1)
    before = [sys.getrefcount(x) for x in (tensor, like, torch.Tensor)]
    live = ext.live()
    for _ in range(1000):
        ext.like(tensor, like)
        ext.like(tensor, ROWS)
    assert [sys.getrefcount(x) for x in (tensor, like, torch.Tensor)] == before
    assert ext.live() == live
