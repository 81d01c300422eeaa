"""What a build of the extension must show before anything else is looked at: it imports, and tensors go both ways."""

import ctypes
import gc
import struct

import dlpack_pyo3_tests as ext

VALUES = (1.0, -2.5, 3.0, 0.0, 5.25, 6.0)
BYTES = struct.pack("=6f", *VALUES)


def test_a_buffer_comes_in():
    memory = (ctypes.c_float * 6)(*VALUES)
    found = ext.describe(memory)
    assert found["data"] == ctypes.addressof(memory)
    assert (found["shape"], found["strides"], found["dtype"]) == ((6,), (1,), "float32")
    assert (found["device"], found["nbytes"]) == ((1, 0), 24)


def test_a_tensor_goes_out_and_comes_back():
    before = ext.live()
    tensor = ext.make(BYTES, "float32", (2, 3))
    assert ext.live() == before + 1
    found = ext.describe(tensor)
    assert (found["shape"], found["strides"], found["dtype"]) == ((2, 3), (3, 1), "float32")
    assert ext.to_bytes(tensor) == BYTES
    del tensor
    gc.collect()
    assert ext.live() == before


def test_a_capsule_that_nobody_takes_is_released():
    before = ext.live()
    tensor = ext.make(BYTES, "float32", (6,))
    capsules = [tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 0))]
    assert ["versioned" in repr(capsule) for capsule in capsules] == [False, True]
    del tensor
    assert ext.live() == before + 1
    del capsules
    gc.collect()
    assert ext.live() == before
