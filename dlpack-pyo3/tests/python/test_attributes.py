"""What people try first with a tensor, and what libraries that know nothing of DLPack make of one."""

import math
import operator
import pickle
import subprocess
import sys

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, builds, values
from kit.builds import exports_buffers
from kit.foreign import Foreign

pytestmark = pytest.mark.usefixtures("nothing_is_lost")

CUDA = (abi.CUDA, 0)
# Of the libraries that ask an object for its elements, what is called `dtype` there.
NUMPY = [name for name in values.encodable() if hasattr(np, name) and name != "bool"] + ["bool"]


def test_a_tensor_says_what_it_is():
    tensor = ext.make(bytes(24), "float32", (3, 2), strides=(1, 3))
    assert (tensor.shape, tensor.element_strides, tensor.dtype_name) == ((3, 2), (1, 3), "float32")
    assert (tensor.device, tensor.ndim, tensor.size, tensor.nbytes, len(tensor)) == ("cpu", 2, 6, 24, 3)
    assert repr(tensor) == "Tensor(shape=(3, 2), dtype='float32', device='cpu')"
    assert repr(ext.make(bytes(2), "bfloat16", ())) == "Tensor(shape=(), dtype='bfloat16', device='cpu')"
    assert repr(ext.on_device(b"abc", (abi.CUDA, 1))) == "Tensor(shape=(3,), dtype='uint8', device='cuda:1')"
    with pytest.raises(TypeError):
        type(tensor)()
    with pytest.raises(AttributeError):
        tensor.shape = (6,)


@pytest.mark.parametrize("strides", [None, (1, 2)])
def test_what_has_a_name_of_numpy_means_what_it_means_there(strides):
    """Libraries take an object with such names for an array."""
    tensor = ext.make(np.arange(6.0).tobytes(), "float64", (2, 3), strides=strides)
    array = np.from_dlpack(tensor)
    shared = {name for name in dir(tensor) if not name.startswith("__")} & set(dir(np.ndarray))
    assert shared >= {"shape", "ndim", "size", "nbytes", "tolist"}
    for name in shared:
        ours, theirs = getattr(tensor, name), getattr(array, name)
        assert (ours() == theirs()) if callable(theirs) else (ours == theirs and type(ours) is type(theirs)), name


def test_the_length_and_the_truth():
    assert len(ext.make(b"", "uint8", (0, 3))) == 0
    with pytest.raises(TypeError, match="len"):
        len(ext.make(b"1", "uint8", ()))
    for tensor in (ext.make(b"", "uint8", (0,)), ext.make(b"12", "uint8", (2,))):
        with pytest.raises(TypeError, match=r"truth.*tolist\(\)"):
            bool(tensor)
    assert bool(ext.make(b"0", "uint8", ())) is True
    assert bool(ext.make(b"\0", "uint8", (1,))) is False


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize(("dtype", "value"), [("uint8", 53), ("int64", -(2**62)), ("float32", 2.5), ("bool", True)])
def test_one_element_is_a_number(shape, dtype, value):
    """And is not parsed as text, as Python does with a buffer: the byte 53 is the digit 5."""
    tensor = ext.make(np.array(value, dtype).tobytes(), dtype, shape)
    assert (int(tensor), float(tensor), complex(tensor), bool(tensor)) == (int(value), float(value), value, True)
    assert [type(kind(tensor)) for kind in (int, float, complex)] == [int, float, complex]
    if shape == () and "int" in dtype:
        assert operator.index(tensor) == value
    else:
        with pytest.raises(TypeError, match="index"):
            operator.index(tensor)


@exports_buffers
def test_one_element_is_its_bytes():
    """`bytes` takes whatever has an index for a length."""
    tensor = ext.make(b"5", "uint8", (1,))
    assert (bytes(tensor), bytearray(tensor)) == (b"5", bytearray(b"5"))


@pytest.mark.parametrize("kind", [int, float, complex, bool])
def test_several_elements_are_no_number(kind):
    for tensor in (ext.make(b"", "uint8", (0,)), ext.make(b"12", "uint8", (2,))):
        with pytest.raises(TypeError, match=r"one element .*, found \d: call tolist\(\)"):
            kind(tensor)
    pair = ext.make(np.array(1 + 2j).tobytes(), "complex128", ())
    assert complex(pair) == 1 + 2j
    if kind in (int, float):
        with pytest.raises(TypeError, match="complex"):
            kind(pair)
    with pytest.raises(BufferError, match="vulkan"):
        kind(ext.on_device(b"a", (7, 0)))


def test_a_search_and_a_comparison():
    tensor = ext.make(b"12", "uint8", (2,))
    with pytest.raises(TypeError, match=r"tolist\(\)"):
        49 in tensor  # noqa: B015
    assert tensor == tensor
    assert tensor != ext.make(b"12", "uint8", (2,))


def test_the_address():
    array = np.arange(6.0)
    assert ext.hold(array[2:]).export().data_ptr() == array.ctypes.data + 16
    foreign = Foreign(bytes(32), byte_offset=8)
    assert ext.hold(foreign.capsule()).export().data_ptr() == foreign.start + 8
    device = ext.OwnDevice([1.0], CUDA)
    assert ext.hold(device, stream=-1).export().data_ptr() == device.address
    assert ext.make(b"", "uint8", (0,)).data_ptr() == 0
    with pytest.raises(BufferError, match="expected a device with addresses, found vulkan"):
        ext.on_device(b"abc", (7, 0)).data_ptr()


@pytest.mark.parametrize("dtype", sorted(values.encodable()))
@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 1, 2)])
def test_lists(dtype, shape):
    tensor = ext.make(values.sample_bytes(dtype), dtype, shape)
    expected = values.samples(dtype)
    kind = {"b": bool, "i": int, "u": int, "c": complex}.get(dtype[0], float) if dtype != "bfloat16" else float
    for size in reversed(shape[1:]):
        expected = [expected[i : i + size] for i in range(0, len(expected), size)]
    found = tensor.tolist()
    assert found == expected
    while isinstance(found, list):
        found = found[0]
    assert type(found) is kind


def test_lists_of_unusual_numbers():
    bits = np.arange(1 << 16, dtype="u2")
    for dtype, expected in [("float16", bits.view("f2").astype("f8")), ("bfloat16", (bits.astype("u4") << 16).view("f4").astype("f8"))]:
        found = np.array(ext.make(bits.tobytes(), dtype, (1 << 16,)).tolist())
        assert np.array_equal(found, expected, equal_nan=True)
        assert np.array_equal(np.signbit(found), np.signbit(expected)) or np.isnan(found[np.signbit(found) != np.signbit(expected)]).all()
    byte = bytes([0b11100100, 0b00011011])
    for dtype, expected in [
        ("uint1", [0, 0, 1, 0, 0, 1, 1, 1]),
        ("uint2", [0, 1, 2, 3, 3, 2, 1, 0]),
        ("int2", [0, 1, -2, -1, -1, -2, 1, 0]),
        ("uint4", [4, 14, 11, 1]),
        ("int4", [4, -2, -5, 1]),
    ]:
        assert ext.make(byte, dtype, (len(expected),)).tolist() == expected
    assert math.isnan(ext.make(b"\xff", "float8_e8m0fnu", ()).tolist())


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int64", "uint64"])
def test_no_memory_for_a_list(dtype):
    _testcapi = pytest.importorskip("_testcapi")
    tensor = ext.make(b"\x40" * 3200, dtype, (100, 32 // np.dtype(dtype).itemsize))
    expected, refused = tensor.tolist(), 0
    for start in range(1, 30):
        try:
            _testcapi.set_nomemory(start, start + 1)
            try:
                found = tensor.tolist()
            finally:
                _testcapi.remove_mem_hooks()
        except MemoryError:
            refused += 1
        else:
            assert found == expected
    assert refused > 1


def test_lists_of_other_layouts():
    data = np.arange(12, dtype="i2")
    for shape, strides in [((3, 4), (1, 3)), ((2, 2), (4, 2)), ((3, 2), (0, 1)), ((0, 3), (3, 1)), ((2, 0), (1, 1)), ((), ())]:
        tensor = ext.make(data.tobytes(), "int16", shape, strides=strides)
        assert tensor.tolist() == np.from_dlpack(tensor).tolist()
    # No elements, and more lists than anybody has memory for.
    for shape in [(2**40, 0), (65536, 65536, 0), (1024, 2048, 0, 5)]:
        with pytest.raises(MemoryError):
            ext.make(b"", "uint8", shape).tolist()
    assert len(ext.make(b"", "uint8", (1024, 1024, 0)).tolist()[-1]) == 1024
    assert ext.make(b"", "uint8", (0, 2**62)).tolist() == []
    with pytest.raises(BufferError, match="found float32x4"):
        ext.make(bytes(16), "float32x4", (1,)).tolist()
    for device in (CUDA, (abi.CUDA_HOST, 0)):
        with pytest.raises(BufferError, match="host can access"):
            ext.on_device(b"abc", device).tolist()


def test_arrays_of_numpy_share_the_memory():
    tensor = ext.make(np.arange(6.0).tobytes(), "float64", (2, 3))
    array = tensor.numpy()
    assert (array.ctypes.data, array.flags.writeable) == (tensor.data_ptr(), True)
    assert array.tolist() == tensor.tolist()


# What libraries ask for: buffers first, where there are buffers.


def exported():
    return {
        "Tensor": ext.make(values.sample_bytes("float32"), "float32", (2, 3)),
        "read-only": ext.make(values.sample_bytes("float32"), "float32", (2, 3), read_only=True),
        "class": ext.Own(values.samples("float32")),
    }


@pytest.mark.parametrize("name", exported())
def test_the_array_of_a_tensor(name):
    tensor = exported()[name]
    expected = np.from_dlpack(tensor)
    start = expected.ctypes.data
    shares = [tensor.__array__(), tensor.__array__(None), tensor.__array__("f4", copy=None), np.asarray(tensor)]
    for array in shares:
        assert (array.ctypes.data, array.dtype, array.tolist()) == (start, np.float32, expected.tolist())
        assert array.flags.writeable == expected.flags.writeable
    for array in [tensor.__array__("f8"), tensor.__array__(copy=True), np.array(tensor, copy=True), np.asarray(tensor, "f8")]:
        assert array.ctypes.data != start
        assert array.tolist() == expected.tolist()
    with pytest.raises(TypeError):
        tensor.__array__(None, None, None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ext.make(bytes(4), "bfloat16", (2,)),
        lambda: ext.make(bytes(4), "float8_e4m3fn", (4,)),
        lambda: ext.make(bytes(4), "int4", (8,)),
        lambda: ext.on_device(b"abc", CUDA),
        lambda: ext.OwnDevice([1.0], CUDA),
    ],
)
def test_what_is_no_array_of_numpy_is_not_made_one(make):
    """An array of one object, for example."""
    tensor = make()
    with pytest.raises((BufferError, RuntimeError, TypeError)) as theirs:
        np.from_dlpack(tensor)
    for function in (np.asarray, np.array, lambda t: t.__array__(), lambda t: np.add(t, 1)):
        with pytest.raises(theirs.type):
            function(tensor)


@pytest.mark.library("jax")
@pytest.mark.parametrize("name", exported())
def test_jax_makes_arrays_of_tensors(name):
    import jax.numpy as jnp

    tensor = exported()[name]
    for function in (jnp.asarray, jnp.array):
        array = function(tensor)
        assert (array.dtype, array.tolist()) == (np.float32, np.from_dlpack(tensor).tolist())


@pytest.mark.library("torch")
def test_torch_makes_tensors_of_tensors():
    import torch

    for tensor in exported().values():
        for function in (torch.as_tensor, torch.tensor):
            assert function(tensor).tolist() == np.from_dlpack(tensor).tolist()
    assert torch.as_tensor(ext.make(values.sample_bytes("bfloat16"), "bfloat16", (6,))).tolist() == values.samples("bfloat16")


@pytest.mark.library("zarr")
def test_zarr_takes_tensors():
    import zarr

    for tensor in exported().values():
        assert zarr.array(tensor)[:].tolist() == np.from_dlpack(tensor).tolist()


# In Rust.


def test_tensors_of_vectors():
    for shape in [(6,), (2, 3), (1, 6, 1), (3, 2)]:
        tensor = ext.from_vec([float(i) for i in range(6)], shape)
        assert (tensor.shape, tensor.dtype_name) == (shape, "float32")
        assert np.from_dlpack(tensor).ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert ext.from_vec([1.0], ()).tolist() == 1.0
    assert ext.from_vec([], (3, 0)).shape == (3, 0)
    assert ext.from_vec([], (0, 2**40)).size == 0
    for elements, shape, text in [
        ([1.0] * 6, (2, 2), "expected 4 elements, found 6"),
        ([1.0] * 3, (2, 2), "expected 4 elements, found 3"),
        ([1.0], (0,), "expected 0 elements, found 1"),
        ([], (), "expected 1 element, found 0"),
    ]:
        with pytest.raises(ValueError, match=f"^{text}$"):
            ext.from_vec(elements, shape)
    with pytest.raises((ValueError, BufferError), match="address space"):
        ext.from_vec([1.0], (2**62, 2**62))


def test_the_function_of_the_readme():
    array = np.frombuffer(bytearray(25), "u1")[1:].view("f4").reshape(2, 3)
    assert not array.flags.aligned
    array[:] = [[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]]
    assert ext.typed_means(array).tolist() == array.mean(axis=1).tolist()
    assert ext.typed_means(np.ones((2, 4), "f4")[:, ::2]).tolist() == [1.0, 1.0]
    means = ext.typed_means(np.zeros((3, 0), "f4")).tolist()
    assert len(means) == 3 and all(map(math.isnan, means))
    assert ext.typed_means(np.zeros((0, 3), "f4")).shape == (0,)


# Errors.


def test_a_conflict_about_copies_can_be_sent_to_another_process():
    with pytest.raises(BufferError) as caught:
        ext.on_device(b"abc", CUDA).__dlpack__(dl_device=(abi.CPU, 0), copy=False)
    error = caught.value
    assert type(error).__name__ == "CopyError"
    texts = ["it's \"quoted\"\n\\ %s {}", str(error)]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for text in texts:
            again = pickle.loads(pickle.dumps(type(error)(text), protocol))
            assert (type(again).__name__, type(again).__mro__[1:3]) == ("CopyError", (BufferError, ValueError))
            assert again.args == (text,)
            # On the way through a second process, too.
            assert pickle.loads(pickle.dumps(again, protocol)).args == (text,)
    done = subprocess.run(
        [sys.executable, "-c", "import pickle, sys; raise pickle.load(sys.stdin.buffer)"],
        input=pickle.dumps(error),
        capture_output=True,
        check=False,
    )
    assert f"dlpack_pyo3.CopyError: {error}" in done.stderr.decode()


def test_messages_name_the_module_of_a_class():
    class Dataset:
        pass

    with pytest.raises(TypeError, match=rf"found {__name__}\.{Dataset.__qualname__}$"):
        ext.describe(Dataset())
    with pytest.raises(TypeError, match="found int: pass"):
        ext.describe(7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_cells_by_their_indices(dtype):
    array = np.arange(6, dtype=dtype).reshape(2, 3)
    assert ext.cells_by_index(array) == ([2, 3], [0, 1, 2, 3, 4, 5])
    assert ext.cells_by_index(array.T) == ([3, 2], [0, 3, 1, 4, 2, 5])


def test_what_is_shown_to_those_who_debug():
    tensor, cells, options, policy, owner, exported = ext.debugged(np.ones((2, 3), "f4"))
    for shown, words in [
        (tensor, ["2, 3", "float32"]),
        (cells, ["Cells", "2, 3"]),
        (options, ["Import"]),
        (policy, ["Refuse"]),
        (owner, ["PyOwner", "0x"]),
        (exported, ["Tensor", "2, 3", "float32"]),
    ]:
        assert all(word in shown for word in words), shown


def test_pinned_memory_says_how_to_have_it():
    pinned = Foreign(bytes(24), device=(abi.CUDA_HOST, 0))
    with pytest.raises(BufferError, match=r"found device cuda_host:0, .* Import::device\(Device::CPU\) has the producer wait"):
        ext.typed_cells(pinned.capsule())
    with pytest.raises(BufferError, match="found device cuda:0") as caught:
        ext.typed_cells(Foreign(bytes(24), device=CUDA, address=0x1000).capsule())
    assert builds.names_argument(caught.value)
