"""Layouts, from libraries and to them: strides, signs, sizes and offsets, with every element compared."""

import gc

import dlpack_pyo3_tests as ext
import pytest

from adapters.catalogue import LIBRARIES, library
from kit import abi, values
from kit.peek import peek


def _numbers(np, dtype="int32"):
    return np.arange(1, 25).astype(dtype)


# What NumPy makes of the numbers 1 to 24; NumPy says strides in bytes.
NUMPY = {
    "0-d": lambda a: a[3:4].reshape(()),
    "one element": lambda a: a[5:6],
    "one axis": lambda a: a,
    "offset": lambda a: a[7:],
    "step": lambda a: a[1::3],
    "reversed": lambda a: a[::-1],
    "reversed step": lambda a: a[20:2:-4],
    "row-major": lambda a: a.reshape(2, 3, 4),
    "transposed": lambda a: a.reshape(4, 6).T,
    "column-major": lambda a: a.reshape((2, 3, 4), order="F"),
    "axes swapped": lambda a: a.reshape(2, 3, 4).transpose(1, 2, 0),
    "both signs": lambda a: a.reshape(4, 6)[::-1, ::2],
    "all reversed": lambda a: a.reshape(2, 3, 4)[::-1, ::-1, ::-1],
    "window": lambda a: a.reshape(4, 6)[1:3, 2:5],
    "size-1 axes": lambda a: a.reshape(1, 24, 1)[:, 3:9],
    "new axes": lambda a: a[None, :4, None],
    "diagonal": lambda a: a[:16].reshape(4, 4).diagonal(),
    "empty": lambda a: a[:0],
    "empty middle": lambda a: a.reshape(2, 3, 4)[:, 1:1, :],
    "empty step": lambda a: a[::-2][:0],
    "many axes": lambda a: a[:1].reshape((1,) * 32),
}


@pytest.mark.library("numpy")
@pytest.mark.parametrize("dtype", ["int32", "complex128", "bool", "uint8"])
@pytest.mark.parametrize("layout", NUMPY)
def test_numpy_gives(layout, dtype):
    import numpy as np

    array = NUMPY[layout](_numbers(np, dtype))
    held = ext.hold(array)
    seen = held.describe()
    assert seen["shape"] == array.shape
    assert seen["numel"] == array.size
    sizes = [axis for axis in range(array.ndim) if array.shape[axis] > 1]
    if array.size:
        strides = [stride // array.itemsize for stride in array.strides]
        assert [seen["strides"][axis] for axis in sizes] == [strides[axis] for axis in sizes]
        assert seen["data"] == array.__array_interface__["data"][0]
    assert seen["access"] == ("writable" if array.flags.writeable else "read-only")
    assert held.to_bytes() == array.tobytes()
    # The route does not show: `__dlpack__` itself says the same.
    slow = ext.describe(array.__dlpack__(max_version=(1, 3)))
    same = ("shape", "dtype", "device", "numel", "nbytes", "access")
    assert {key: seen[key] for key in same} == {key: slow[key] for key in same}


@pytest.mark.library("numpy")
def test_numpy_broadcasts():
    import numpy as np

    array = np.broadcast_to(np.array([1, 2, 3], "int16"), (4, 3))
    held = ext.hold(array)
    seen = held.describe()
    assert (seen["shape"], seen["strides"], seen["access"]) == ((4, 3), (0, 1), "read-only")
    assert held.to_bytes() == array.tobytes()


@pytest.mark.library("numpy")
def test_numpy_with_strides_between_elements():
    import numpy as np

    records = np.zeros(4, [("a", "u1"), ("b", "f4")])
    field = records["b"]  # 5 bytes apart, which counts no whole elements.
    with pytest.raises(BufferError):
        ext.describe(field)


@pytest.mark.library("numpy")
def test_numpy_unaligned():
    import numpy as np

    raw = np.zeros(33, np.uint8)
    array = raw[1:].view("f8")
    array[:] = [1.0, 2.0, 3.0, 4.0]
    assert not array.flags.aligned
    held = ext.hold(array)
    assert held.describe()["data"] == array.__array_interface__["data"][0]
    assert held.to_bytes() == array.tobytes()


@pytest.mark.library("numpy")
def test_numpy_read_only():
    import numpy as np

    array = np.arange(3.0)
    array.flags.writeable = False
    assert ext.describe(array)["access"] == "read-only"
    with pytest.raises(BufferError):
        array.__dlpack__()


@pytest.mark.library("numpy")
def test_numpy_subclasses_and_masks():
    import numpy as np

    class Own(np.ndarray):
        pass

    own = np.arange(4, dtype="f4").view(Own)
    assert ext.to_bytes(own) == own.tobytes()
    matrix = np.arange(4, dtype="f4").view(np.matrix)
    assert ext.describe(matrix)["shape"] == (1, 4)

    class Refuses(np.ndarray):
        def __dlpack__(self, **_):
            raise BufferError("this kind does not travel")

    with pytest.raises(BufferError, match="does not travel"):
        ext.describe(np.arange(4.0).view(Refuses))


TORCH = {
    "0-d": lambda t: t[3],
    "offset": lambda t: t[7:],
    "step": lambda t: t[1::3],
    "transposed": lambda t: t.reshape(4, 6).t(),
    "permuted": lambda t: t.reshape(2, 3, 4).permute(1, 2, 0),
    "expanded": lambda t: t[:3].expand(4, 3),
    "window": lambda t: t.unfold(0, 4, 2),
    "unsqueezed": lambda t: t[None, :, None],
    "diagonal": lambda t: t[:16].reshape(4, 4).diagonal(),
    "channels last": lambda t: t.reshape(1, 2, 3, 4).contiguous(memory_format=_channels_last()),
    "empty": lambda t: t[:0],
    "empty middle": lambda t: t.reshape(2, 3, 4)[:, 1:1],
}


def _channels_last():
    import torch

    return torch.channels_last


@pytest.mark.library("torch")
@pytest.mark.parametrize("dtype", ["int32", "bfloat16", "complex64"])
@pytest.mark.parametrize("layout", TORCH)
def test_torch_gives(layout, dtype):
    import torch

    tensor = TORCH[layout](torch.arange(1, 25).to(getattr(torch, dtype)))
    held = ext.hold(tensor)
    seen = held.describe()
    assert seen["shape"] == tuple(tensor.shape)
    if tensor.numel():
        assert seen["data"] == tensor.data_ptr()
        pairs = zip(tensor.shape, seen["strides"], tensor.stride())
        assert all(found == expected for size, found, expected in pairs if size > 1)
    expected = tensor.contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else []
    assert held.to_bytes() == bytes(expected)


@pytest.mark.library("jax")
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (2, 3, 4), (1, 24, 1)])
def test_jax_gives(shape):
    import jax.numpy as jnp
    import numpy as np

    numbers = np.arange(np.prod(shape, dtype=int), dtype="float32").reshape(shape)
    array = jnp.array(numbers)
    held = ext.hold(array)
    assert held.describe()["shape"] == shape
    assert held.to_bytes() == numbers.tobytes()
    if numbers.size:
        assert held.describe()["data"] == array.unsafe_buffer_pointer()


@pytest.mark.library("pyarrow")
def test_arrow_gives_slices():
    import pyarrow as pa

    array = pa.array(range(10), pa.int32())[3:7]
    held = ext.hold(array)
    seen = held.describe()
    assert seen["data"] == array.buffers()[1].address + 12
    assert held.to_bytes() == b"".join(i.to_bytes(4, "little") for i in range(3, 7))
    assert ext.describe(pa.array([], pa.int32()))["shape"] == (0,)


@pytest.mark.library("pyarrow", "numpy")
def test_arrow_tensors_keep_strides():
    import numpy as np
    import pyarrow as pa

    array = np.arange(24, dtype="f8").reshape(4, 6)[::2, 1::2]
    tensor = pa.Tensor.from_numpy(array)
    held = ext.hold(tensor)
    assert (held.describe()["shape"], held.describe()["strides"]) == ((2, 3), (12, 2))
    assert held.to_bytes() == array.tobytes()


# Layouts of our own tensors: shape, strides in elements, and which element of twelve comes first.
OURS = {
    "0-d": ((), ()),
    "row-major": ((3, 4), (4, 1)),
    "column-major": ((4, 3), (1, 4)),
    "padded rows": ((3, 2), (4, 1)),
    "step": ((4,), (3,)),
    "size-1 axes": ((1, 12, 1), (12, 1, 1)),
    "odd strides of size-1 axes": ((1, 12), (-999, 1)),
    "empty": ((0, 4), (4, 1)),
    "empty middle": ((3, 0, 2), (0, 2, 1)),
}
# The consumers that say no, as they do to any producer.
ONLY_COMPACT = {
    "jax": {"padded rows", "step"},
    "array_api_strict": set(),
}


def _consumers():
    for name in ("numpy", "torch", "jax", "pyarrow.Tensor", "tvm_ffi", "array_api_strict"):
        for layout in OURS:
            marks = [pytest.mark.library(module) for module in LIBRARIES[name].modules]
            yield pytest.param(name, layout, id=f"{name}-{layout}", marks=marks)


@pytest.mark.parametrize(("name", "layout"), [*_consumers()])
def test_ours_are_taken(name, layout):
    consumer = library(name)
    shape, strides = OURS[layout]
    data = b"".join(i.to_bytes(4, "little") for i in range(1, 13))
    tensor = ext.make(data, "int32", shape, strides=strides)
    expected = values.gather(data, 4, shape, strides)
    assert peek(tensor)["bytes"] == expected
    if layout in ONLY_COMPACT.get(name, ()):
        with pytest.raises(Exception, match="(?i)stride|compact|layout"):
            consumer.take(tensor)
        return
    array = consumer.take(tensor)
    assert tuple(array.shape) == shape
    if name != "tvm_ffi":
        assert consumer.to_bytes(array) == expected
    elif expected:
        assert array.data_ptr() == peek(tensor)["data"]
    del array
    gc.collect()


def test_ours_without_elements_have_no_address():
    seen = peek(ext.make(b"", "float32", (0, 3)))
    assert (seen["raw_data"], seen["byte_offset"], seen["shape"]) == (0, 0, (0, 3))
    assert seen["strides"] == (3, 1)


@pytest.mark.parametrize("keywords", [{"max_version": (1, 3)}, {"max_version": None}])
@pytest.mark.parametrize("layout", OURS)
def test_ours_fill_in_strides_and_no_offset(layout, keywords):
    shape, strides = OURS[layout]
    data = bytes(range(48))
    seen = peek(ext.make(data, "int32", shape, strides=strides), **keywords)
    assert seen["shape"] == shape
    if shape:
        assert seen["strides"] is not None
        assert len(seen["strides"]) == len(shape)
    assert seen["byte_offset"] == 0
    assert seen["device"] == (abi.CPU, 0)
