"""
Tensors whose data pointer is null, which the importer lets in, since their shape may be all that is wanted: no way hands them on.

And new memory of Rust, which is zero.
"""

import ctypes

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules
from kit.exchange import FUNCTIONS, Table, type_for
from kit.foreign import Foreign

NEW = {"max_version": (1, 3)}


def test_null_data_goes_out_by_no_way():
    live = ext.live()
    for fields in ({}, {"byte_offset": 64}, {"versioned": False}):
        foreign = Foreign(address=None, **fields)
        out = ext.hold(foreign.capsule())
        assert out.describe()["data"] == 0
        with pytest.raises(BufferError, match="data pointer"):
            out.to_bytes()
        try:
            tensor = out.export()
        except BufferError:  # Under a new header, already.
            assert foreign.deletes == 1
            continue
        for way in (
            lambda: tensor.__dlpack__(),
            lambda: tensor.__dlpack__(**NEW),
            lambda: tensor.__dlpack__(**NEW, copy=True),
            lambda: tensor.__dlpack__(**NEW, dl_device=(1, 0)),
            lambda: memoryview(tensor) if ext.BUFFERS else ext.to_bytes(tensor),
            lambda: ext.describe(tensor),
            lambda: ext.borrow(tensor),
            lambda: ext.like(tensor, tensor),
        ):
            with pytest.raises(BufferError, match="data pointer"):
                way()
        assert foreign.deletes == 0
        del tensor
        assert foreign.deletes == 1
    assert ext.live() == live


@pytest.mark.parametrize("name", ["managed_tensor_from_py_object_no_sync", "dltensor_from_py_object_no_sync"])
def test_null_data_goes_out_by_no_function_of_the_table(name):
    tensor = ext.hold(Foreign(address=None).capsule()).export()
    table = abi.ExchangeApi.from_address(capsules.pointer(type(tensor).__dlpack_c_exchange_api__))
    out = abi.Tensor() if name.startswith("dl") else ctypes.c_void_p()
    with pytest.raises(BufferError, match="data pointer"):
        FUNCTIONS[name](getattr(table, name))(id(tensor), ctypes.pointer(out))


def test_null_data_of_a_table_goes_on_by_no_way():
    carrier = type_for(Table())(lambda: Foreign(address=None))
    for attempt in range(2):
        assert ext.describe(carrier)["data"] == ext.borrow(carrier)["data"] == 0
        tensor = ext.hold(carrier).export()
        with pytest.raises(BufferError, match="data pointer"):
            bytes(tensor) if ext.BUFFERS else tensor.tolist()
        with pytest.raises(BufferError, match="data pointer"):
            tensor.__dlpack__(**NEW)


def test_null_data_of_a_buffer_goes_on_by_no_way():
    # As `ctypes` makes it, and reversed, so that the lowest address is not the null pointer.
    null = memoryview((ctypes.c_char * 16).from_address(0)).cast("B")
    for view in (null, null[::-1][15:]):
        held = ext.hold(view)
        with pytest.raises(BufferError):
            held.to_bytes()
        with pytest.raises(BufferError):
            bytes(held.export())


def test_new_memory_of_rust_is_zero_for_whoever_reads_it():
    for count in (1, 100, 100_000):
        used = bytearray(b"\xa5" * 4 * count)
        del used  # The next block may be this one.
        tensor = ext.fresh(count)
        assert ext.to_bytes(tensor) == bytes(4 * count)
        assert tensor.tolist() == [0.0] * count
