"""
Tensors whose data pointer is null, which the importer lets in, since their shape may be all that is wanted: no way hands them on.

And addresses near null, and new memory of Rust, which is zero.
"""

import ctypes
import mmap
import sys

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules
from kit.absent import WAYS_IN
from kit.exchange import FUNCTIONS, Table, type_for
from kit.foreign import Foreign
from kit.producers import Producer

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


class OwnMethod:
    """An object whose `__dlpack__` is its own attribute."""

    def __init__(self, producer):
        self.__dlpack__, self.__dlpack_device__ = producer.__dlpack__, producer.__dlpack_device__


NEAR_NULL = {
    "producer": Producer,
    "method of another object": lambda **fields: OwnMethod(Producer(**fields)),
    "capsule": lambda **fields: Producer(**fields).__dlpack__(**NEW),
    "legacy capsule": lambda **fields: Producer(**fields).__dlpack__(),
}


@pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
@pytest.mark.parametrize("kind", NEAR_NULL.values(), ids=NEAR_NULL)
@pytest.mark.parametrize("address", [1, 8, 0xFFF0])
def test_addresses_near_null_are_no_memory(address, kind, way):
    with pytest.raises(BufferError, match="expected a tensor with memory"):
        way(kind(address=address))
    # No elements need no memory, and those of a device may be anywhere.
    way(kind(address=address, data=b"", shape=(0,)))
    if way is ext.describe:
        assert way(kind(address=address, device=(abi.METAL, 0)))["data"] == address
        assert way(kind(address=None))["data"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no memory there")
@pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
def test_the_lowest_address_that_may_be_memory(way):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = 1 << 16
    if libc.mmap(address, 4096, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0) != address:
        pytest.skip("the system has no memory there")
    try:
        way(Producer(address=address))
        way(OwnMethod(Producer(address=address)))
    finally:
        libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096))


def test_new_memory_of_rust_is_zero_for_whoever_reads_it():
    for count in (1, 100, 100_000):
        used = bytearray(b"\xa5" * 4 * count)
        del used  # The next block may be this one.
        tensor = ext.fresh(count)
        assert ext.to_bytes(tensor) == bytes(4 * count)
        assert tensor.tolist() == [0.0] * count
