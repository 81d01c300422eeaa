"""Arguments that are checked, elements that are read, tensors that are lent and handed on."""

import array
import re
import sys
import threading

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, builds, native, producers, values
from kit.exchange import Table, type_for
from kit.foreign import Foreign

SIX = values.sample_bytes("float32")
DOUBLES = np.arange(6.0).tobytes()


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def deletes_once(tensor, kind, text, function):
    """Asserts that the function refuses the tensor, in these words, and that its deleter ran."""
    with pytest.raises(kind) as caught:
        function(tensor.capsule())
    assert type(caught.value) is kind
    assert re.search(text, builds.text_of(caught.value))
    assert builds.names_argument(caught.value)
    assert tensor.deletes == 1


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize(
    "dtype, name",
    [((0, 32, 1), "int32"), ((2, 64, 1), "float64"), ((4, 16, 1), "bfloat16"), ((2, 32, 4), "float32x4"), ((6, 8, 1), "bool")],
)
def test_another_dtype(dtype, name, versioned):
    tensor = Foreign(bytes(64), dtype, (1,), versioned=versioned)
    deletes_once(tensor, TypeError, f"^expected dtype float32, found {name}$", ext.typed_f32)


@pytest.mark.parametrize("shape, found", [((), 0), ((6,), 1), ((1, 2, 3), 3)])
def test_another_rank(shape, found):
    tensor = Foreign(SIX, "float32", shape)
    deletes_once(tensor, ValueError, f"^expected 2 dimensions, found {found}$", ext.typed_matrix)


def test_the_dtype_is_checked_first_and_requirements_from_left_to_right():
    tensor = Foreign(DOUBLES, "float64", (6,))
    deletes_once(tensor, TypeError, "^expected dtype float32, found float64$", ext.typed_matrix)
    tensor = Foreign(SIX, "float32", (2,), strides=(2,))
    deletes_once(tensor, ValueError, "^expected 2 dimensions, found 1$", ext.typed_matrix)


@pytest.mark.parametrize("strides", [(1, 2), (3, -1), (0, 1), (2, 1)])
def test_another_order(strides):
    array = np.zeros((2, 3), np.float32)
    offset = 8 if strides == (3, -1) else 0
    tensor = Foreign(bytes(64), "float32", (2, 3), strides=strides, byte_offset=offset)
    text = r"^expected elements in row-major order, found strides \[.*\] for shape \[2, 3\]$"
    deletes_once(tensor, ValueError, text, ext.typed_matrix)
    assert ext.typed_matrix(array)["data"] == array.ctypes.data


@pytest.mark.parametrize("strides, shape", [((9, 1), (1, 3)), ((1, 7), (3, 1)), ((0, 0), (0, 3))])
def test_strides_that_mean_nothing_are_in_any_order(strides, shape):
    tensor = Foreign(SIX, "float32", shape, strides=strides)
    assert ext.typed_matrix(tensor.capsule())["shape"] == shape
    assert tensor.deletes == 1


@pytest.mark.parametrize("device, name", [((abi.CUDA, 1), "cuda:1"), ((8, 0), "metal")])
def test_memory_that_the_host_cannot_access(device, name):
    tensor = Foreign(SIX, "float32", (2, 3), device=device, address=0x7000)
    text = f"^expected memory that the host can access, found device {name}"
    deletes_once(tensor, BufferError, text, ext.typed_matrix)


def test_memory_that_must_not_be_written():
    tensor = Foreign(DOUBLES, "float64", flags=abi.READ_ONLY)
    deletes_once(tensor, BufferError, "found a read-only one: pass a copy", ext.typed_writable)
    tensor = Foreign(DOUBLES, "float64", versioned=False)
    deletes_once(tensor, BufferError, "found one that does not say", ext.typed_writable)
    tensor = Foreign(DOUBLES, "float64", (2, 3), strides=(0, 1))
    deletes_once(tensor, BufferError, "found strides that may overlap: pass a copy", ext.typed_writable)
    array = np.arange(6.0)
    array.flags.writeable = False
    with pytest.raises(BufferError):
        ext.typed_writable(array)
    assert array.tolist() == [0, 1, 2, 3, 4, 5]


def test_writing_writes_the_memory_of_the_producer():
    array = np.arange(12.0).reshape(3, 4)
    seen = ext.typed_writable(array[::2, ::-1])
    assert seen["strides"] == (8, -1)
    expected = np.arange(12.0).reshape(3, 4)
    expected[::2] += 1
    assert (array == expected).all()


@pytest.mark.parametrize(
    "change",
    [lambda a: a, lambda a: a.T, lambda a: a[::-1, ::2], lambda a: a[:, 1:2], lambda a: a[:0], lambda a: a[1, 1, ...]],
)
def test_elements_are_read_in_row_major_order(change):
    array = change(np.arange(12.0).reshape(3, 4))
    assert ext.typed_list(array) == array.ravel().tolist()


@pytest.mark.parametrize("offset", range(1, 8))
def test_elements_at_any_address(offset):
    array = np.frombuffer(bytes(offset) + DOUBLES, np.float64, offset=offset)
    assert ext.typed_list(array) == [0, 1, 2, 3, 4, 5]
    assert ext.typed_list(array[::-2]) == [5, 3, 1]


def test_elements_that_another_thread_writes():
    array = np.zeros(4096)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            np.add(array, 1, out=array)  # Without the interpreter's lock.

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(50):
            # Whatever is read is a number that was written.
            assert all(number == int(number) for number in ext.typed_list(array))
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", [3, 11])
def test_pinned_memory_is_read_only_when_asked_for_on_the_cpu(kind):
    # Work of the device may be under way. A producer that is asked for the CPU waits for it.
    producer = producers.Producer(DOUBLES, "float64", device=(kind, 0))
    with pytest.raises(BufferError, match="host"):
        ext.typed_list(producer)
    assert ext.typed_list_on_cpu(producer) == [0, 1, 2, 3, 4, 5]
    assert producer.deletes == [1, 1]


@pytest.mark.parametrize("kind", [3, 11, 13])
def test_the_memory_of_a_capsule_is_not_copied_before_its_device_is_done(kind):
    # Nobody has been asked to wait.
    tensor = Foreign(DOUBLES, "float64", device=(kind, 0))
    with pytest.raises(BufferError, match="expected memory that the host can access"):
        ext.describe(tensor.capsule(), copy=True)
    assert tensor.deletes == 1
    tensor = Foreign(DOUBLES, "float64", device=(kind, 0))
    with pytest.raises(BufferError, match="expected a tensor on device cpu, found one on"):
        ext.typed_list_on_cpu(tensor.capsule())
    assert tensor.deletes == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"shape": (), "strides": None, "version": (1, 0)},
        {"shape": (0, 4), "strides": (7, -3)},
        {"shape": (3, 1), "strides": (2, 9)},
        {"shape": (2, 3), "strides": (0, 1)},
        {"shape": (1,) * 12, "strides": range(12)},
        {"byte_offset": 4, "shape": (1,), "strides": (5,)},
        {"dtype": "uint4", "shape": (3, 4)},
        {"flags": abi.READ_ONLY},
        {"flags": 2 | 4 | 1 << 40, "dtype": "uint4"},
        {"device": (2, 3)},
        {"device": (abi.CPU, 5)},
        {"versioned": False},
        {"versioned": False, "device": (13, 0)},
    ],
    ids=str,
)
def test_a_tensor_of_dlpack_says_what_its_producer_said(fields):
    """To the last stride that means nothing, and the last flag that nobody knows, but for that of a copy, which code of Python may have."""
    foreign = Foreign(**fields)
    told = ext.describe_managed(foreign.capsule())
    assert foreign.deletes == 1
    told.pop("is_viewed")
    expected = ext.describe(Foreign(**fields).capsule())
    for description in (told, expected):
        description.pop("data")
        description.pop("route", None)
    if not fields.get("versioned", True):
        expected.update(access="read-only", flags=abi.READ_ONLY, version=told["version"])
    expected["flags"] &= ~abi.IS_COPIED
    assert told == expected


def test_managed_memory_is_read_when_asked_for_on_the_cpu():
    for device, is_viewed in ((None, False), ((1, 0), True)):
        producer = producers.Producer(bytes(4), "uint8", device=(13, 0))
        assert ext.describe_managed(producer, device=device)["is_viewed"] == is_viewed
    producer = producers.Producer(DOUBLES, "float64", device=(13, 0))
    with pytest.raises(BufferError, match="host"):
        ext.typed_list(producer)
    assert ext.typed_list_on_cpu(producer) == [0, 1, 2, 3, 4, 5]
    assert producer.deletes == [1, 1]


def test_lending_takes_nothing_from_numpy_and_gives_back_what_it_took():
    array = np.arange(6.0).reshape(2, 3)
    count = sys.getrefcount(array)
    assert ext.borrow(array)["data"] == array.ctypes.data
    assert sys.getrefcount(array) == count
    for versioned in (True, False):
        tensor = Foreign(DOUBLES, "float64", (2, 3), versioned=versioned, flags=abi.READ_ONLY if versioned else 0)
        seen = ext.borrow(tensor.capsule())
        assert (seen["shape"], seen["access"]) == ((2, 3), "read-only" if versioned else "unknown")
        assert tensor.deletes == 1
    with pytest.raises(TypeError):
        ext.borrow(object())


@pytest.mark.parametrize("make", [np.arange, bytes, bytearray, lambda n: array.array("d", range(n))])
def test_what_is_handed_on_keeps_the_memory(make):
    thing = make(8)
    count = sys.getrefcount(thing)
    seen = ext.describe(thing)
    tensor = ext.hold(thing).export()
    assert sys.getrefcount(thing) > count
    again = ext.describe(tensor)
    assert (again["data"], again["shape"], again["dtype"]) == (seen["data"], seen["shape"], seen["dtype"])
    assert (again["access"] == "writable") == (seen["access"] == "writable")
    del tensor
    assert sys.getrefcount(thing) == count


def test_what_is_handed_on_of_a_legacy_tensor_is_read_only():
    tensor = Foreign(SIX, "float32", (2, 3), versioned=False)
    exported = ext.hold(tensor.capsule()).export()
    assert ext.describe(exported)["access"] == "read-only"
    assert tensor.deletes == 0
    del exported
    assert tensor.deletes == 1


def test_asking_twice_leaves_alone_what_is_being_handled():
    class Old(producers.Producer):
        def __dlpack__(self, **given):
            if given:
                raise TypeError("no keywords")
            raise BufferError("not today")

    try:
        raise KeyError("outer")
    except KeyError as outer:
        with pytest.raises(BufferError, match="not today") as caught:
            ext.describe(Old())
        assert sys.exc_info()[1] is outer
        first = caught.value.__context__
        assert (str(first), first.__context__) == ("no keywords", outer)
    assert sys.exc_info()[1] is None


def test_strides_that_are_missing_only_the_strict_mode_minds():
    late = Foreign(SIX, strides=None, version=(1, 2))
    assert ext.describe(late.capsule())["strides"] == (3, 1)
    assert late.deletes == 1
    late = Foreign(SIX, strides=None, version=(1, 2))
    with pytest.raises(BufferError, match="found a null pointer, which dlpack forbids since version 1.2"):
        ext.strict(late.capsule())
    assert late.deletes == 1
    for allowed in (
        Foreign(SIX, strides=None, version=(1, 1)),
        Foreign(SIX, strides=None, versioned=False),
        Foreign(SIX, shape=(), strides=None, version=(1, 3)),
        Foreign(SIX),
    ):
        ext.strict(allowed.capsule())
        assert allowed.deletes == 1
    assert ext.strict(np.arange(3.0))["shape"] == (3,)


def test_the_strict_mode_minds_on_every_route():
    def without_strides():
        return Foreign(SIX, strides=None, version=(1, 2))

    carrier = type_for(Table())(without_strides)
    assert ext.describe(carrier)["route"] == "exchange"
    with pytest.raises(BufferError, match="which dlpack forbids since version 1.2"):
        ext.strict(carrier)
    assert [tensor.deletes for tensor in carrier.tensors] == [1]
    late = without_strides()
    with pytest.raises(BufferError, match="which dlpack forbids since version 1.2"):
        ext.strict(Answering(late))
    assert late.deletes == 1


class Answering:
    """An object without a table, whose `__dlpack__` gives a tensor."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self, **given):
        return self.tensor.capsule()


def test_what_is_lent_of_an_owned_tensor_is_what_was_imported():
    for versioned, flags, access in [(True, 0, "writable"), (True, abi.READ_ONLY, "read-only"), (False, 0, "unknown")]:
        tensor = Foreign(SIX, flags=flags, versioned=versioned)
        seen = ext.borrow(Answering(tensor))
        assert (seen["shape"], seen["strides"], seen["data"]) == ((2, 3), (3, 1), tensor.start)
        assert (seen["access"], tensor.deletes) == (access, 1)


@pytest.mark.parametrize("flags", [0, abi.READ_ONLY])
def test_what_is_borrowed_may_be_written_if_what_is_imported_may_be(flags):
    """Whichever the way, but for a table of which it is not known that it lends no read-only memory: it lends no flags."""
    read_only = bool(flags)
    array = np.arange(6.0)
    array.flags.writeable = not read_only
    own = ext.make(bytes(24), "float32", (2, 3), read_only=read_only)
    things = [
        array,
        memoryview(array),
        own,
        ext.hold(own).export(),
        ext.Own([1.0, 2.0]),
        type_for(Table(dltensor_from_py_object_no_sync=None))(lambda: Foreign(SIX, flags=flags)),
        producers.Producer(SIX, flags=flags),
    ]
    for thing in things:
        expected = "read-only" if read_only or isinstance(thing, ext.Own) else "writable"
        assert [ext.describe(thing)["access"], ext.borrow(thing)["access"]] == [expected] * 2, thing
    unknown = type_for(Table())(lambda: Foreign(SIX, flags=flags))
    expected = "read-only" if read_only else "writable"
    assert [ext.describe(unknown)["access"], ext.borrow(unknown)["access"]] == [expected, "unknown"]


@pytest.mark.library("torch")
def test_what_is_borrowed_of_torch_may_be_written():
    import torch

    for tensor in [torch.zeros(3), torch.zeros(3, dtype=torch.complex64), torch.zeros(4)[::2], torch.nn.Parameter(torch.zeros(2), False)]:
        assert [ext.describe(tensor)["access"], ext.borrow(tensor)["access"]] == ["writable"] * 2


@pytest.mark.library("tvm_ffi")
def test_what_is_borrowed_of_tvm_may_be_written():
    import tvm_ffi

    tensor = tvm_ffi.from_dlpack(np.arange(3.0))
    assert ext.describe(tensor)["access"] == ext.borrow(tensor)["access"]
