"""Objects with a buffer: taken as such without `__dlpack__`, and what comes is what `memoryview` says."""

import array
import ctypes
import gc
import mmap
import os
import struct
import sys

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit.builds import imports_any_buffer
from kit.process import run

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


@imports_any_buffer
def test_strided_buffers():
    for view, strides in [(memoryview(b"abcdef")[::2], (2,)), (memoryview(b"abcdef")[::-1], (-1,))]:
        assert ext.describe(view)["strides"] == strides
        assert ext.to_bytes(view) == view.tobytes()
    columns = memoryview(np.arange(12.0).reshape(3, 4)[:, ::2])
    assert ext.describe(columns)["strides"] == (4, 2)
    field = memoryview(np.zeros(3, [("a", "i1"), ("b", "f4")])["b"])
    with pytest.raises(BufferError, match="expected strides of whole elements, found one of 5 bytes"):
        ext.describe(field)


@pytest.mark.skipif(ext.BUFFERS, reason="this build takes strided buffers")
def test_strided_buffers_are_refused_by_the_limited_api():
    data = bytearray(b"abcdef")
    for cut in (slice(None, None, 2), slice(None, None, -1)):
        with pytest.raises(BufferError, match="contiguous"):
            ext.describe(memoryview(data)[cut])
    gc.collect()
    data.append(1)


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


def test_a_format_that_says_that_it_is_native():
    assert ext.describe(memoryview(bytearray(8)).cast("@f"))["dtype"] == "float32"


@pytest.mark.skipif(not ext.BUFFERS, reason="this limited API has no buffers")
def test_bytes_have_no_order():
    assert ext.describe(ext.OwnBuffer(ordered=True))["dtype"] == "uint8"


def test_an_object_with_a_buffer_and_a_method_of_its_own():
    class Bytes(bytearray):
        pass

    own, tensor = Bytes(4), ext.make(bytes(8), "uint8", (8,))
    own.__dlpack__ = tensor.__dlpack__
    for _ in range(2):
        assert (ext.describe(own)["route"], ext.describe(own)["shape"]) == ("protocol", (8,))
        assert (ext.describe(Bytes(4))["route"], ext.describe(Bytes(4))["shape"]) == ("buffer", (4,))


@pytest.mark.skipif(not ext.BUFFERS, reason="this limited API has no buffers")
def test_buffers_that_contradict_themselves():
    assert ext.describe(ext.OwnBuffer())["shape"] == (8,)
    for wrong in (ext.OwnBuffer(2), ext.OwnBuffer(0), ext.OwnBuffer(shape=False)):
        with pytest.raises(BufferError, match="expected a buffer of numbers"):
            ext.describe(wrong)
        # It was given back.
        assert wrong.counts() == (1, 0)


@pytest.mark.skipif(not ext.BUFFERS, reason="this limited API has no buffers")
def test_a_buffer_of_no_elements_and_no_memory():
    empty = ext.OwnBuffer(memory=False)
    assert ext.describe(empty)["shape"] == (0,)
    assert ext.hold(empty).export().shape == (0,)


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


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes of Python have buffers from 3.12 on")
def test_what_interrupts_the_program_where_it_is_asked_for_a_buffer():
    class Once:
        asked = []

        def __buffer__(self, flags):
            self.asked.append(flags)
            if len(self.asked) == 1:
                raise KeyboardInterrupt
            return memoryview(b"1234")

    with pytest.raises(KeyboardInterrupt):
        ext.describe(Once())
    assert ext.describe(Once())["route"] == "buffer"


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
