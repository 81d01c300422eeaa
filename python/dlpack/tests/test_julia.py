"""What DLPack.jl does, by a stand-in: Julia itself is not there.

`share` and `from_dlpack` below make and take capsules as that package does, field by field: by the older protocol, with the axes
reversed, with one capsule for all calls, and with a deleter that is called on a thread of its own.
"""

from __future__ import annotations

import ctypes
import doctest
import gc
import threading
import weakref
from pathlib import Path

import pytest

import dlpack
from dlpack.tests import FREE_THREADED


class ManagedTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


_api = ctypes.pythonapi
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", _api))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _api))
_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", _api))
_set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", _api))
_set_destructor = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(
    ("PyCapsule_SetDestructor", _api)
)
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
DLTENSOR, USED = b"dltensor", b"used_dltensor"


class JuliaArray:
    """An array of Julia: its elements in column-major order, and its size as Julia says it."""

    pool: "dict[int, JuliaArray]" = {}

    def __init__(self, *size: int) -> None:
        self.size = size
        count = 1
        for extent in size:
            count *= extent
        self.block = (ctypes.c_double * count)(*range(count))
        self.deleted: list[int] = []

    def __getitem__(self, indices):
        """`A[i, j]`, from one on."""
        place, step = 0, 1
        for index, extent in zip(indices, self.size):
            place += (index - 1) * step
            step *= extent
        return self.block[place]


class DLArray:
    """What `share` gives to functions that want an object: the same capsule for each call."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, stream=None):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


def _release(address):
    array = JuliaArray.pool.pop(address)
    array.deleted.append(threading.get_ident())


_RELEASE_POINTER = _RELEASE(_release)


def share(array, from_dlpack):
    """`DLPack.share(A, from_dlpack)`."""
    ndim, step, strides = len(array.size), 1, []
    for extent in array.size:
        strides.append(step)
        step *= extent
    array.shape = (ctypes.c_int64 * ndim)(*reversed(array.size))
    array.strides = (ctypes.c_int64 * ndim)(*reversed(strides))
    array.struct = ManagedTensor(
        ctypes.addressof(array.block), 1, 0, ndim, 2, 64, 1, array.shape, array.strides, 0, None, None
    )
    array.struct.manager_ctx = ctypes.addressof(array.struct)
    array.struct.deleter = ctypes.cast(_RELEASE_POINTER, ctypes.c_void_p)
    JuliaArray.pool[ctypes.addressof(array.struct)] = array
    return from_dlpack(DLArray(_new(ctypes.addressof(array.struct), DLTENSOR, None)))


class Wrapped:
    """What `from_dlpack` returns in Julia: an array of the memory, and a finalizer."""

    def __init__(self, pointer):
        self.pointer = pointer
        tensor = ManagedTensor.from_address(pointer)
        shape = [tensor.shape[i] for i in range(tensor.ndim)]
        strides = [tensor.strides[i] for i in range(tensor.ndim)]
        self.is_col_major = strides == [product(shape[:i]) for i in range(tensor.ndim)]
        self.size = tuple(shape if self.is_col_major else reversed(shape))
        # It does not add the offset.
        self.elements = (ctypes.c_double * product(shape)).from_address(tensor.data or 0)
        self.deleter = tensor.deleter

    def __getitem__(self, indices):
        place, step = 0, 1
        for index, extent in zip(indices, self.size):
            place += (index - 1) * step
            step *= extent
        return self.elements[place]

    def finalize(self):
        _RELEASE(self.deleter)(self.pointer)


def from_dlpack(x):
    """`from_dlpack(o)`."""
    return wrap(x, lambda x: x.__dlpack__())


def wrap(x, to_dlpack):
    """`wrap(o, to_dlpack)`."""
    capsule = to_dlpack(x)
    assert _name(capsule) == DLTENSOR, "PyCapsule in use, have you wrapped it already?"
    wrapped = Wrapped(_pointer(capsule, DLTENSOR))
    _set_name(capsule, USED)
    _set_destructor(capsule, None)
    return wrapped


def product(numbers):
    result = 1
    for number in numbers:
        result *= number
    return result


@pytest.mark.parametrize("size", [(3, 2), (4,), (2, 3, 4), (1, 5), (5, 1)])
def test_an_array_of_julia_is_row_major_with_its_axes_reversed(size):
    array = JuliaArray(*size)
    t = share(array, dlpack.asdlpack)
    assert t.shape == tuple(reversed(size))
    assert t.is_contiguous and t.address == ctypes.addressof(array.block)
    # As Julia indexes it, without a copy, and back again.
    reversed_ = t.permute()
    assert (reversed_.shape, reversed_.address) == (size, t.address)
    assert reversed_.permute().strides == t.strides
    last = tuple(extent - 1 for extent in size)
    assert reversed_[last].tolist() == array[tuple(i + 1 for i in last)]
    if len(size) == 2:
        for i in range(size[0]):
            for j in range(size[1]):
                assert array[i + 1, j + 1] == reversed_[i, j].tolist() == t[j, i].tolist()


def test_tensors_arrive_in_julia_in_both_orders():
    t = dlpack.asdlpack((ctypes.c_double * 6)(*range(6))).reshape(2, 3)
    rows = from_dlpack(t)
    assert (rows.size, rows.is_col_major) == ((3, 2), False)
    columns = from_dlpack(t.permute())
    assert (columns.size, columns.is_col_major) == ((3, 2), True)
    for i in range(3):
        for j in range(2):
            assert rows[i + 1, j + 1] == columns[i + 1, j + 1] == t[j, i].tolist()
    for wrapped in (rows, columns):
        assert ctypes.addressof(wrapped.elements) == t.address
        wrapped.finalize()


def test_no_offset_reaches_a_consumer_that_ignores_it():
    t = dlpack.asdlpack((ctypes.c_double * 6)(*range(6)))
    wrapped = from_dlpack(t[2:])
    assert ManagedTensor.from_address(wrapped.pointer).byte_offset == 0
    assert [wrapped[(i,)] for i in range(1, 5)] == [2, 3, 4, 5]
    wrapped.finalize()


def test_elements_in_neither_order_are_given_as_a_copy():
    t = dlpack.asdlpack((ctypes.c_double * 6)(*range(6)))[::2]
    assert not t.is_contiguous
    wrapped = from_dlpack(t.copy())
    assert [wrapped[(i,)] for i in range(1, 4)] == [0, 2, 4]
    wrapped.finalize()


def test_read_only_memory_is_copied():
    data = bytes(8)
    t = dlpack.asdlpack(data).view("float64")
    wrapped = from_dlpack(t)
    assert ctypes.addressof(wrapped.elements) != t.address
    wrapped.elements[0] = 1
    assert data == bytes(8)
    wrapped.finalize()


def test_memory_of_julia_is_written_where_the_caller_says_so():
    array = JuliaArray(2)
    assert share(array, dlpack.asdlpack).readonly
    t = share(array, lambda x: dlpack.asdlpack(x, readonly=False))
    memoryview(t)[0] = 7
    assert array[(1,)] == 7


def test_wrap_an_object_without_the_protocol():
    class Opaque:
        def __init__(self):
            self.memory = (ctypes.c_double * 3)(1, 2, 3)

    def to_dlpack(x):
        return dlpack.asdlpack(x.memory).__dlpack__()

    opaque = Opaque()
    wrapped = wrap(opaque, to_dlpack)
    assert [wrapped[(i,)] for i in (1, 2, 3)] == [1, 2, 3]
    wrapped.finalize()
    # The same in Python: a tensor of what the function makes.
    t = dlpack.asdlpack(to_dlpack(opaque))
    assert (t.tolist(), t.address) == ([1, 2, 3], ctypes.addressof(opaque.memory))


def test_a_capsule_is_taken_once():
    t = dlpack.asdlpack(bytearray(8)).view("float64")
    capsule = t.__dlpack__()
    from_julia = wrap(t, lambda _: capsule)
    with pytest.raises(ValueError):
        dlpack.asdlpack(capsule)
    from_julia.finalize()
    array = JuliaArray(2)
    objects = []
    share(array, objects.append)
    first = dlpack.asdlpack(objects[0], readonly=False)
    # `DLArray` has only one, and a `Tensor` as many as are asked for.
    with pytest.raises(ValueError):
        dlpack.asdlpack(objects[0])
    assert dlpack.asdlpack(first.__dlpack__()).address == first.address


def test_julia_keeps_python_memory_until_its_finalizer():
    class Owner(bytearray):
        pass

    data = Owner(16)
    dead = weakref.ref(data)
    wrapped = from_dlpack(dlpack.asdlpack(data).view("float64"))
    del data
    gc.collect()
    assert dead() is not None
    wrapped.finalize()
    gc.collect()
    assert dead() is None


def test_a_finalizer_on_any_thread():
    """On one that Python does not know, and that does not have the lock: the deleter itself is the thread's function."""
    try:
        libc = ctypes.CDLL(None)
        create, join = libc.pthread_create, libc.pthread_join
    except (AttributeError, OSError, TypeError):
        pytest.skip("there are no POSIX threads")
    block = (ctypes.c_double * 2)()
    calls = []
    for _ in range(20):
        t = dlpack.from_pointer(
            ctypes.addressof(block), 2, "float64", device="cpu", deleter=lambda _: calls.append(threading.get_ident())
        )
        wrapped = from_dlpack(t)
        del t
        thread = ctypes.c_ulong()
        create.argtypes = [ctypes.c_void_p] * 4
        join.argtypes = [ctypes.c_ulong, ctypes.c_void_p]
        assert create(ctypes.byref(thread), None, wrapped.deleter, wrapped.pointer) == 0
        assert join(thread, None) == 0
    assert len(calls) == 20
    assert FREE_THREADED or threading.get_ident() not in calls


def test_memory_of_julia_lives_as_long_as_any_consumer():
    array = JuliaArray(3, 2)
    deleted = array.deleted
    t = share(array, dlpack.asdlpack)
    parts = [t[0], t.permute()[1:], memoryview(t), t.__dlpack__(max_version=(1, 0))]
    del array, t
    gc.collect()
    while parts:
        assert not deleted
        box = [parts.pop()]
        thread = threading.Thread(target=box.clear)
        thread.start()
        thread.join()
    gc.collect()
    assert len(deleted) == 1
    assert FREE_THREADED or deleted[0] != threading.get_ident()
    assert not JuliaArray.pool


def test_the_page():
    page = Path(dlpack.__file__).with_name("julia.md").read_text()
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(page.replace("```", ""), {}, "julia.md", None, 0)
    assert len(test.examples) == 5
    doctest.DocTestRunner().run(test, out=said.append)
    assert not said, "".join(said)
