"""The buffer protocol of exported classes: what `memoryview`, NumPy and C see of a tensor in main memory."""

import array
import contextlib
import ctypes
import gc
import hashlib
import itertools
import pickle
import struct
import sys
import weakref

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, process, report
from kit.builds import exports_buffers
from kit.foreign import Foreign


def _has_buffers():
    try:
        memoryview(ext.make(b"1", "uint8", (1,)))
    except TypeError:
        return False
    return True


pytestmark = [
    pytest.mark.skipif(not _has_buffers(), reason="no buffers in the limited API of 3.10"),
    pytest.mark.usefixtures("nothing_is_lost"),
]

SIX = struct.pack("=6f", *range(6))

WRITABLE, FORMAT, ND, STRIDES = 1, 4, 8, 0x18
C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS, INDIRECT = 0x38, 0x58, 0x98, 0x118
FULL_RO = INDIRECT | FORMAT


class PyBuffer(ctypes.Structure):
    """`Py_buffer`, as the documentation of CPython has it."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(PyBuffer), ctypes.c_int)(
    ("PyObject_GetBuffer", ctypes.pythonapi)
)
_release = ctypes.PYFUNCTYPE(None, ctypes.POINTER(PyBuffer))(
    ("PyBuffer_Release", ctypes.pythonapi)
)


def get(obj, flags):
    """What the object fills in; raises, and asserts then that no object is left in the buffer."""
    buffer = PyBuffer()
    ctypes.memset(ctypes.addressof(buffer), 0xA5, ctypes.sizeof(buffer))
    try:
        _get(obj, ctypes.pointer(buffer), flags)
    except BaseException:
        assert buffer.obj is None
        raise
    return buffer


def six(**keywords):
    return ext.make(SIX, "float32", (2, 3), **keywords)


# The formats of the module `struct`, and NumPy's for complex numbers.
FORMATS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "complex64": "Zf",
    "complex128": "Zd",
}


@pytest.mark.parametrize("dtype", FORMATS)
def test_formats(dtype):
    data = np.arange(6).astype(dtype)
    tensor = ext.make(data.tobytes(), dtype, (2, 3))
    view = memoryview(tensor)
    assert (view.format, view.itemsize, view.nbytes) == (FORMATS[dtype], data.itemsize, data.nbytes)
    assert (view.shape, view.ndim, view.readonly, view.suboffsets) == ((2, 3), 2, False, ())
    assert view.strides == (3 * data.itemsize, data.itemsize)
    # Read by `memoryview`, which has not learnt all formats, and by NumPy.
    if view.format in "?bhiqBHIQfd":
        assert view.tolist() == data.reshape(2, 3).tolist()
    taken = np.asarray(tensor)
    assert taken.dtype == data.dtype
    assert taken.tolist() == data.reshape(2, 3).tolist()
    assert taken.ctypes.data == ext.describe(tensor)["data"]


NO_FORMAT = sorted(set(report.DTYPES) - set(FORMATS) - {"opaque_handle64"})


@pytest.mark.parametrize("dtype", NO_FORMAT)
def test_dtypes_without_a_format(dtype):
    data = bytes(range(64))
    tensor = ext.make(data, dtype, (4,))
    for flags in (FORMAT, FULL_RO):
        with pytest.raises(BufferError, match=f"found {dtype}$"):
            get(tensor, flags)
    # Nobody asks for a format.
    buffer = get(tensor, 0)
    assert (buffer.len, buffer.format, buffer.buf) == (tensor.nbytes, None, tensor.data_ptr())
    assert ctypes.string_at(buffer.buf, buffer.len) == data[: tensor.nbytes]
    _release(buffer)
    assert hashlib.sha256(tensor).digest() == hashlib.sha256(data[: tensor.nbytes]).digest()
    _, bits, lanes = abi.triple(dtype)
    if bits * lanes % 8:
        with pytest.raises(BufferError, match=f"found {dtype}$"):
            get(tensor, STRIDES)
    else:
        buffer = get(tensor, STRIDES)
        assert (buffer.itemsize, buffer.ndim, buffer.shape[0], buffer.strides[0]) == (bits * lanes // 8, 1, 4, bits * lanes // 8)
        _release(buffer)


LAYOUTS = {
    "rows": ((2, 3), (3, 1)),
    "columns": ((2, 3), (1, 2)),
    "gaps": ((2, 2), (3, 1)),
    "steps": ((3,), (2,)),
    "one element": ((1, 1), (1, 1)),
    "one axis of one": ((3, 1, 2), (2, 2, 1)),
    "no axes": ((), ()),
    "no elements": ((0, 3), (3, 1)),
    "many axes": ((1,) * 60 + (2, 3), None),
}


@pytest.mark.parametrize(("shape", "strides"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(shape, strides):
    tensor = ext.make(SIX, "float32", shape, strides=strides)
    strides = abi.row_major(shape) if strides is None else strides
    flat = np.frombuffer(SIX, "f4")
    expected = np.lib.stride_tricks.as_strided(flat, shape, [4 * n for n in strides])
    view = memoryview(tensor)
    assert (view.shape, view.strides) == (shape, tuple(4 * n for n in strides))
    assert (view.c_contiguous, view.f_contiguous) == (expected.flags.c_contiguous, expected.flags.f_contiguous)
    assert view.nbytes == expected.nbytes
    assert view.tobytes() == expected.tobytes()
    if len(shape) <= 32:
        assert np.array_equal(np.asarray(tensor), expected)


EXTRAS = [0, WRITABLE, FORMAT, WRITABLE | FORMAT]
ORDERS = [0, ND, STRIDES, C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS, INDIRECT]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("read_only", [False, True])
def test_every_kind_of_request(name, read_only):
    shape, strides = LAYOUTS[name]
    tensor = ext.make(SIX, "float32", shape, strides=strides, read_only=read_only)
    strides = abi.row_major(shape) if strides is None else strides
    model = np.lib.stride_tricks.as_strided(np.frombuffer(SIX, "f4"), shape, [4 * n for n in strides])
    rows, columns = model.flags.c_contiguous, model.flags.f_contiguous
    for order, extra in itertools.product(ORDERS, EXTRAS):
        possible = {
            0: rows, ND: rows, STRIDES: True, INDIRECT: True,
            C_CONTIGUOUS: rows, F_CONTIGUOUS: columns, ANY_CONTIGUOUS: rows or columns,
        }[order]  # fmt: skip
        if not possible or (read_only and extra & WRITABLE):
            with pytest.raises(BufferError, match="^expected .* found "):
                get(tensor, order | extra)
            continue
        buffer = get(tensor, order | extra)
        lender = ctypes.cast(buffer.obj, ctypes.py_object).value
        before = sys.getrefcount(lender)
        assert (buffer.len, buffer.itemsize) == (model.nbytes, 4)
        assert (buffer.readonly, buffer.suboffsets) == (int(read_only), None)
        assert buffer.format == (b"f" if extra & FORMAT else None)
        assert buffer.buf == ext.describe(tensor)["data"] if model.size else buffer.buf
        has_shape, has_strides = order & ND and shape, order & 0x10 and shape
        assert (bool(buffer.shape), bool(buffer.strides)) == (bool(has_shape), bool(has_strides))
        assert buffer.ndim == (len(shape) if order & ND else 1)
        if has_shape:
            assert tuple(buffer.shape[: len(shape)]) == shape
        if has_strides:
            assert tuple(buffer.strides[: len(shape)]) == tuple(4 * n for n in strides)
        _release(ctypes.pointer(buffer))
        assert (sys.getrefcount(lender), buffer.obj) == (before - 1, None)


def test_writes_arrive():
    tensor = six()
    memoryview(tensor)[1, 2] = 42.0
    np.asarray(tensor)[0, 0] = 7.0
    assert struct.unpack("=6f", ext.to_bytes(tensor)) == (7.0, 1.0, 2.0, 3.0, 4.0, 42.0)


def test_read_only_memory_is_read_only():
    tensor = six(read_only=True)
    view = memoryview(tensor)
    assert view.readonly
    with pytest.raises(TypeError, match="read-only"):
        view[0, 0] = 1.0
    assert not np.asarray(tensor).flags.writeable
    with pytest.raises((BufferError, TypeError)):
        (ctypes.c_char * 24).from_buffer(tensor)


def test_a_buffer_keeps_the_memory():
    live = ext.live()
    view = memoryview(six())
    other = view[1:]
    gc.collect()
    assert (ext.live(), view.tobytes()) == (live + 1, SIX)
    view.release()
    assert (ext.live(), other.tobytes()) == (live + 1, SIX[12:])
    other.release()
    assert ext.live() == live


def test_many_buffers_of_one_object():
    tensor = six()
    views = [memoryview(tensor) for _ in range(100)]
    for view in views[::2]:
        view.release()
    assert all(view.tobytes() == SIX for view in views[1::2])


def test_as_bytes():
    tensor = six()
    assert bytes(tensor) == SIX
    assert bytearray(tensor) == SIX
    assert b"".join([tensor]) == SIX
    assert array.array("f", memoryview(tensor).cast("B").cast("f")).tolist() == list(range(6))
    assert np.frombuffer(tensor, "f4").tolist() == list(range(6))


def test_the_memory_of_devices_has_no_buffer():
    for device in [(abi.CUDA, 0), (abi.CUDA_HOST, 0), (abi.METAL, 0)]:
        with pytest.raises(BufferError, match="cpu|host"):
            memoryview(ext.OwnDevice([1.0], device))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"address": None}, "null"),
        ({"byte_offset": 2**63}, "offset"),
        ({"byte_offset": 2**64 - 4}, "offset"),
        ({"address": 2**64 - 8}, "address space"),
        ({"address": 2**64 - 64, "byte_offset": 64}, "address space"),
        ({"strides": (3, -(1 << 46))}, "address space"),
        ({"strides": "to null"}, "address space"),
    ],
)
def test_memory_without_an_address_has_no_buffer(fields, message):
    to_null = fields.get("strides") == "to null"
    foreign = Foreign(SIX, "float32", (2, 3), **({} if to_null else fields))
    if to_null:
        # The last element of three is at the address 0.
        foreign.strides_array[1] = -foreign.start // 8
    tensor = ext.hold(foreign.capsule()).export()
    with pytest.raises(BufferError, match=message):
        memoryview(tensor)
    del tensor
    gc.collect()
    assert foreign.deletes == 1


def test_own_classes():
    own = ext.Own([1.0, 2.0, 3.0])
    view = memoryview(own)
    assert (view.tolist(), view.readonly) == ([1.0, 2.0, 3.0], True)
    assert np.asarray(own).ctypes.data == own.address

    class Derived(ext.Own):
        pass

    assert memoryview(Derived([4.0])).tolist() == [4.0]
    shared = ext.OwnShared([1.0, 2.0])
    view = memoryview(shared)
    assert (shared.holders, view.readonly) == (2, True)
    shared.fill(7.0)
    assert (view.tolist(), memoryview(shared).tolist()) == ([1.0, 2.0], [7.0, 7.0])
    view.release()
    gc.collect()
    assert shared.holders == 1


def test_the_exception_of_a_method_arrives():
    own = ext.OwnDevice([1.0], (abi.CPU, 0))
    own.raises["tensor"] = KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        memoryview(own)
    own.raises.clear()


def test_a_panic_is_an_exception():
    with pytest.raises(BaseException, match="tensor panics") as caught:
        memoryview(ext.Panics("tensor"))
    assert caught.type.__name__ == "PanicException"


def test_buffers_do_not_leak():
    tensor = six()
    before = sys.getrefcount(tensor)
    for _ in range(1000):
        memoryview(tensor).release()
        with pytest.raises(BufferError):
            get(tensor, F_CONTIGUOUS)
    assert sys.getrefcount(tensor) == before


def test_a_buffer_of_a_buffer():
    live = ext.live()
    kept = pickle.PickleBuffer(six())
    assert (bytes(kept), memoryview(kept).shape, kept.raw().nbytes) == (SIX, (2, 3), len(SIX))
    assert pickle.loads(pickle.dumps(kept, 5), buffers=[kept]) == SIX
    for flags, possible in ((STRIDES | WRITABLE, True), (F_CONTIGUOUS, False)):
        lender = memoryview(kept).obj
        if possible:
            buffer = get(lender, flags)
            assert buffer.ndim == 2
            _release(ctypes.pointer(buffer))
        else:
            with pytest.raises(BufferError, match="^expected .* found "):
                get(lender, flags)
    kept.release()
    del kept, lender
    assert ext.live() == live


def test_no_memory_for_the_first_buffer():
    pytest.importorskip("_testcapi")
    program = """
    import _testcapi, dlpack_pyo3_tests as ext

    tensor, refused = ext.make(b"abcd", "uint8", (4,)), 0
    before = ext.live()
    # The first allocation of Python's fails, the second, and so on, until one request needs no more of them.
    for start in range(20):
        view = None
        _testcapi.set_nomemory(start, start + 1)
        try:
            view = memoryview(tensor)
        except MemoryError:
            refused += 1
        _testcapi.remove_mem_hooks()
        assert view is None or bytes(view) == b"abcd"
        del view
        assert ext.live() == before
    print(refused > 1)
    """
    assert process.run(program) == "True\n"


@exports_buffers
def test_the_struct_of_a_buffer_stays_where_it_was_filled():
    """It may point into itself, and the object may know it by its address."""
    own = ext.OwnBuffer()
    held = [ext.hold(own)]
    held[0].release()
    holder = ext.Holder(own)
    holder.release_on_thread()
    tensor = ext.hold(own).export()
    assert bytes(tensor) == b"12345678"
    del tensor
    with pytest.raises(TypeError):
        ext.typed_f32(own)
    assert own.counts() == (4, 0)


def test_a_pending_exception_survives_the_release_of_a_buffer():
    # The owner of the buffer's tensor clears the exception that is set, when it is dropped with the buffer.
    tensors = [ext.hold(ext.sloppy()) for _ in range(3)]
    relayed = ext.relay(tensors)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            (memoryview(relayed), 1 / 0)


BUFFERS = {
    "view": memoryview,
    "view of a view": lambda array: memoryview(memoryview(array)),
    "part of a view": lambda array: memoryview(array)[1:],
    "buffer of pickle": pickle.PickleBuffer,
    "buffer of a view": lambda array: pickle.PickleBuffer(memoryview(array)),
}


@pytest.mark.library("numpy")
@pytest.mark.parametrize("kind", BUFFERS)
def test_an_array_is_not_resized_under_its_buffer(kind):
    """NumPy takes a single reference for that of the caller of `resize`, and a buffer is one."""
    import numpy

    arrays = [numpy.ones(1000)]
    buffer = BUFFERS[kind](arrays[0])
    held = ext.hold(buffer)
    if isinstance(buffer, pickle.PickleBuffer):
        buffer.release()
    del buffer
    with pytest.raises(ValueError, match="cannot resize"):
        arrays.pop().resize(1_000_000)
    assert held.describe()["shape"][0] >= 999


@pytest.mark.library("numpy")
def test_a_released_buffer_lets_its_array_go():
    import numpy

    arrays = [numpy.ones(1000)]
    held = ext.hold(memoryview(arrays[0]))
    held.release()
    arrays.pop().resize(1_000_000)


def _of_a_memoryview(object):
    with memoryview(object) as view:
        return np.ndarray(2, np.uint8, view)


@pytest.mark.parametrize("make", [_of_a_memoryview, lambda object: np.frombuffer(object, np.uint8), np.asarray])
def test_an_array_of_a_buffer_keeps_the_memory(make):
    """NumPy releases some buffers at once, and keeps only an object."""
    live = ext.live()
    array = make(ext.OwnNothing())
    gc.collect()
    assert (ext.live(), array.tolist()) == (live + 1, [1, 2])
    del array
    assert ext.live() == live


@pytest.mark.library("torch")
def test_a_tensor_of_a_buffer_keeps_the_memory():
    """PyTorch releases the buffer at once, and keeps only the object that has lent it."""
    import torch

    tensor = torch.frombuffer(ext.OwnNothing(), dtype=torch.uint8)
    gc.collect()
    other = [ext.OwnNothing() for _ in range(9)], [memoryview(ext.OwnNothing()) for _ in range(9)]
    tensor += 1
    assert tensor.tolist() == [2, 3]
    assert [bytes(view) for view in other[1]] == [b"\x01\x02"] * 9


@pytest.mark.parametrize("other", [bytes, np.ndarray, ctypes.c_uint16, np.uint16])
@pytest.mark.parametrize("members", [{}, {"__release_buffer__": lambda self, view: None}])
def test_what_another_base_of_a_class_has_lent_is_not_released(other, members):
    """Python takes each of the two functions from the first base that has it. NumPy's numbers leave in `internal` what was there."""
    both = type("Both", (other, ext.OwnNothing), members)(2)
    for _ in range(3):
        # That was there.
        memoryview(ext.OwnNothing()).release()
        with memoryview(both) as view:
            assert view.nbytes in (2, 16)
    assert bytes(ext.OwnNothing()) == b"\x01\x02"


CHANGES = {
    "class": lambda object: setattr(object, "__class__", type(object).later),
    "bases": lambda object: setattr(type(object), "__bases__", (bytearray, ext.OwnNothing)),
    "function": lambda object: setattr(type(object), "__release_buffer__", bytearray.__release_buffer__),
}


@pytest.mark.parametrize("members", [{}, {"__release_buffer__": lambda self, view: None}])
@pytest.mark.parametrize("change", CHANGES)
def test_another_class_by_the_time_of_the_release(change, members):
    """The other base would take the buffer for one of its own, and count one less than there are."""
    if change != "class" and sys.version_info < (3, 12):
        pytest.skip("a class keeps both functions before 3.12")

    class Later(bytearray, ext.OwnNothing):
        pass

    First = type("First", (ext.OwnNothing, bytearray), {"later": Later, **members})
    first = bytearray.__new__(First)
    bytearray.__init__(first, b"abc")
    with memoryview(first) as view:
        CHANGES[change](first)
        assert bytes(view) == b"\x01\x02"
    # A view of `bytearray` counts, and that of before does not count for it.
    counts = bytearray.__buffer__ if sys.version_info >= (3, 12) and change != "class" else lambda first, _: first
    with memoryview(counts(first, 0)), pytest.raises(BufferError):
        first.clear()


class _Bare:
    __slots__ = ()


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (lambda: ext.Own([1.0]), type("Derived", (ext.Own,), {"__slots__": ()})),
        (lambda: type("Derived", (ext.Own,), {"__slots__": ()})([1.0]), ext.Own),
        (ext.OwnNothing, type("Derived", (ext.OwnNothing,), {"__slots__": ()})),
        (ext.OwnNothing, _Bare),
    ],
)
def test_an_object_of_another_class_by_the_time_of_the_release(first, later):
    """CPython with threads side by side does not let an object change so."""
    object, new = first(), []
    with memoryview(object) as view:
        lender, elements = view.obj, bytes(view)
        with contextlib.suppress(TypeError):
            object.__class__ = later
        assert bytes(view) == elements
    assert type(object) is later or not sys._is_gil_enabled()
    del view
    assert sys.getrefcount(lender) == sys.getrefcount(new)


def test_a_class_without_buffers_by_the_time_of_the_release():
    """Python calls nothing then. What is lent ends nevertheless."""

    class Meta(type):
        hidden = False

        def mro(cls):
            return [cls, object] if Meta.hidden else super().mro()

    class Hiding(ext.Own, metaclass=Meta):
        pass

    hiding = Hiding([1.0, 2.0])
    ended = weakref.ref(hiding)
    with memoryview(hiding) as view:
        Meta.hidden = True
        Hiding.__bases__ = Hiding.__bases__
        assert Hiding.__mro__ == (Hiding, object)
        assert view.tolist() == [1.0, 2.0]
    del hiding
    assert ended() is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`__buffer__` is an attribute since 3.12")
def test_another_base_releases_nothing_of_this_one():
    """It would take the buffer for one of its own, and count one less than there are."""

    class Both(bytearray, ext.OwnNothing):
        pass

    class Third(bytearray, ext.OwnNothing):
        def __release_buffer__(self, view):
            super().__release_buffer__(view)

    for both in (Both(b"abc"), Third(b"abc")):
        for _ in range(3):
            with ext.OwnNothing.__buffer__(both, 0) as view:
                assert bytes(view) == b"\x01\x02"
        with bytearray.__buffer__(both, 0), pytest.raises(BufferError):
            both.clear()


@pytest.mark.parametrize("members", [{}, {"__release_buffer__": lambda self, view: None}])
def test_a_class_that_ends_before_its_buffer(members):
    """The garbage collector clears classes, too. Python finds no function then that releases a buffer."""
    derived = type("Derived", (ext.OwnNothing,), members)()
    derived.members = members
    live = ext.live()
    derived.views = [memoryview(derived) for _ in range(3)]
    assert ext.live() == live + 3
    del derived
    gc.collect()
    assert ext.live() == live


@pytest.mark.parametrize("members", [{}, {"__release_buffer__": lambda self, view: None}])
def test_another_class_without_buffers_by_the_time_of_the_release(members):
    """Python calls nothing then. What is lent ends nevertheless."""

    class Meta(type):
        def mro(cls):
            return [cls, object]

    class Later(ext.Own, metaclass=Meta):
        pass

    first = type("First", (ext.Own,), members)([1.0, 2.0])
    ended = weakref.ref(first)
    with memoryview(first) as view:
        first.__class__ = Later
        assert view.tolist() == [1.0, 2.0]
    del first
    assert ended() is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`__release_buffer__` is an attribute since 3.12")
def test_a_class_without_its_release(monkeypatch):
    """A program may take it away, or put another in its place."""

    def view():
        return memoryview(ext.make(b"123", "uint8", (3,)))

    before, tensors = view(), type(ext.make(b"1", "uint8", (1,)))
    live = ext.live()
    monkeypatch.delattr(tensors, "__release_buffer__")
    assert bytes(view()) == b"123"
    monkeypatch.setattr(tensors, "__release_buffer__", lambda self, view: None, raising=False)
    assert bytes(view()) == b"123"
    assert ext.live() == live
    before.release()
    assert ext.live() == live - 1


def test_classes_without_fields():
    """With optimisations, their objects end by the same function, and CPython lets an object change from one to the other."""

    def change(object, to):
        with contextlib.suppress(TypeError):
            object.__class__ = to

    lent, other = ext.OwnNothing(), ext.OwnBytes()
    with memoryview(lent) as view, memoryview(other) as another:
        assert view.obj is not lent
        change(lent, ext.OwnBytes)
        change(other, ext.OwnNothing)
        assert bytes(view) == b"\x01\x02"
        assert bytes(another) == b"12345678"


def test_a_class_that_extends_one_with_buffers():
    extending = ext.OwnExtending()
    assert bytes(extending) == b"\x01\x02"
    assert extending.counts() == (0, 0)
    if sys.version_info >= (3, 12):
        with ext.OwnBuffer.__buffer__(extending, STRIDES) as view:
            assert bytes(view) == b"12345678"
        assert extending.counts() == (0, 0)
        assert bytes(extending) == b"\x01\x02"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`__release_buffer__` is an attribute since 3.12")
@pytest.mark.parametrize("base", [ext.OwnNothing, lambda: ext.Own([1.0])], ids=["nothing", "fields"])
def test_a_derived_class_that_lends_is_told_of_a_release(base):
    """One that has no `__buffer__` of its own is not told."""

    class Derived(type(base())):
        def __buffer__(self, flags):
            return super().__buffer__(flags)

        def __release_buffer__(self, view):
            released.append(view.nbytes)

    released = []
    derived = Derived() if base is ext.OwnNothing else Derived([1.0])
    for _ in range(3):
        with memoryview(derived) as view:
            assert view.nbytes in (2, 4)
    assert len(released) == 3
