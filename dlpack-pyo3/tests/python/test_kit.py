"""The kit is right: what it makes is what libraries take, and what it sees is what they made."""

import ctypes
import gc

import pytest

from kit import abi, capsules, exchange, native, producers, report, values
from kit.foreign import Foreign, Truncated
from kit.peek import peek, peek_capsule

SIX = values.sample_bytes("float32")


def test_structs_have_the_sizes_of_the_header():
    # On 64-bit machines; the offsets follow from the order of the fields.
    sizes = [abi.Tensor, abi.ManagedTensor, abi.ManagedTensorVersioned, abi.ExchangeApi]
    assert [ctypes.sizeof(kind) for kind in sizes] == [48, 64, 80, 56]


def test_names_of_dtypes():
    assert abi.triple("float32") == (2, 32, 1)
    assert abi.triple("complex64") == (5, 64, 1)
    assert abi.triple("float32x4") == (2, 32, 4)
    assert abi.triple("float8_e4m3fn") == (10, 8, 1)
    assert abi.triple("float4_e2m1fnx2") == (17, 4, 2)
    assert abi.triple("opaque_handle64") == (3, 64, 1)
    assert abi.triple("bool") == (6, 8, 1)


@pytest.mark.library("numpy", "ml_dtypes")
def test_samples_are_what_other_libraries_make_of_them():
    import ml_dtypes
    import numpy as np

    checked = 0
    for name in abi.DTYPES:
        kind = getattr(ml_dtypes, name, name)
        if abi.triple(name)[1] % 8 or name not in values.encodable():
            continue
        assert values.sample_bytes(name) == np.array(values.samples(name), kind).tobytes(), name
        checked += 1
    assert checked == 24


@pytest.mark.library("ml_dtypes")
@pytest.mark.parametrize("name", ["float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"])
def test_packed_samples_unpack(name):
    import ml_dtypes
    import numpy as np

    bits = abi.triple(name)[1]
    whole = int.from_bytes(values.sample_bytes(name), "little")
    codes = [(whole >> (index * bits)) & ((1 << bits) - 1) for index in range(6)]
    assert np.array(values.samples(name), getattr(ml_dtypes, name)).view(np.uint8).tolist() == codes


def test_a_deleter_counts_and_overwrites():
    tensor = Foreign(SIX)
    assert (tensor.deletes, tensor.bytes()) == (0, SIX)
    deleter = abi.Deleter(native.DELETE)
    deleter(tensor.address)
    assert (tensor.deletes, tensor.bytes()) == (1, b"\xdd" * 24)
    deleter(tensor.address)
    assert tensor.deletes == 2
    assert native.strays() == 0


def test_a_capsule_releases_what_nobody_took():
    for versioned in (True, False):
        tensor = Foreign(SIX, versioned=versioned)
        capsule = tensor.capsule()
        assert peek_capsule(capsule)["bytes"] == SIX
        del capsule
        assert tensor.deletes == 1
        taken = Foreign(SIX, versioned=versioned)
        capsule = taken.capsule()
        capsules.rename(capsule, "used_" + taken.standard_name)
        del capsule
        assert taken.deletes == 0


def test_a_truncated_tensor_can_be_deleted():
    tensor = Truncated((2, 0))
    assert abi.Version.from_address(tensor.address).major == 2
    del_capsule = tensor.capsule()
    del del_capsule
    assert tensor.deletes == 1


def test_gather_is_the_plain_definition():
    data = bytes(range(12))
    assert values.gather(data, 1, (3, 4), (4, 1)) == data
    assert values.gather(data, 1, (2, 2), (-1, 4), 5) == bytes([5, 9, 4, 8])
    assert values.gather(data, 2, (2,), (3,)) == bytes([0, 1, 6, 7])
    assert values.gather(data, 1, (), (), 7) == bytes([7])


@pytest.mark.library("numpy")
@pytest.mark.parametrize("kind", [producers.Producer, producers.IgnoresVersion, producers.NoKeywords])
def test_numpy_takes_what_the_kit_makes(kind):
    import numpy as np

    producer = kind(SIX)
    array = np.from_dlpack(producer)
    assert array.tobytes() == SIX
    assert array.__array_interface__["data"][0] == producer.tensors[-1].start
    assert producer.tensors[-1].deletes == 0
    del array
    gc.collect()
    assert producer.deletes == [1] * len(producer.tensors)


@pytest.mark.library("numpy")
def test_numpy_is_seen_by_the_kit():
    import numpy as np

    array = np.arange(24, dtype="i2").reshape(4, 6)[::-2, 1::2]
    seen = peek(array)
    assert (seen["name"], seen["shape"], seen["strides"]) == (capsules.VERSIONED, (2, 3), (-12, 2))
    assert seen["bytes"] == array.tobytes()


@pytest.mark.library("torch")
def test_torch_takes_what_the_kit_makes():
    import torch

    producer = producers.Producer(SIX)
    tensor = torch.from_dlpack(producer)
    assert tensor.data_ptr() == producer.tensors[-1].start
    del tensor
    assert producer.deletes == [1]


@pytest.mark.library("torch")
def test_the_functions_of_torch_are_those_of_the_kit():
    import torch

    address = capsules.pointer(torch.Tensor.__dlpack_c_exchange_api__)
    api = abi.ExchangeApi.from_address(address)
    tensor = torch.arange(6.0).reshape(2, 3)
    lent = abi.Tensor()
    borrow = exchange.Borrow(api.dltensor_from_py_object_no_sync)
    assert borrow(id(tensor), ctypes.pointer(lent)) == 0
    assert lent.data == tensor.data_ptr()
    foreign = Foreign(SIX)
    out = ctypes.c_void_p()
    to_python = exchange.ToPython(api.managed_tensor_to_py_object_no_sync)
    assert to_python(foreign.address, ctypes.pointer(out)) == 0
    made = exchange.object_at(out.value)
    ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("Py_DecRef", ctypes.pythonapi))(out.value)
    assert made.data_ptr() == foreign.start
    del made
    assert foreign.deletes == 1


@pytest.mark.library("tvm_ffi")
def test_tvm_takes_what_the_tables_of_the_kit_give():
    import tvm_ffi

    table = exchange.Table()
    carrier = exchange.type_for(table)(lambda: Foreign(SIX))
    tensor = tvm_ffi.from_dlpack(carrier)
    assert peek(tensor)["bytes"] == SIX
    assert table.calls == ["managed_tensor_from_py_object_no_sync"]
    del tensor
    assert [tensor.deletes for tensor in table.given] == [1]


def test_the_table_of_the_report():
    lines = []
    cells = {("producer", "one"): {"int8": ("ok", ""), "own": ("refused", "Error: why")}}
    cells["producer", "two"] = {"int8": ("refused", "Error: why")}
    report.print_cells(cells, lines.append)
    assert lines == [
        "libraries as producers",
        "      one        two",
        "int8  ok         refused 1",
        "own   refused 1  -",
        "  1: Error: why",
        "",
    ]
