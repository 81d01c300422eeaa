"""Our side of the exchange: the methods as Python sees them, and the table of each exported class as C does."""

import ctypes
import functools
import gc
import inspect
import os
import struct
import subprocess
import sys
import threading

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, capsules
from kit.builds import exports_buffers
from kit.exchange import FUNCTIONS, SetError, object_at
from kit.foreign import Foreign
from kit.peek import describe_struct, peek_capsule

FROM = "managed_tensor_from_py_object_no_sync"
TO = "managed_tensor_to_py_object_no_sync"
BORROW = "dltensor_from_py_object_no_sync"
STREAM = "current_work_stream"
ALLOCATE = "managed_tensor_allocator"

SIX = struct.pack("=6f", *range(6))
_decref = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("Py_DecRef", ctypes.pythonapi))


pytestmark = pytest.mark.usefixtures("nothing_is_lost")


def six(**kwargs):
    return ext.make(SIX, "float32", (2, 3), **kwargs)


def table_of(kind):
    capsule = kind.__dlpack_c_exchange_api__
    assert capsules.name(capsule) == capsules.EXCHANGE
    return abi.ExchangeApi.from_address(capsules.pointer(capsule))


def function(kind, name):
    return FUNCTIONS[name](getattr(table_of(kind), name))


def export(kind, obj):
    """The struct that the table gives for an object; its deleter is the caller's to call."""
    out = ctypes.c_void_p(0xDEAD)
    assert function(kind, FROM)(id(obj), ctypes.pointer(out)) == 0
    return abi.ManagedTensorVersioned.from_address(out.value)


def delete(struct):
    abi.Deleter(struct.deleter)(ctypes.addressof(struct))


def lend(kind, obj):
    lent = abi.Tensor()
    assert function(kind, BORROW)(id(obj), ctypes.pointer(lent)) == 0
    return lent


def numbers(pointer, count):
    return tuple(pointer[i] for i in range(count))


Tensor = type(six())


class Derived(ext.Own):
    """A class of Python's, derived from one of Rust's."""


# The methods.


@pytest.mark.parametrize("kind", [Tensor, ext.Own, ext.OwnShared, ext.OwnDevice, Derived])
def test_the_methods_are_what_inspect_expects(kind):
    method = kind.__dlpack__
    assert str(inspect.signature(method)) == (
        "(self, /, *, stream=None, max_version=None, dl_device=None, copy=None)"
    )
    assert str(inspect.signature(kind.__dlpack_device__)) == "(self, /)"
    assert inspect.ismethoddescriptor(method)
    assert (method.__name__, method.__doc__) == ("__dlpack__", "Exports the tensor as a capsule.")
    assert kind.__dlpack_device__.__doc__ == "Returns the type of the device and its number."


def test_the_methods_can_be_bound_in_any_way():
    own = ext.Own([1.0, 2.0])
    expected = own.address
    for call in [
        own.__dlpack__,
        functools.partial(ext.Own.__dlpack__, own),
        ext.Own.__dlpack__.__get__(own),
        lambda **keywords: getattr(own, "__dlpack__")(**keywords),
        lambda **keywords: super(Derived, Derived([1.0])).__dlpack__(**keywords) and own.__dlpack__(**keywords),
    ]:
        assert peek_capsule(call(max_version=(1, 3)))["data"] == expected


def test_keywords_need_not_be_interned():
    keyword = "".join(["max_", "version"])
    assert keyword is not sys.intern("max_version")
    seen = peek_capsule(six().__dlpack__(**{keyword: (1, 0), "".join(["co", "py"]): False}))
    assert (seen["name"], seen["version"]) == (capsules.VERSIONED, (1, 3))


@pytest.mark.parametrize("kind", [Tensor, ext.Own])
@pytest.mark.parametrize("args", [(None,), (1, 2), ((1, 3),)])
def test_positional_arguments(kind, args):
    obj = six() if kind is Tensor else ext.Own([1.0])
    with pytest.raises(TypeError, match=rf"takes 1 positional argument but {len(args) + 1} were given"):
        obj.__dlpack__(*args)


@pytest.mark.parametrize("keyword", ["device", "max_versions", "Stream", "", "\u00e4", "copy\0"])
def test_unknown_keywords(keyword):
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        six().__dlpack__(**{"copy": None, keyword: 1})
    assert f"'{keyword}'" in str(caught.value)


def test_no_arguments_for_the_device():
    with pytest.raises(TypeError):
        six().__dlpack_device__(0)


@pytest.mark.parametrize("method", ["__dlpack__", "__dlpack_device__"])
def test_another_object_as_self(method):
    for other in [ext.Own([1.0]), 3, None]:
        with pytest.raises(TypeError, match="doesn't apply to"):
            getattr(Tensor, method)(other)


def test_each_call_makes_a_capsule_of_its_own():
    tensor = six()
    one, two = (tensor.__dlpack__(max_version=(1, 3)) for _ in range(2))
    assert capsules.pointer(one) != capsules.pointer(two)
    assert peek_capsule(one)["data"] == peek_capsule(two)["data"]


def test_methods_do_not_leak():
    tensor, version = six(), (1, 3)
    counts = [sys.getrefcount(x) for x in (tensor, version, Tensor, capsules.VERSIONED)]
    for _ in range(1000):
        tensor.__dlpack__(max_version=version)
        tensor.__dlpack__()
        tensor.__dlpack_device__()
        with pytest.raises(TypeError):
            tensor.__dlpack__(nothing=version)
    found = [sys.getrefcount(x) for x in (tensor, version, Tensor, capsules.VERSIONED)]
    assert [abs(after - before) < 10 for before, after in zip(counts, found)] == [True] * 4


# Panics stay within: PyO3's exception from methods, an ordinary one from C functions.


@pytest.mark.parametrize("place", ["tensor", "device"])
def test_a_panic_in_a_method_is_an_exception(place):
    calls = [lambda obj: obj.__dlpack__(max_version=(1, 3)), lambda obj: obj.__dlpack__()]
    if place == "device":
        calls.append(lambda obj: obj.__dlpack_device__())
    for call in calls:
        with pytest.raises(BaseException, match=f"{place} panics") as caught:
            call(ext.Panics(place))
        assert caught.type.__name__ == "PanicException"


@pytest.mark.parametrize("place", ["tensor", "device"])
def test_a_panic_in_the_table_is_an_exception(place):
    obj, out = ext.Panics(place), ctypes.c_void_p(0xDEAD)
    with pytest.raises(RuntimeError, match="panic"):
        function(ext.Panics, FROM)(id(obj), ctypes.pointer(out))
    assert out.value is None


@pytest.mark.parametrize("place", [pytest.param("tensor", marks=exports_buffers), "device"])
def test_a_panic_that_panics_when_it_is_let_go_of(place):
    # What it passes on is a value that panics when it is dropped, and so does what that panic passes on.
    obj, out = ext.Panics(f"{place}, twice"), ctypes.c_void_p(0xDEAD)
    calls = [lambda: obj.__dlpack__(max_version=(1, 3)), lambda: obj.__dlpack__(copy=True)]
    calls.append(lambda: memoryview(obj) if place == "tensor" else obj.__dlpack_device__())
    for call in calls:
        with pytest.raises(BaseException, match="panic from Rust code") as caught:
            call()
        assert caught.type.__name__ == "PanicException"
    with pytest.raises(RuntimeError, match="panic"):
        function(ext.Panics, FROM)(id(obj), ctypes.pointer(out))
    with pytest.raises(RuntimeError, match="panic"):
        function(ext.Panics, STREAM)(abi.CUDA_HOST, 0, ctypes.pointer(out))
    assert out.value is None


def test_a_panic_in_the_table_about_streams():
    out = ctypes.c_void_p(0xDEAD)
    with pytest.raises(RuntimeError, match="panic"):
        function(ext.Panics, STREAM)(abi.CUDA, 0, ctypes.pointer(out))
    assert out.value is None
    assert function(ext.Panics, STREAM)(abi.CPU, 0, ctypes.pointer(out)) == 0


# The table.


@pytest.mark.parametrize("kind", [Tensor, ext.Own, ext.OwnShared, ext.OwnDevice])
def test_each_class_has_a_table_of_the_current_version(kind):
    table = table_of(kind)
    assert (table.header.version.major, table.header.version.minor) == (1, 3)
    assert not table.header.prev_api
    assert all(getattr(table, name) for name in FUNCTIONS if name != BORROW)
    # Of these only the ready-made class has shape and strides to lend.
    assert bool(getattr(table, BORROW)) == (kind is Tensor)
    with pytest.raises((AttributeError, TypeError)):
        kind("not", "an", "instance", "attribute").missing


def test_subclasses_have_the_table_of_their_class():
    assert table_of(Derived) is not None
    assert ctypes.addressof(table_of(Derived)) == ctypes.addressof(table_of(ext.Own))
    derived = Derived([1.0, 2.0])
    found = export(Derived, derived)
    assert describe_struct(found)["data"] == derived.address
    delete(found)


def test_h127_a_table_exports_what_dlpack_exports():
    for obj in [six(), six(read_only=True), ext.Own([1.0, 2.0]), ext.OwnShared([1.0, 2.0])]:
        found = export(type(obj), obj)
        seen, asked = describe_struct(found), peek_capsule(obj.__dlpack__(max_version=(1, 3)))
        del asked["name"]
        for owned in ("deleter", "context"):
            assert seen.pop(owned) and asked.pop(owned)
        assert seen == asked
        delete(found)


def test_x4_an_export_keeps_the_memory_and_nothing_else():
    live = ext.live()
    tensor = six()
    before = sys.getrefcount(tensor)
    found = export(Tensor, tensor)
    assert sys.getrefcount(tensor) == before
    del tensor
    gc.collect()
    assert (ext.live(), describe_struct(found)["bytes"]) == (live + 1, SIX)
    delete(found)
    assert ext.live() == live


@pytest.mark.parametrize("name", [FROM, BORROW])
def test_x4_only_objects_of_the_class(name):
    for other in [ext.Own([1.0]), 7, "text", Tensor, None]:
        out = abi.Tensor() if name == BORROW else ctypes.c_void_p(0xDEAD)
        with pytest.raises(TypeError, match="expected an object of Tensor, found"):
            function(Tensor, name)(id(other), ctypes.pointer(out))
        if name == FROM:
            assert out.value is None


@pytest.mark.parametrize("name", [FROM, BORROW])
def test_null_for_an_object_and_for_the_result(name):
    tensor = six()
    kind = FUNCTIONS[name]
    with pytest.raises(BufferError, match="object"):
        function(Tensor, name)(None, kind._argtypes_[1]._type_())
    with pytest.raises(BufferError, match="result|output|place"):
        function(Tensor, name)(id(tensor), None)


def test_the_exception_of_a_method_arrives():
    own = ext.OwnDevice([1.0], (abi.CUDA, 0))
    own.raises["tensor"] = KeyError("mine")
    out = ctypes.c_void_p(0xDEAD)
    with pytest.raises(KeyError, match="mine"):
        function(ext.OwnDevice, FROM)(id(own), ctypes.pointer(out))
    assert out.value is None
    # The exception holds this frame, and the object holds the exception.
    own.raises.clear()


# R78: lent tensors have no flags.


def test_lent_tensors_point_into_the_object():
    tensor = ext.make(SIX, "float32", (3, 1, 2), strides=(1, 1, 3))
    one, two = lend(Tensor, tensor), lend(Tensor, tensor)
    assert (numbers(one.shape, 3), numbers(one.strides, 3)) == ((3, 1, 2), (1, 2, 3))
    assert (one.dtype.triple(), one.device.device_type, one.ndim) == ((2, 32, 1), abi.CPU, 3)
    addresses = [[ctypes.addressof(t.shape.contents), ctypes.addressof(t.strides.contents), t.data] for t in (one, two)]
    assert addresses[0] == addresses[1]
    assert one.data + one.byte_offset == ext.describe(tensor)["data"]


def test_lending_takes_no_reference():
    tensor = six()
    before = sys.getrefcount(tensor)
    for _ in range(100):
        lend(Tensor, tensor)
    assert sys.getrefcount(tensor) == before


def test_lent_tensors_without_elements():
    lent = lend(Tensor, ext.make(b"", "float32", (0, 3)))
    assert (lent.data, numbers(lent.shape, 2)) == (None, (0, 3))
    lent = lend(Tensor, ext.make(SIX[:4], "float32", ()))
    assert lent.ndim == 0


def test_r78_read_only_tensors_are_not_lent():
    tensor, lent = six(read_only=True), abi.Tensor()
    ctypes.memset(ctypes.addressof(lent), 0xA5, ctypes.sizeof(lent))
    with pytest.raises(BufferError, match="read-only"):
        function(Tensor, BORROW)(id(tensor), ctypes.pointer(lent))
    assert bytes(lent) == b"\xa5" * ctypes.sizeof(lent)


def test_padded_tensors_are_not_lent_and_the_error_says_why():
    padded = "expected packed elements for the legacy abi, found padded ones"
    read_only = "expected a writable tensor for the legacy abi, found a read-only one"
    for flags, text in ((0, padded), (abi.READ_ONLY, read_only)):
        flags |= abi.PADDED
        tensor = ext.hold(Foreign(bytes([1, 2]), "uint4", (2,), flags=flags).capsule()).export()
        with pytest.raises(BufferError, match=text):
            function(Tensor, BORROW)(id(tensor), ctypes.pointer(abi.Tensor()))


# Objects of tensors.


def object_of(struct, kind=Tensor):
    out = ctypes.c_void_p(0xDEAD)
    assert function(kind, TO)(struct.address, ctypes.pointer(out)) == 0
    made = object_at(out.value)
    _decref(out.value)
    return made


@pytest.mark.parametrize("kind", [Tensor, ext.Own])
@pytest.mark.parametrize("flags", [0, abi.READ_ONLY])
def test_x5_objects_are_of_the_ready_made_class(kind, flags):
    struct = Foreign(SIX, flags=flags)
    made = object_of(struct, kind)
    assert type(made) is Tensor
    assert sys.getrefcount(made) == 2
    array = np.from_dlpack(made)
    assert array.tobytes() == SIX
    assert array.flags.writeable == (not flags)
    assert array.ctypes.data == ext.describe(made)["data"] == struct.start
    del made
    gc.collect()
    assert struct.deletes == 0
    del array
    gc.collect()
    assert struct.deletes == 1


BAD = {
    "major version": ({"version": (2, 0)}, "version"),
    "negative ndim": ({"ndim": -1}, "dimensions"),
    "negative size": ({"shape": (-1, 3), "strides": (3, 1)}, "size"),
    "no shape": ({"null_shape": True}, "shape"),
    "no bits": ({"dtype": (2, 0, 1)}, "dtype"),
}


@pytest.mark.parametrize(("fields", "message"), BAD.values(), ids=BAD)
def test_r73_a_refused_tensor_stays_the_callers(fields, message):
    struct, out = Foreign(SIX, **fields), ctypes.c_void_p(0xDEAD)
    with pytest.raises(BufferError, match=message):
        function(Tensor, TO)(struct.address, ctypes.pointer(out))
    assert (struct.deletes, out.value) == (0, None)


def test_r73_a_null_tensor():
    with pytest.raises(BufferError, match="tensor"):
        function(Tensor, TO)(None, ctypes.c_void_p())


def test_r73_a_tensor_stays_the_callers_when_there_is_no_memory():
    testcapi = pytest.importorskip("_testcapi")
    failed = 0
    for start in range(1, 40):
        struct, out = Foreign(SIX), ctypes.c_void_p(0xDEAD)
        call, address, place = function(Tensor, TO), struct.address, ctypes.pointer(out)
        testcapi.set_nomemory(start, start + 1)
        try:
            code = call(address, place)
        except MemoryError:
            code = -1
        except ctypes.ArgumentError:
            code = None  # The call did not happen.
        finally:
            testcapi.remove_mem_hooks()
        if code == 0:
            _decref(out.value)
            gc.collect()
            assert struct.deletes == 1
        else:
            failed += code == -1 and out.value is None
            assert struct.deletes == 0
    assert failed


# Streams.


def test_x7_streams():
    out = ctypes.c_void_p(0xDEAD)
    for device_type in (abi.CPU, abi.CUDA):
        assert function(Tensor, STREAM)(device_type, 0, ctypes.pointer(out)) == 0
        assert out.value is None
    with pytest.raises(BufferError):
        function(Tensor, STREAM)(abi.CPU, 0, None)


@pytest.mark.parametrize(("device", "default"), [((abi.CUDA, 0), 1), ((abi.ROCM, 1), 0)])
def test_r82_exports_of_devices_follow_the_stream_that_consumers_are_told(device, default):
    own = ext.OwnDevice([1.0, 2.0], device)
    found = export(ext.OwnDevice, own)
    assert describe_struct(found)["device"] == device
    delete(found)
    assert [call[0] for call in own.calls] == ["tensor", "synchronize"]
    assert own.calls[1] == ("synchronize", None, default)


def test_r82_an_export_on_another_device_than_the_class_says_is_refused():
    """Its class would put it in order on the device that it says: where that is the CPU, by default, not at all."""
    own = ext.OwnDevice([1.0, 2.0], (abi.CUDA, 0), said=(abi.CPU, 0))
    with pytest.raises(BufferError, match="device cpu, as `Export::device` of the class says, found one on cuda:0"):
        export(ext.OwnDevice, own)
    assert [call[0] for call in own.calls] == ["tensor"]


def test_r82_an_export_that_cannot_be_put_in_order_is_refused():
    own = ext.OwnDevice([1.0], (abi.CUDA, 0))
    own.raises["synchronize"] = BufferError("no runtime")
    out = ctypes.c_void_p(0xDEAD)
    with pytest.raises(BufferError, match="no runtime"):
        function(ext.OwnDevice, FROM)(id(own), ctypes.pointer(out))
    assert out.value is None
    own.raises.clear()


# New tensors.


def prototype(shape, dtype=(2, 32, 1), device=(abi.CPU, 0)):
    made = abi.Tensor()
    ctypes.memset(ctypes.addressof(made), 0xA5, ctypes.sizeof(made))
    made.device, made.dtype = abi.Device(*device), abi.DataType(*dtype)
    made.ndim, made.shape = len(shape), (ctypes.c_int64 * max(len(shape), 1))(*shape)
    return made


def allocate(kind, made, set_error=SetError(), context=None):
    out = ctypes.c_void_p(0xDEAD)
    code = function(kind, ALLOCATE)(ctypes.pointer(made), ctypes.pointer(out), context, set_error)
    return code, out.value


@pytest.mark.parametrize("kind", [Tensor, ext.Own, ext.OwnDevice])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3), (1, 2, 3, 4), (2,) * 12])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "complex128", "float4_e2m1fn", "float32x4"])
def test_x6_allocations(kind, shape, dtype):
    code, address = allocate(kind, prototype(shape, abi.triple(dtype)))
    assert code == 0
    found = abi.ManagedTensorVersioned.from_address(address)
    seen = describe_struct(found)
    assert (seen["shape"], seen["strides"], seen["flags"]) == (shape, abi.row_major(shape), 0)
    assert (seen["dtype"], seen["device"], seen["version"]) == (abi.triple(dtype), (abi.CPU, 0), (1, 3))
    if 0 in shape:
        assert seen["raw_data"] == 0
    else:
        assert seen["data"] % 256 == 0
        ctypes.memset(seen["data"], 0x5A, int(np.prod(shape, dtype=int)) * abi.triple(dtype)[1] // 8)
    delete(found)


def test_r72_allocations_from_threads_that_do_not_hold_the_interpreter():
    call, failures = function(Tensor, ALLOCATE), []

    def work(seed):
        for i in range(200):
            made, out = prototype((seed + 1, i + 1)), ctypes.c_void_p()
            if call(ctypes.pointer(made), ctypes.pointer(out), None, SetError()) != 0:
                failures.append((seed, i))
                continue
            found = abi.ManagedTensorVersioned.from_address(out.value)
            ctypes.memset(found.dl_tensor.data, seed, 4 * (seed + 1) * (i + 1))
            delete(found)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_r68_a_refused_allocation_is_told_once():
    for device in [(abi.CUDA, 0), (abi.CUDA_HOST, 0), (abi.METAL, 0)]:
        reports = []
        tell = SetError(lambda *report: reports.append(report))
        code, out = allocate(ext.Own, prototype((2,), device=device), tell, 0x99)
        assert (code, out) == (-1, None)
        [(context, kind, message)] = reports
        assert (context, kind) == (0x99, b"BufferError")
        assert b"cpu" in message
        # R69: some consumers pass no function to tell.
        assert allocate(ext.Own, prototype((2,), device=device)) == (-1, None)


# Consumers that know tables.


@pytest.mark.library("tvm_ffi")
@pytest.mark.parametrize("make", [six, lambda: ext.Own([1.0, 2.0]), lambda: Derived([1.0])])
def test_tvm_ffi_takes_our_objects_by_table(make, monkeypatch):
    import tvm_ffi

    obj = make()
    taken = tvm_ffi.from_dlpack(obj)
    expected = np.from_dlpack(obj)
    assert np.from_dlpack(taken).tobytes() == expected.tobytes()
    assert np.from_dlpack(taken).ctypes.data == expected.ctypes.data
    # Not by the method: a class whose method refuses is still taken.
    class Mute(ext.Own):
        def __dlpack__(self, **_):
            raise AssertionError("not by table")

    mute = Mute([3.0, 4.0])
    assert np.from_dlpack(tvm_ffi.from_dlpack(mute)).tolist() == [3.0, 4.0]


@pytest.mark.library("torch")
def test_torch_shares_our_memory():
    import torch

    tensor = six()
    taken = torch.from_dlpack(tensor)
    assert (taken.data_ptr(), tuple(taken.shape)) == (ext.describe(tensor)["data"], (2, 3))
    taken[0, 0] = 42.0
    assert ext.to_bytes(tensor)[:4] == struct.pack("=f", 42.0)


def test_our_importer_takes_our_objects_by_table():
    tensor = six()
    seen = ext.describe(tensor)
    assert seen["route"] == "exchange"
    assert ext.borrow(tensor)["data"] == seen["data"]


# CPython 3.13 does so for `type("T", (), {"a": 0})`, too: it reads entries of a dictionary that were not written.
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="CPython from 3.12 on may crash if there is no memory for a class")
def test_r73_a_tensor_stays_the_callers_when_making_its_object_panics():
    """PyO3 panics if there is no memory for the class of the object, which is made with the first of its objects."""
    pytest.importorskip("_testcapi")
    if not hasattr(os, "fork"):
        pytest.skip("one process for each attempt")
    script = f"""
import ctypes, faulthandler, os, sys
import _testcapi
import dlpack_pyo3_tests as ext
sys.path.insert(0, {os.path.dirname(__file__)!r})
from kit import abi, capsules
from kit.exchange import FUNCTIONS
from kit.foreign import Foreign

# A child that crashes says where, although its error output is closed.
faulthandler.enable(os.dup(2))
table = abi.ExchangeApi.from_address(capsules.pointer(ext.Own.__dlpack_c_exchange_api__))
call = FUNCTIONS["{TO}"](getattr(table, "{TO}"))
seen = set()
for start in range(1, 60):
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        struct, out = Foreign(bytes(24), "float32", (2, 3)), ctypes.c_void_p(0xDEAD)
        address, place = struct.address, ctypes.pointer(out)
        _testcapi.set_nomemory(start, start + 1)
        try:
            code = call(address, place)
        except RuntimeError:
            code = "panicked"
        except ctypes.ArgumentError:
            code = 0 if not out.value or out.value == 0xDEAD else 1  # The call did not happen.
        except BaseException:
            code = "failed"
        _testcapi.remove_mem_hooks()
        if code == "panicked" and struct.deletes == 0:
            os._exit(2)
        os._exit(struct.deletes if code != 0 else 0)
    seen.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(sorted(seen))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # No attempt ended in an abort or with a call of the deleter; some of them panicked.
    assert done.stdout == "[0, 2]\n", done.stderr


# What every route has in common.

ROUTES = {
    "__dlpack__": lambda obj: ext.describe(obj.__dlpack__(max_version=(1, 3)))["shape"],
    "legacy": lambda obj: ext.describe(obj.__dlpack__())["shape"],
    "no stream": lambda obj: ext.describe(obj.__dlpack__(max_version=(1, 3), dl_device=(1, 0), copy=False))["shape"],
    "an argument": lambda obj: ext.describe(obj)["shape"],
    "borrowed": lambda obj: ext.borrow(obj)["shape"],
    "numpy": lambda obj: np.from_dlpack(obj).shape,
}
# The limited API of the oldest Python has none.
if ext.BUFFERS:
    ROUTES["buffer"] = lambda obj: memoryview(obj).shape


def test_each_route_asks_a_producer_again():
    sizes = range(len(ROUTES) + 1)
    # The last one is the first to be exported, when the object is made.
    relay = ext.relay([ext.hold(ext.make(bytes(size), "uint8", (size,))) for size in sizes])
    assert relay.shape == (len(ROUTES),)
    for size, route in zip(reversed(sizes[:-1]), ROUTES):
        assert ROUTES[route](relay) == (size,), route
    with pytest.raises(BufferError, match="can be lent"):
        lend(type(relay), relay)


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_synchronizes_with_the_cpu(route):
    own = ext.OwnDevice([1.0, 2.0], (1, 0))
    own.raises["synchronize"] = AssertionError("the tensor was ready")
    assert ROUTES[route](own) == (2,)
    assert "synchronize" not in [call[0] for call in own.calls]
    own.raises.clear()
