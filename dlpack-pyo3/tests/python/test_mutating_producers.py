"""Producers that change their arrays while Rust holds the tensor."""

import array as arrays
import gc

import dlpack_pyo3_tests as ext
import pytest

from kit import values
from kit.builds import holds_buffers, imports_any_buffer
from kit.foreign import Foreign

FLOATS = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
SIX = values.encode("float32", FLOATS)


def unchanged(held, before, data=SIX):
    """Asserts that the tensor is described as before, and its elements are still where they were."""
    now = held.describe()
    assert now == before
    assert held.to_bytes() == data


TORCH = {
    "resize_ larger": lambda t: t.resize_(300, 400),
    "resize_ smaller": lambda t: t.resize_(1),
    "resize_ to nothing": lambda t: t.resize_(0),
    "t_": lambda t: t.t_(),
    "unsqueeze_": lambda t: t.unsqueeze_(0),
    "squeeze_": lambda t: t.unsqueeze_(0).squeeze_(),
    "swapaxes_": lambda t: t.swapaxes_(0, 1),
    "as_strided_": lambda t: t.as_strided_((1,), (1,)),
    "set_": lambda t: t.set_(t.new_zeros(2)),
    "data": lambda t: setattr(t, "data", t.new_zeros(2, 2)),
    "requires_grad_": lambda t: t.requires_grad_(),
    "resize_as_": lambda t: t.resize_as_(t.new_zeros(50, 50)),
    "storage resize": lambda t: t.untyped_storage().resize_(1 << 16),
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("change", TORCH)
def test_torch(change):
    import torch

    tensor = torch.tensor(FLOATS).reshape(2, 3)
    held = ext.hold(tensor)
    before = held.describe()
    assert before["data"] == tensor.data_ptr()
    assert held.to_bytes() == SIX
    grows = change in ("resize_ larger", "resize_as_", "storage resize")
    TORCH[change](tensor)
    now = held.describe()
    assert now == before
    if not grows:  # A storage that grows moves: then the old memory is gone, whoever holds the tensor.
        assert held.to_bytes() == SIX
    del tensor
    gc.collect()
    assert held.describe() == before
    held.release()


@pytest.mark.library("torch")
@pytest.mark.parametrize("change", ["t_", "unsqueeze_", "squeeze_", "swapaxes_", "as_strided_", "set_", "data"])
def test_torch_and_many_axes(change):
    # More axes than fit inside the tensor object: shape and strides move when they change.
    import torch

    tensor = torch.tensor(FLOATS).reshape(2, 3) if change == "t_" else torch.tensor(FLOATS).reshape(1, 1, 1, 1, 1, 2, 3)
    held = ext.hold(tensor)
    before = held.describe()
    for _ in range(4 if change == "unsqueeze_" else 1):
        TORCH[change](tensor)
    junk = [torch.zeros(1, 1, 1, 1, 1, 1, 7, 7) for _ in range(50)]
    unchanged(held, before)
    assert junk
    held.release()


@pytest.mark.library("numpy")
def test_numpy_resize_is_refused_while_held():
    import numpy as np

    array = np.array(FLOATS, "f4")
    held = ext.hold(array)
    before = held.describe()
    with pytest.raises(ValueError, match="resize"):
        array.resize(1000)
    unchanged(held, before)
    held.release()
    array.resize(1000)


@pytest.mark.library("numpy")
def test_numpy_resize_without_a_check_leaves_the_description():
    import numpy as np

    array = np.array(FLOATS, "f4")
    held = ext.hold(array)
    before = held.describe()
    array.resize(100_000, refcheck=False)
    # The memory may have moved, which NumPy warns of: what Rust knows of the tensor is what it was told.
    assert held.describe() == before
    held.release()


@pytest.mark.library("numpy")
@pytest.mark.parametrize(
    "change",
    [
        lambda a: setattr(a, "shape", (3, 2)),
        lambda a: setattr(a, "shape", (6,)),
        lambda a: setattr(a, "dtype", "u1"),
        lambda a: setattr(a, "strides", (0, 0)),
        lambda a: a.setflags(write=False),
    ],
    ids=["shape", "flat", "dtype", "strides", "flags"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_numpy_attributes(change):
    import numpy as np

    array = np.array(FLOATS, "f4").reshape(2, 3)
    held = ext.hold(array)
    before = held.describe()
    change(array)
    unchanged(held, before)
    del array
    gc.collect()
    unchanged(held, before)


@pytest.mark.library("numpy")
def test_values_written_by_the_producer_are_seen():
    import numpy as np

    array = np.array(FLOATS, "f4")
    held = ext.hold(array)
    array[:] = array[::-1].copy()
    assert held.to_bytes() == values.encode("float32", FLOATS[::-1])


def test_a_bytearray_cannot_grow_while_held():
    data = bytearray(SIX)
    held = ext.hold(data)
    for change in (lambda: data.extend(b"x"), data.clear, lambda: data.append(1), lambda: data.__delitem__(0)):
        with pytest.raises(BufferError):
            change()
    data[0] = 7
    assert held.to_bytes() == bytes(data)
    held.release()
    data.extend(b"x" * 1000)


def test_an_array_cannot_grow_while_held():
    data = arrays.array("f", FLOATS)
    held = ext.hold(data)
    for change in (lambda: data.append(1.0), lambda: data.pop(), lambda: data.extend([1.0])):
        with pytest.raises(BufferError):
            change()
    assert held.to_bytes() == SIX
    held.release()
    data.append(1.0)


@holds_buffers
def test_a_memoryview_cannot_be_released_while_held():
    view = memoryview(bytearray(SIX))
    held = ext.hold(view)
    with pytest.raises(BufferError):
        view.release()
    assert held.to_bytes() == SIX
    held.release()
    view.release()


def test_a_mapping_cannot_be_closed_while_held():
    import mmap

    mapping = mmap.mmap(-1, mmap.PAGESIZE)
    mapping[:4] = b"abcd"
    held = ext.hold(mapping)
    with pytest.raises(BufferError):
        mapping.close()
    assert held.to_bytes()[:4] == b"abcd"
    held.release()
    mapping.close()


def test_a_buffer_is_given_back_when_its_tensor_goes():
    data = bytearray(SIX)
    held = ext.hold(data)
    del held
    gc.collect()
    data.extend(b"x")
    held = ext.hold(data)
    held.send_to_thread()
    data.extend(b"x")


@imports_any_buffer
def test_a_strided_view_of_a_buffer():
    data = bytearray(range(10))
    view = memoryview(data)[1::3]
    held = ext.hold(view)
    assert (held.describe()["shape"], held.describe()["strides"]) == ((3,), (3,))
    assert held.to_bytes() == bytes([1, 4, 7])
    held.release()
    view.release()
    data.append(1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_refused_buffer_is_given_back():
    text = arrays.array("u", "abc")  # Characters, for which DLPack has no dtype.
    with pytest.raises((BufferError, TypeError)):
        ext.describe(text)
    text.append("d")


def test_a_live_shape_that_lies_later():
    tensor = Foreign(SIX)
    held = ext.hold(tensor.capsule())
    before = held.describe()
    tensor.resize((1 << 40, 1 << 40))
    tensor.tensor.ndim = 77
    unchanged(held, before)
    held.release()
    assert tensor.deletes == 1
