"""Arrays of NumPy: described from their fields where they are plain, and what comes is what `__dlpack__` gives."""

import gc
import mmap
import sys
import weakref

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, builds
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


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("letter", [letter for letter in NUMBERS if letter not in "pP"])
def test_numpy_as_the_protocol_says(letter, layout):
    made = LAYOUTS[layout](grid(letter))
    taken = ext.describe(made)
    assert taken["route"] == builds.NUMPY
    assert taken["version"] == (None if builds.NUMPY == "numpy" else (1, 0))
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
    assert taken["route"] == builds.NUMPY
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
    route = builds.NUMPY if abi_version in (0x01000009, 0x02000000) else "protocol"
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


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("device", [abi.CPU, abi.CUDA_HOST])
def test_numpy_of_a_tensor_keeps_the_device_that_it_came_with(device, versioned):
    """The memory of such an array may be on another device than the CPU, which NumPy's capsule says. NumPy is asked then."""

    class Producer:
        def __dlpack_device__(self):
            return device, 0

        def __dlpack__(self, **_):
            return foreign.capsule()

    foreign = Foreign(device=(device, 0), versioned=versioned)
    made = np.from_dlpack(Producer())
    for view in [made, made[1:], made.T[::2]]:
        taken = ext.describe(view)
        assert taken["route"] == (builds.NUMPY if device == abi.CPU else "protocol")
        assert taken["device"] == (device, 0)
        assert_as_protocol(taken, view)
    held = ext.hold(made)
    del made, view
    gc.collect()
    assert foreign.deletes == 0
    held.release()
    assert foreign.deletes == 1


def test_numpy_arrays_on_other_memory():
    for base in [bytearray(24), bytes(24), memoryview(bytearray(24)), np.zeros(3), mmap.mmap(-1, 24)]:
        made = np.frombuffer(base, "f4")[1:]
        taken = ext.describe(made)
        assert taken["route"] == builds.NUMPY
        assert_as_protocol(taken, made)


def test_numpy_arrays_live_until_the_tensor_is_dropped():
    made = np.arange(5.0)
    expected = made.tobytes()
    before = sys.getrefcount(made)
    held = ext.hold(made)
    # One of them would look to NumPy like that of whoever calls `resize`.
    assert sys.getrefcount(made) == before + builds.KEPT
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
        assert sys.getrefcount(made) == before + builds.KEPT
        back = np.from_dlpack(again)
        assert np.array_equal(back, made)
        assert back.flags.writeable
        if made.size:
            assert back.ctypes.data == made.ctypes.data
            assert back.strides == made.strides
        del again, back
        assert sys.getrefcount(made) == before
    assert not np.from_dlpack(ext.hold(frozen(np.arange(3.0))).export()).flags.writeable
