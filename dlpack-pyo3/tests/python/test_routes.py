"""The faster routes: taken where they may be, and what comes by them is what `__dlpack__` gives."""

import array
import ctypes
import gc
import mmap
import os
import struct
import sys
import threading
import weakref

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, values
from kit.builds import sees_changes
from kit.exchange import Table, type_for
from kit.foreign import Foreign
from kit.peek import peek
from kit.process import run

NAMES = {
    (0, 8): "int8", (0, 16): "int16", (0, 32): "int32", (0, 64): "int64",
    (1, 8): "uint8", (1, 16): "uint16", (1, 32): "uint32", (1, 64): "uint64",
    (2, 16): "float16", (2, 32): "float32", (2, 64): "float64",
    (5, 64): "complex64", (5, 128): "complex128", (6, 8): "bool",
}  # fmt: skip

NUMBERS = "?bBhHiIlLqQpPefdFD"

LAYOUTS = {
    "plain": lambda a: a,
    "transposed": lambda a: a.T,
    "steps": lambda a: a[::2, ::3],
    "backwards": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], (5, *a.shape[1:])),
    "row": lambda a: a[1:2],
    "column": lambda a: a[:, 2:3],
    "no rows": lambda a: a[:0],
    "no axes": lambda a: a[0, 0, ...].reshape(()),
    "nine axes": lambda a: a.reshape((1,) * 7 + a.shape),
    "frozen": lambda a: frozen(a),
}


def frozen(a):
    a.flags.writeable = False
    return a


def grid(dtype):
    """Twenty-four elements, of bytes that are no numbers of note."""
    size = np.dtype(dtype).itemsize
    return np.frombuffer(bytes(i % 2 for i in range(24 * size)), dtype).copy().reshape(4, 6)


def assert_as_protocol(taken, obj):
    """Asserts that a description says the same as the struct in the object's capsule, read by an independent reader."""
    seen = peek(obj)
    code, bits, lanes = seen["dtype"]
    assert lanes == 1
    assert taken["dtype"] == NAMES[code, bits]
    assert (taken["shape"], taken["device"], taken["data"]) == (seen["shape"], seen["device"], seen["data"])
    assert taken["access"] == ("read-only" if seen["flags"] & abi.READ_ONLY else "writable")
    assert taken["flags"] == seen["flags"]
    if 0 not in seen["shape"]:
        matter = [axis for axis, size in enumerate(seen["shape"]) if size != 1]
        # NumPy leaves out those of contiguous arrays before 2.3.
        strides = seen["strides"] or abi.row_major(seen["shape"])
        assert [taken["strides"][axis] for axis in matter] == [strides[axis] for axis in matter]


# NumPy.


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("letter", [letter for letter in NUMBERS if letter not in "pP"])
def test_numpy_as_the_protocol_says(letter, layout):
    made = LAYOUTS[layout](grid(letter))
    taken = ext.describe(made)
    assert taken["route"] == "numpy"
    assert taken["version"] is None
    assert_as_protocol(taken, made)
    assert ext.to_bytes(made) == made.tobytes()


UNUSUAL = {
    "another byte order": lambda: np.zeros(3, np.dtype("f4").newbyteorder()),
    "long double": lambda: np.zeros(3, "g"),
    "complex long double": lambda: np.zeros(3, "G"),
    "dates": lambda: np.zeros(3, "M8[s]"),
    "times": lambda: np.zeros(3, "m8[s]"),
    "objects": lambda: np.array([None, 1]),
    "bytes": lambda: np.array([b"ab"]),
    "text": lambda: np.array(["ab"]),
    "records": lambda: np.zeros(3, [("a", "i1"), ("b", "f4")]),
    "a field": lambda: np.zeros(3, [("a", "i1"), ("b", "f4")])["b"],
    "text of any length": lambda: np.array(["ab"], np.dtypes.StringDType()),
}


@pytest.mark.parametrize("make", UNUSUAL.values(), ids=UNUSUAL)
def test_numpy_judges_what_is_unusual(make):
    made = make()
    with pytest.raises(Exception) as theirs:
        made.__dlpack__(max_version=(1, 3))
    with pytest.raises(theirs.type) as ours:
        ext.describe(made)
    assert str(ours.value) == str(theirs.value)


def test_numpy_of_the_other_order_of_one_byte():
    made = np.zeros(3, ">i1")
    assert_as_protocol(ext.describe(made), made)


def test_numpy_that_is_not_aligned():
    made = np.frombuffer(bytearray(41), "f8", offset=1, count=5)
    assert not made.flags.aligned
    taken = ext.describe(made)
    assert taken["route"] == "numpy"
    assert_as_protocol(taken, made)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ma.masked_array([1.0, 2.0], [False, False]),
        lambda: np.matrix([[1.0, 2.0]]),
        lambda: np.rec.array([1.0, 2.0]),
        lambda: np.memmap.__new__(np.memmap, __file__, mode="r"),
        lambda: type("Sub", (np.ndarray,), {})(3),
    ],
    ids=["masked", "matrix", "rec", "memmap", "sub"],
)
def test_numpy_of_other_classes_goes_by_the_protocol(make):
    made = make()
    try:
        made.__dlpack__(max_version=(1, 3))
    except Exception as error:
        with pytest.raises(type(error)):
            ext.describe(made)
    else:
        taken = ext.describe(made)
        assert taken["route"] == "protocol"
        assert_as_protocol(taken, made)


def test_numpy_is_known_by_its_identity():
    fake = type("ndarray", (), {"__module__": "numpy", "__dlpack__": lambda self, **k: self.inner.__dlpack__(**k)})()
    fake.inner = np.arange(3.0)
    assert ext.describe(fake)["route"] == "protocol"


@pytest.mark.parametrize("abi_version", [0x01000008, 0x01000009, 0x02000000, 0x02000001, 0x03000000, 2**70, "2", None])
def test_numpy_of_an_abi_that_is_not_known_goes_by_the_protocol(abi_version):
    """NumPy's module says which it is; whoever stands in for the module says no more than that."""
    script = f"""
        import types
        import numpy

        name = "numpy._core._multiarray_umath"
        real, module = sys.modules[name], types.ModuleType(name)
        module._get_ndarray_c_version = lambda: {abi_version!r}
        sys.modules[name] = module
        array = numpy.arange(3, dtype="u1")
        for _ in range(2):
            print(ext.describe(array)["route"], ext.to_bytes(array))
    """
    route = "numpy" if abi_version in (0x01000009, 0x02000000) else "protocol"
    assert run(script) == f"{route} b'\\x00\\x01\\x02'\n" * 2


@pytest.mark.parametrize("attribute", ["_ARRAY_API", "_get_ndarray_c_version", "ndarray"])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_who_stands_in_for_numpy_is_not_believed(attribute, is_loaded):
    """A class of another library, a capsule of it, and a module under the name of NumPy's own."""
    script = f"""
        import ctypes, datetime, types
        if {is_loaded}:
            import numpy

        class Array:
            # Null pointers, where the fields of an array would be.
            __slots__ = tuple("abcdefgh")
            __module__ = "numpy"

            def __dlpack__(self, **asked):
                return make().__dlpack__(**NEW)

        Array.__name__ = Array.__qualname__ = "ndarray"
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        word = ctypes.c_size_t(1)
        capsule = new(ctypes.addressof(word), None, None)
        for name in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
            module = types.SimpleNamespace()
            module._ARRAY_API = module._get_ndarray_c_version = module.ndarray = capsule
            if {attribute!r} == "_get_ndarray_c_version":
                module._get_ndarray_c_version = lambda: 0x02000000
            sys.modules[name] = module
        for _ in range(2):
            print(ext.describe(Array())["route"], ext.to_bytes(Array()), ext.borrow(Array())["shape"])
        if {is_loaded}:
            print(ext.to_bytes(numpy.arange(2, dtype="u1")))
    """
    expected = "protocol b'12345678' (8,)\n" * 2 + "b'\\x00\\x01'\n" * is_loaded
    assert run(script) == expected


def test_numpy_of_a_tensor_keeps_the_device_that_it_came_with():
    """The memory of such an array may be on another device than the CPU: NumPy is asked."""
    made = np.from_dlpack(ext.make(bytes(24), "float32", (2, 3)))
    for view in [made, made[1:], made.T[::2]]:
        taken = ext.describe(view)
        assert taken["route"] == "protocol"
        assert_as_protocol(taken, view)


def test_numpy_arrays_on_other_memory():
    for base in [bytearray(24), bytes(24), memoryview(bytearray(24)), np.zeros(3), mmap.mmap(-1, 24)]:
        made = np.frombuffer(base, "f4")[1:]
        taken = ext.describe(made)
        assert taken["route"] == "numpy"
        assert_as_protocol(taken, made)


def test_numpy_arrays_live_until_the_tensor_is_dropped():
    made = np.arange(5.0)
    expected = made.tobytes()
    before = sys.getrefcount(made)
    held = ext.hold(made)
    # One of them would look to NumPy like that of whoever calls `resize`.
    assert sys.getrefcount(made) == before + 2
    with pytest.raises(ValueError, match="resize"):
        made.resize(500)
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is not None
    assert held.to_bytes() == expected
    held.release()
    assert gone() is None


def test_numpy_arrays_are_released_on_other_threads():
    made = np.arange(5.0)
    before = sys.getrefcount(made)
    for _ in range(50):
        ext.hold(made).send_to_thread()
    assert sys.getrefcount(made) == before


def test_numpy_arrays_that_change_afterwards():
    made = np.arange(12.0).reshape(3, 4)
    held = ext.hold(made)
    before = held.describe()
    made.shape = (12,)
    assert held.describe() == before
    assert held.to_bytes() == made.tobytes()


def test_numpy_arrays_are_handed_on():
    for made in [np.arange(12.0).reshape(3, 4)[::-1, 1:], np.arange(3, dtype="i2")[::-2], np.zeros((0, 2))]:
        before = sys.getrefcount(made)
        again = ext.hold(made).export()
        assert sys.getrefcount(made) == before + 2
        back = np.from_dlpack(again)
        assert np.array_equal(back, made)
        assert back.flags.writeable
        if made.size:
            assert back.ctypes.data == made.ctypes.data
            assert back.strides == made.strides
        del again, back
        assert sys.getrefcount(made) == before
    assert not np.from_dlpack(ext.hold(frozen(np.arange(3.0))).export()).flags.writeable


# Buffers.

NATIVE = {"?": "bool", "b": "int8", "B": "uint8", "f": "float32", "d": "float64"}
NATIVE |= {letter: f"int{8 * struct.calcsize(letter)}" for letter in "hilqn"}
NATIVE |= {letter: f"uint{8 * struct.calcsize(letter)}" for letter in "HILQN"}


@pytest.mark.parametrize("letter", NATIVE)
def test_buffers_of_native_formats(letter):
    size = struct.calcsize(letter)
    data = bytearray(i % 2 for i in range(6 * size))
    view = memoryview(data).cast(letter)
    taken = ext.describe(view)
    assert taken["route"] == "buffer"
    assert (taken["dtype"], taken["shape"], taken["strides"]) == (NATIVE[letter], (6,), (1,))
    start = ctypes.addressof((ctypes.c_char * len(data)).from_buffer(data))
    assert (taken["data"], taken["access"], taken["device"]) == (start, "writable", (1, 0))
    assert ext.to_bytes(view) == bytes(data)
    assert ext.describe(memoryview(bytes(data)).cast(letter))["access"] == "read-only"


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (ctypes.c_bool, "bool"), (ctypes.c_int8, "int8"), (ctypes.c_uint16, "uint16"), (ctypes.c_int32, "int32"),
        (ctypes.c_uint64, "uint64"), (ctypes.c_float, "float32"), (ctypes.c_double, "float64"), (ctypes.c_char, "uint8"),
        (ctypes.c_long, f"int{8 * ctypes.sizeof(ctypes.c_long)}"), (ctypes.c_size_t, f"uint{8 * ctypes.sizeof(ctypes.c_size_t)}"),
    ],
)  # fmt: skip
def test_arrays_of_ctypes(kind, dtype):
    made = ((kind * 3) * 2)()
    taken = ext.describe(made)
    assert (taken["route"], taken["dtype"], taken["shape"], taken["strides"]) == ("buffer", dtype, (2, 3), (3, 1))
    assert taken["data"] == ctypes.addressof(made)


def test_buffers_of_many_kinds():
    view = memoryview(bytes(range(24))).cast("B", (2, 3, 4))
    made = {
        "bytes": (b"abc", "uint8", (3,)),
        "bytearray": (bytearray(4), "uint8", (4,)),
        "array": (array.array("d", [1.0, 2.0]), "float64", (2,)),
        "mmap": (mmap.mmap(-1, 10), "uint8", (10,)),
        "memoryview": (view, "uint8", (2, 3, 4)),
        "scalar": (np.float32(1.5), "float32", ()),
        "nothing": (b"", "uint8", (0,)),
        "nothing of an array": (array.array("h"), "int16", (0,)),
    }
    for kind, (thing, dtype, shape) in made.items():
        taken = ext.describe(thing)
        assert (taken["route"], taken["dtype"], taken["shape"]) == ("buffer", dtype, shape), kind
        assert ext.to_bytes(thing) == memoryview(thing).tobytes(), kind


def is_limited():
    """Whether strided buffers are refused, since the limited API of 3.10 does not show them."""
    try:
        ext.describe(memoryview(b"abcd")[::2])
    except BufferError:
        return True
    return False


@pytest.mark.skipif(is_limited(), reason="no strided buffers in the limited API of 3.10")
def test_strided_buffers():
    for view, strides in [(memoryview(b"abcdef")[::2], (2,)), (memoryview(b"abcdef")[::-1], (-1,))]:
        assert ext.describe(view)["strides"] == strides
        assert ext.to_bytes(view) == view.tobytes()
    columns = memoryview(np.arange(12.0).reshape(3, 4)[:, ::2])
    assert ext.describe(columns)["strides"] == (4, 2)
    field = memoryview(np.zeros(3, [("a", "i1"), ("b", "f4")])["b"])
    with pytest.raises(BufferError, match="expected strides of whole elements, found one of 5 bytes"):
        ext.describe(field)


@pytest.mark.parametrize(
    ("make", "format"),
    [
        (lambda: memoryview(np.zeros(2, np.dtype("f4").newbyteorder())), ">f" if sys.byteorder == "little" else "<f"),
        (lambda: array.array("u", "ab"), "[uw]"),
        (lambda: (ctypes.c_void_p * 2)(), "[<>]P"),
        (lambda: memoryview(np.zeros(2, "g")), "g"),
        (lambda: memoryview(np.zeros(2, [("a", "i1"), ("b", "i1")])), "T{"),
        (lambda: memoryview(np.zeros(2, "S3")), "3s"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*'u' type code:DeprecationWarning")
def test_buffers_that_are_no_numbers(make, format):
    with pytest.raises(BufferError, match=f"expected a buffer of numbers .*, found the format \"{format}"):
        ext.describe(make())


def test_buffers_that_memoryview_cannot_make():
    for dtype, name in [("c8", "complex64"), ("c16", "complex128"), ("e", "float16")]:
        assert ext.describe(memoryview(np.zeros(2, dtype)))["dtype"] == name


@pytest.mark.parametrize("thing", ["text", 7, 1.5, None, [1.0], (1.0,), {}, object()])
def test_objects_that_have_neither(thing):
    with pytest.raises(TypeError, match="expected an object with __dlpack__ or a buffer, found"):
        ext.describe(thing)


def test_a_buffer_is_released_once():
    data = bytearray(b"abc")
    held = ext.hold(data)
    for grow in [lambda: data.append(1), lambda: data.extend(b"more"), data.clear]:
        with pytest.raises(BufferError):
            grow()
    held.release()
    data.extend(b"more")
    ext.hold(data).send_to_thread()
    data.append(1)
    again = ext.hold(data).export()
    with pytest.raises(BufferError):
        data.append(1)
    del again
    gc.collect()
    data.append(1)


def test_a_buffer_that_is_refused_is_released():
    numbers = array.array("u" if sys.version_info < (3, 13) else "w", "ab")
    with pytest.raises(BufferError):
        ext.hold(numbers)
    numbers.append("c")
    shared = mmap.mmap(-1, 10)
    ext.describe(shared)
    shared.close()
    data = bytearray(8)
    with pytest.raises(BufferError):
        ext.hold(data, device=(2, 0))
    data.append(1)


def test_a_buffer_is_written_through():
    data = array.array("d", [1.0, 2.0])
    ext.typed_writable(data)
    assert list(data) == [2.0, 3.0]
    with pytest.raises(BufferError):
        ext.typed_writable(memoryview(data).toreadonly())


def test_buffers_that_are_refused_again_and_again():
    """Objects of such a class are asked by `__dlpack__` at once, and yet what a buffer describes comes by the buffer.

    In a process of its own, since a choice is remembered only for the first hundred classes.
    """
    script = f"""
        import array, warnings
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from kit.foreign import Foreign
        warnings.simplefilter("ignore", DeprecationWarning)

        class ArrayImpl(array.array):
            \"""Named as the arrays of JAX, with a buffer of any kind, and a tensor of another.\"""
            __module__ = "jaxlib.kit"
            dtype = "bfloat16"

            def __dlpack__(self, **asked):
                return Foreign(bytes(8), self.dtype, (2,)).capsule()

        def route(array):
            taken = ext.describe(array)
            return taken["route"], taken["dtype"]

        letters = ArrayImpl("u" if sys.version_info < (3, 13) else "w", "ab")
        numbers = ArrayImpl("f", [1.0, 2.0])
        print(route(letters), route(numbers))
        print({{route(letters) for _ in range(20)}})
        # Not even looked at.
        print(route(numbers))
        numbers.dtype = "float32"
        print(route(numbers), route(letters))
        numbers.dtype = "bfloat16"
        print(route(numbers))
    """
    protocol, buffer = ("protocol", "bfloat16"), ("buffer", "float32")
    assert run(script) == f"{protocol} {buffer}\n{{{protocol}}}\n{protocol}\n{buffer} {protocol}\n{buffer}\n"


# Requests.


@pytest.mark.parametrize("make", [lambda: np.arange(6.0), lambda: bytearray(6)], ids=["numpy", "bytearray"])
def test_what_may_be_asked_of_memory(make):
    made = make()
    plain = ext.describe(made)
    for request in [{"copy": False}, {"device": (1, 0)}, {"copy": False, "device": (1, 0)}]:
        assert ext.describe(made, **request) == plain
    held = ext.hold(made, copy=True)
    copied = held.describe()
    assert copied["data"] != plain["data"]
    assert copied["flags"] & abi.IS_COPIED
    assert held.to_bytes() == memoryview(made).tobytes()
    # A ValueError of NumPy's before 2.3.
    with pytest.raises((BufferError, ValueError)):
        ext.describe(made, device=(2, 0))


def test_streams_that_a_buffer_has_not():
    assert ext.describe(b"ab", stream=-1, device=(1, 0))["route"] == "buffer"
    with pytest.raises(ValueError, match="stream"):
        ext.describe(b"ab", stream=3, device=(1, 0))


# Types.


def test_types_without_number():
    """More of them than are remembered."""
    for i in range(400):
        table = Table() if i % 2 else None
        if table:
            kind = type_for(table)
            thing = kind(lambda: Foreign(values.sample_bytes("float32")))
            assert ext.describe(thing)["route"] in ("exchange", "protocol")
        else:
            kind = type(f"Kind{i}", (), {"__dlpack__": lambda self, **k: np.arange(3.0).__dlpack__(**k)})
            assert ext.describe(kind())["route"] == "protocol"
    assert ext.describe(np.zeros(3))["shape"] == (3,)


def test_a_type_that_learns():
    """What a class lacks it may get later."""

    class Kind:
        pass

    thing = Kind()
    for _ in range(2):
        with pytest.raises(TypeError, match=r"found .*\bKind"):
            ext.describe(thing)
    thing.__dlpack__ = np.arange(3.0).__dlpack__
    assert ext.describe(thing)["route"] == "protocol"
    Kind.__dlpack__ = lambda self, **keywords: np.arange(4.0).__dlpack__(**keywords)
    assert ext.describe(Kind())["shape"] == (4,)
    Kind.__dlpack__ = lambda self, **keywords: np.arange(5.0).__dlpack__(**keywords)
    assert ext.describe(Kind())["shape"] == (5,)


def test_a_subclass_with_a_method_of_its_own():
    """Its table is that of its base, and does not speak for it."""
    kind = type(ext.make(bytes(4), "float32", (1,)))
    table = Table()
    base = type_for(table)
    sub = type("Sub", (base,), {"__dlpack__": lambda self, **k: np.arange(3.0).__dlpack__(**k)})
    taken = ext.describe(sub(lambda: Foreign(values.sample_bytes("float32"))))
    assert (taken["route"], taken["shape"], table.calls) == ("protocol", (3,), [])
    plain = type("Sub", (base,), {})
    assert ext.describe(plain(lambda: Foreign(values.sample_bytes("float32"))))["route"] == "exchange"
    assert kind is not None


@pytest.mark.parametrize("error", [OSError("not today"), RuntimeError("never")])
def test_a_class_that_cannot_say_whether_it_has_a_table_is_asked(error):
    class Meta(type):
        @property
        def __dlpack_c_exchange_api__(cls):
            raise error

    made = np.arange(3.0)
    kind = Meta("Kind", (), {"__dlpack__": lambda self, **k: made.__dlpack__(**k)})
    for _ in range(2):
        taken = ext.describe(kind())
        assert (taken["route"], taken["data"]) == ("protocol", made.ctypes.data)
    with pytest.raises(TypeError, match="expected an object with __dlpack__ or a buffer"):
        ext.describe(Meta("Kind", (), {})())


def test_an_interrupt_while_a_class_is_looked_at():
    class Meta(type):
        @property
        def __dlpack_c_exchange_api__(cls):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ext.describe(Meta("Kind", (), {"__dlpack__": lambda self, **k: None})())


def test_an_axis_of_one_element_has_no_stride():
    memory = np.ones(1000, "u1")
    for shape, strides in [((4, 1), (16, 3)), ((1, 4, 1), (-5, 8, 7)), ((1,), (1,)), ((1, 1), (3, 5)), ((0, 3), (3, 5)), ((3, 0), (1, 1))]:
        made = np.ndarray(shape, "f8", memory, strides=strides)
        things = [made] if is_limited() else [made, memoryview(made)]
        for thing in things:
            seen = ext.describe(thing)
            assert (seen["shape"], seen["data"]) == (shape, made.ctypes.data)
            assert ext.to_bytes(thing) == made.tobytes()
    for shape, strides in [((4, 2), (16, 3)), ((2, 1), (3, 8))]:
        made = np.ndarray(shape, "f8", memory, strides=strides)
        with pytest.raises(BufferError):
            ext.describe(made)
        with pytest.raises(BufferError):
            ext.describe(memoryview(made))


def test_many_threads():
    made = [np.arange(3.0), bytearray(3), array.array("i", [1]), ext.make(bytes(24), "float32", (2, 3))]
    expected = [ext.describe(thing) for thing in made]
    kinds = [type(f"T{i}", (), {"__dlpack__": lambda self, **k: made[0].__dlpack__(**k)}) for i in range(40)]
    wrong = []

    def work():
        for i in range(200):
            if ext.describe(made[i % 4]) != expected[i % 4]:
                wrong.append(i)
            if ext.describe(kinds[i % 40]())["shape"] != (3,):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# PyTorch.


@pytest.mark.library("torch")
class TestTorch:
    def plain(self):
        import torch

        class Plain(torch.Tensor):
            pass

        return [
            torch.arange(6.0).reshape(2, 3),
            torch.arange(6.0).reshape(2, 3).t(),
            torch.arange(6.0)[::2],
            torch.tensor(1.5),
            torch.zeros((0, 2)),
            torch.arange(3),
            torch.tensor([True, False]),
            torch.arange(3.0, dtype=torch.bfloat16),
            torch.zeros(2, dtype=torch.complex64),
            torch.nn.Parameter(torch.zeros(2), requires_grad=False),
            torch.arange(3.0).as_subclass(Plain),
            torch.arange(3.0, requires_grad=True).detach(),
        ]

    def test_plain_tensors_go_by_the_table(self):
        for tensor in self.plain():
            taken = ext.describe(tensor)
            assert taken["route"] == "exchange", tensor
            assert (taken["data"], taken["shape"]) == (tensor.data_ptr(), tuple(tensor.shape))
            assert taken["strides"] == tensor.stride() or tensor.numel() <= 1
            assert str(tensor.dtype) == f"torch.{taken['dtype']}"

    def test_others_are_answered_by_pytorch(self):
        import torch

        refused = [
            torch.zeros(2, requires_grad=True),
            torch.zeros(2, requires_grad=True) * 2,
            torch.nn.Parameter(torch.zeros(2)),
            torch.zeros(2, dtype=torch.complex64).conj(),
            torch.eye(3).to_sparse(),
            torch.zeros(2, device="meta"),
        ]
        for tensor in refused:
            with pytest.raises(Exception) as theirs:
                tensor.__dlpack__(max_version=(1, 3))
            with pytest.raises(theirs.type) as ours:
                ext.describe(tensor)
            assert str(ours.value) == str(theirs.value)

    def test_subclasses_that_answer_themselves(self):
        import torch

        asked = []

        class Own(torch.Tensor):
            def __dlpack__(self, **keywords):
                asked.append("method")
                return torch.arange(7.0).__dlpack__(**keywords)

        class Function(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                asked.append("function")
                return super().__torch_function__(function, types, args, kwargs or {})

        assert ext.describe(torch.zeros(3).as_subclass(Own))["shape"] == (7,)
        assert ext.describe(torch.zeros(3).as_subclass(Function))["shape"] == (3,)
        assert asked[0] == "method" and set(asked[1:]) == {"function"}

    @sees_changes
    def test_subclasses_that_answer_themselves_from_some_time_on(self):
        import torch

        class Later(torch.Tensor):
            pass

        class Derived(Later):
            pass

        tensors = [torch.zeros(3).as_subclass(kind) for kind in (Later, Derived)]
        for tensor in tensors:
            assert ext.describe(tensor)["route"] == "exchange"
        # A change that has nothing to do with tensors.
        for count in range(50):
            Later.count = count
            assert [ext.describe(tensor)["route"] for tensor in tensors] == ["exchange"] * 2
        Later.__dlpack__ = lambda self, **keywords: torch.arange(7.0).__dlpack__(**keywords)
        for tensor in tensors:
            assert (ext.describe(tensor)["shape"], ext.borrow(tensor)["shape"]) == ((7,), (7,))
        del Later.__dlpack__
        for tensor in tensors:
            assert ext.describe(tensor)["route"] == "exchange"
        asked = []

        def function(cls, function, types, args=(), kwargs=None):
            asked.append(cls)
            return super(Later, cls).__torch_function__(function, types, args, kwargs or {})

        Later.__torch_function__ = classmethod(function)
        for tensor in tensors:
            assert ext.describe(tensor)["shape"] == (3,)
        assert {Later, Derived} <= set(asked)

    def test_the_first_refusal_changes_only_how_fast_the_next_is(self):
        """The table's own exception, of twenty lines, is not shown, and the table is not asked again in vain."""
        import torch

        class Own(torch.Tensor):
            pass

        plain = [torch.arange(6.0), torch.arange(6.0).as_subclass(Own), torch.tensor([1 + 2j])]
        # Of nothing that is known before the table is called.
        bits = torch.zeros(2, dtype=torch.uint8).view(torch.bits8)
        refused = [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr(), torch.zeros(2, device="meta"), bits]
        refused += [torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.quint8), bits.as_subclass(Own)]
        before = [ext.describe(tensor) for tensor in plain]
        for tensor in refused * 2:
            with pytest.raises(Exception) as theirs:
                tensor.__dlpack__(max_version=(1, 3))
            for function in (ext.describe, ext.borrow):
                with pytest.raises(theirs.type) as ours:
                    function(tensor)
                assert str(ours.value) == str(theirs.value)
                assert (ours.value.__context__, ours.value.__cause__) == (None, None)
        assert [ext.describe(tensor) for tensor in plain] == before
        assert [ext.borrow(tensor)["data"] for tensor in plain] == [tensor.data_ptr() for tensor in plain]
        with pytest.raises(BufferError):
            ext.describe(torch.zeros(2, requires_grad=True))
        assert ext.ordered(plain[0], 7)[0]["route"] == "exchange"

    @sees_changes
    def test_a_class_changes_its_plan_as_often_as_it_likes(self):
        """More often than there are places for classes."""
        import torch

        class Wavering(torch.Tensor):
            pass

        tensor = torch.zeros(3).as_subclass(Wavering)
        for _ in range(50):
            assert ext.describe(tensor)["route"] == "exchange"
            Wavering.__dlpack__ = lambda self, **keywords: torch.arange(7.0).__dlpack__(**keywords)
            assert ext.describe(tensor)["shape"] == (7,)
            del Wavering.__dlpack__

    def test_read_only_wrappers(self):
        import torch

        wrapper = torch.utils.dlpack.ReadOnlyTensorWrapper(torch.zeros(3))
        taken = ext.describe(wrapper)
        assert (taken["route"], taken["access"]) == ("protocol", "read-only")

    def test_copies(self):
        import torch

        tensor = torch.arange(3.0)
        assert ext.describe(tensor, copy=True)["data"] != tensor.data_ptr()
        assert ext.describe(tensor, copy=False)["data"] == tensor.data_ptr()


# JAX.


@pytest.mark.library("jax")
class TestJax:
    @pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float16", "float32", "complex64"])
    def test_arrays_go_as_buffers(self, dtype):
        import jax.numpy as jnp

        for shape in [(2, 3), (), (0, 3), (1, 2, 3)]:
            made = jnp.ones(shape, dtype)
            taken = ext.describe(made)
            assert (taken["route"], taken["dtype"], taken["shape"]) == ("buffer", dtype, shape)
            assert taken["access"] == "read-only"
            assert taken["data"] == made.unsafe_buffer_pointer() or 0 in shape
            assert ext.to_bytes(made) == np.asarray(made).tobytes()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
    def test_others_go_by_the_protocol(self, dtype):
        import jax.numpy as jnp

        made = jnp.ones((2, 3), dtype)
        taken = ext.describe(made)
        assert (taken["route"], taken["dtype"]) == ("protocol", dtype)
        assert taken["data"] == made.unsafe_buffer_pointer()

    def test_what_jax_refuses(self):
        import jax.numpy as jnp

        gone = jnp.ones(3)
        gone.delete()
        for made in [gone, jnp.ones(3, "int4")]:
            with pytest.raises(Exception) as theirs:
                made.__dlpack__()
            with pytest.raises(theirs.type) as ours:
                ext.describe(made)
            assert str(ours.value) == str(theirs.value)

    def test_arrays_live_until_the_tensor_is_dropped(self):
        import jax.numpy as jnp

        made = jnp.arange(1000.0)
        expected = np.asarray(made).tobytes()
        held = ext.hold(made)
        del made
        gc.collect()
        assert held.to_bytes() == expected
