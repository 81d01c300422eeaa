"""What a tensor is, and what its views are."""

from __future__ import annotations

import copy
import ctypes
import gc
import itertools
import math
import operator
import pickle
import struct
import weakref

import pytest

import dlpack

from .structs import Struct


def numbers(count=24):
    return dlpack.asdlpack(bytearray(range(count)))


def test_attributes():
    t = numbers().view("int32").reshape(2, 3)
    assert t.shape == (2, 3)
    assert t.strides == (3, 1)
    assert (t.ndim, t.size, t.nbytes, t.itemsize) == (2, 6, 24, 4)
    assert (t.dtype_name, t.device, t.readonly, t.is_contiguous) == ("int32", "cpu", False, True)
    assert len(t) == 2
    assert isinstance(t.address, int)
    assert t.__dlpack_device__() == (1, 0)
    assert weakref.ref(t)() is t


def test_no_attribute_is_taken_for_numpys():
    t = numbers()
    assert not hasattr(t, "dtype")
    for name, says in [("dtype", "dtype_name"), ("T", "permute"), ("numpy", "from_dlpack"), ("nonsense", "")]:
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*{says}"):
            getattr(t, name)
    with pytest.raises(AttributeError):
        t.shape = (1,)


def test_indices_are_those_of_numpy():
    np = pytest.importorskip("numpy")
    t = dlpack.asdlpack(bytearray(range(60))).reshape(3, 4, 5)
    x = np.from_dlpack(t)
    items = [0, -1, slice(None), slice(1, None, 2), slice(None, None, -1), slice(5, 1), None, ...]
    for count in (1, 2, 3):
        for index in itertools.product(items, repeat=count):
            if index.count(...) > 1:
                continue
            found, expected = t[index], x[index]
            assert found.shape == expected.shape, index
            assert found.tolist() == expected.tolist(), index
            if expected.size and expected.ndim:
                assert found.address == expected.__array_interface__["data"][0], index
    assert t[1].shape == (4, 5)
    assert t[np.int64(1), 2, 3].tolist() == x[1, 2, 3]
    assert [row.tolist() for row in t[0]] == x[0].tolist()


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (3, IndexError),
        (-4, IndexError),
        ((0, 0, 0, 0), IndexError),
        ((..., ...), IndexError),
        (True, TypeError),
        (1.5, TypeError),
        ("a", TypeError),
        ([0, 1], TypeError),
        (2**70, IndexError),
        (slice(None, None, 0), ValueError),
    ],
)
def test_indices_refused(index, error):
    with pytest.raises(error):
        dlpack.asdlpack(bytes(60)).reshape(3, 4, 5)[index]


def test_len_of_no_axes():
    t = numbers()[0]
    assert (t.shape, t.tolist()) == ((), 0)
    with pytest.raises(TypeError):
        len(t)
    with pytest.raises(TypeError):
        iter(t)


@pytest.mark.parametrize(
    ("format", "dtype", "value"),
    [
        ("B", "uint8", 53),
        ("b", "int8", -5),
        ("h", "int16", 512),
        ("Q", "uint64", 2**64 - 1),
        ("?", "bool", True),
        ("f", "float32", 2.5),
        ("d", "float64", -1e300),
        ("e", "float16", 0.5),
    ],
)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_is_a_number(format, dtype, value, shape):
    t = dlpack.asdlpack(struct.pack("=" + format, value)).view(dtype).reshape(*shape, 1).reshape(shape)
    assert (int(t), float(t), complex(t), bool(t)) == (int(value), float(value), complex(value), True)
    assert [type(kind(t)) for kind in (int, float, complex, bool)] == [int, float, complex, bool]
    assert not dlpack.asdlpack(bytes(8)).view(dtype)[0]
    assert bytes(t) == t.tobytes()
    if shape == () and "int" in dtype:
        assert operator.index(t) == value
        assert "abc"[dlpack.asdlpack(b"\2")[0]] == "c"
    else:
        with pytest.raises(TypeError, match="int"):
            operator.index(t)


def test_one_element_is_not_parsed_as_text():
    t = dlpack.asdlpack(bytearray(b"512"))
    assert (int(t[0]), float(t[0]), int(t[1:2])) == (53, 53.0, 49)
    # An index would be a length for `bytearray`, as for `bytes` without a method of its own.
    assert (bytes(t[:1]), bytearray(t[:1]), bytes(t[0])) == (b"5", bytearray(b"5"), b"5")


@pytest.mark.parametrize("kind", [int, float, complex, bool])
def test_several_elements_are_no_number(kind):
    for t in (numbers(2), numbers(0), numbers(4).reshape(2, 2)):
        with pytest.raises(TypeError, match=r"one element .* found \d: call t\.tolist\(\)"):
            kind(t)
    lanes = dlpack.asdlpack(bytes(8)).view((2, 32, 2))
    with pytest.raises(TypeError, match=r"float32x2: call t\.tolist\(\)"):
        kind(lanes)


def test_complex_numbers_have_no_order_of_their_own():
    t = dlpack.asdlpack(struct.pack("=2f", 1, 2)).view("complex64")
    assert complex(t) == 1 + 2j
    for kind in (int, float):
        with pytest.raises(TypeError, match="complex"):
            kind(t)
    with pytest.raises(ValueError, match="NaN"):
        int(dlpack.asdlpack(struct.pack("=d", math.nan)).view("float64"))


@pytest.mark.parametrize("kind", [int, float, complex, bool, operator.index, bytes])
def test_an_element_of_a_device_is_refused(kind):
    t = dlpack.from_pointer(4096, (), "int32", device="cuda:0", owner=object())
    with pytest.raises(dlpack.DeviceError, match=r"cuda:0, where the host does not read"):
        kind(t)


def test_what_tensors_do_not_do_says_what_does():
    np = pytest.importorskip("numpy")
    data = bytearray(b"ab")
    t = dlpack.asdlpack(data)
    with pytest.raises(TypeError, match=r"numpy\.from_dlpack\(t\)\[0\] = 1"):
        t[0] = 1
    np.from_dlpack(t)[0] = 1
    assert data == b"\1b"
    with pytest.raises(TypeError, match=r"t\.tolist\(\)"):
        1 in t  # noqa: B015
    assert 1 in t.tolist()
    assert t == t
    assert t != dlpack.asdlpack(data)
    assert len({t, t}) == 1


def test_views_share_memory_and_keep_it():
    data = bytearray(range(24))
    part = dlpack.asdlpack(data).reshape(4, 6)[1:, ::-2]
    data[11] = 99
    assert part[0, 0].tolist() == 99
    with pytest.raises(BufferError):
        data.clear()
    del part
    data.clear()


def test_reshape_is_that_of_numpy():
    np = pytest.importorskip("numpy")
    base = np.arange(48, dtype=np.int16).reshape(2, 3, 8)
    starts = [
        base,
        base[:, ::-1],
        base[:, :, ::2],
        base.transpose(2, 0, 1),
        base[:, :1],
        base[:1, :, 3:4],
        base[:0],
        np.broadcast_to(base[:1], (4, 3, 8)),
    ]
    for x in starts:
        t = dlpack.asdlpack(x)
        for shape in [
            (-1,),
            (x.size,),
            (2, -1),
            (-1, 2),
            (x.size, 1),
            (1, -1, 1),
            (2, 3, 4),
            (4, 6),
            (6, 8),
            x.shape,
        ]:
            try:
                expected = x.view()
                expected.shape = shape
            except (ValueError, AttributeError):
                with pytest.raises((ValueError, BufferError)):
                    t.reshape(*shape)
                continue
            found = t.reshape(shape)
            assert found.shape == expected.shape
            assert found.tolist() == expected.tolist()
            assert found.address == (expected.__array_interface__["data"][0] if x.size else found.address)


def test_reshape_refused():
    t = numbers()
    for shape in [(5, 5), (-1, -1), (-2, 12), (0, -1), (2**40, 2**40)]:
        with pytest.raises(ValueError, match="24 elements"):
            t.reshape(*shape)
    with pytest.raises(dlpack.LayoutError, match=r"\.copy\(\)"):
        t.reshape(4, 6).permute().reshape(24)
    assert t.reshape(4, 6).permute().copy().reshape(24).tolist()[:3] == [0, 6, 12]


def test_permute():
    t = numbers().reshape(2, 3, 4)
    assert t.permute(2, 0, 1).shape == (4, 2, 3)
    assert t.permute((2, 0, -2)).strides == (1, 12, 4)
    assert t.permute().shape == (4, 3, 2)
    for axes in [(0, 1), (0, 0, 1), (0, 1, 3)]:
        with pytest.raises((ValueError, IndexError)):
            t.permute(*axes)


def test_view_is_that_of_numpy():
    np = pytest.importorskip("numpy")
    base = np.arange(48, dtype=np.int16).reshape(6, 8)
    for x in [
        base,
        base[::-1],
        base[:, :4],
        base[::2, 2:6],
        base[:, ::2],
        base[:0],
        base.T,
        base[:, :1],
        base[0, 0],
    ]:
        t = dlpack.asdlpack(x)
        for dtype in ["int16", "uint16", "uint8", "float32", "int64", "complex64"]:
            try:
                expected = x.view(dtype)
            except ValueError:
                with pytest.raises(dlpack.DTypeError):
                    t.view(dtype)
                continue
            found = t.view(dtype)
            assert (found.shape, found.dtype_name) == (expected.shape, dtype)
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "<f4", "f4", "=f4", (2, 32, 1)])
def test_dtypes(dtype):
    assert numbers().view(dtype).dtype_name == "float32"


def test_dtypes_without_a_byte_order_are_those_of_numpy():
    np = pytest.importorskip("numpy")
    for kind in "biufcSmMOV":
        for size in ("", "0", "1", "2", "4", "8", "16", "32", "+4", "-4", "4 ", "04"):
            text = kind + size
            try:
                expected = np.dtype(text)
            except TypeError:
                continue
            try:
                found = dlpack.asdlpack(bytes(32)).view(text).dtype_name
            except dlpack.DTypeError:
                # The size may be left out for NumPy, and may be that of a long double.
                is_long = expected.type in (np.longdouble, np.clongdouble)
                assert not size.isdigit() or kind in "SmMOV" or is_long, text
                continue
            assert found == expected.name, text


def test_views_of_other_sizes_along_axes_that_are_no_distance():
    np = pytest.importorskip("numpy")
    base = np.arange(15, dtype="float32").reshape(3, 5)
    for x in [base[1:2, :4], base[:0, :4], base[:, :0], np.zeros((2, 0), "uint8")]:
        found = dlpack.asdlpack(x).view("float64")
        assert (found.shape, found.tobytes()) == (x.view("float64").shape, x.tobytes())
    nothing = dlpack.from_pointer(8, (2, 0), "uint8", strides=(3, 5), device="cpu")
    assert nothing.view("float64").shape == (2, 0)
    with pytest.raises(dlpack.DTypeError, match="strides are not whole numbers"):
        dlpack.asdlpack(base[:, :4]).view("float64")


def test_a_letter_and_a_number_count_bytes():
    t = dlpack.asdlpack(bytes(32))
    assert [t.view(f"i{size}").dtype_name for size in (1, 2, 4, 8)] == ["int8", "int16", "int32", "int64"]
    for text, name in [("i16", "int16"), ("u64", "uint64"), ("f32", "float32"), ("c128", "complex128"), ("i32x2", "int32x2")]:
        with pytest.raises(dlpack.DTypeError, match=f'found "{text}": write "{name}"$'):
            t.view(text)
    # Of a library that counts bits, as Taichi does, what cannot be bytes is read.
    named = type("i16", (), {"__str__": lambda self: "i16"})
    assert t.view(named()).dtype_name == "int16"
    with pytest.raises(dlpack.DTypeError):
        t.view(type("i8", (), {"__str__": lambda self: "i8"})())


def test_dtypes_of_libraries():
    np = pytest.importorskip("numpy")
    assert numbers().view(np.float32).dtype_name == "float32"
    assert numbers().view(np.dtype("int16")).dtype_name == "int16"
    torch = pytest.importorskip("torch")
    assert numbers().view(torch.bfloat16).dtype_name == "bfloat16"


@pytest.mark.parametrize("dtype", ["float33", ">f4", "", (99, 0, 0), 1.5, "datetime64[s]"])
def test_dtypes_refused(dtype):
    if dtype == ">f4":
        dtype = "=f4".replace("=", ">" if __import__("sys").byteorder == "little" else "<")
    with pytest.raises(dlpack.DTypeError, match="expected a dtype"):
        numbers().view(dtype)


def test_numbers_of_each_dtype():
    def of(data, dtype):
        return dlpack.asdlpack(data).view(dtype).tolist()

    assert of(struct.pack("=2q", -1, 2**62), "int64") == [-1, 2**62]
    assert of(struct.pack("=2Q", 1, 2**64 - 1), "uint64") == [1, 2**64 - 1]
    assert of(struct.pack("=2d", 0.1, -math.inf), "float64") == [0.1, -math.inf]
    assert of(struct.pack("=2f", 0.5, math.inf), "float32") == [0.5, math.inf]
    halves = [0.0, -0.0, 1.0, -2.5, 65504.0, 2**-14, 2**-24, 3 * 2**-24, math.inf, -math.inf]
    assert of(struct.pack("=10e", *halves), "float16") == halves
    assert math.isnan(of(b"\x01\x7e" if struct.pack("=H", 1)[0] else b"\x7e\x01", "float16")[0])
    assert of(struct.pack("=2H", 0x3F80, 0xC000), "bfloat16") == [1.0, -2.0]
    assert of(struct.pack("=4f", 1, 2, 3, 4), "complex64") == [1 + 2j, 3 + 4j]
    assert of(struct.pack("=2d", 1, 2), "complex128") == [1 + 2j]
    assert of(struct.pack("=2e", 1, 2), "complex32") == [1 + 2j]
    assert of(b"\0\1\2", "bool") == [False, True, True]
    assert of(b"\x38\xb8", "float8_e4m3fn") == [1.0, -1.0]
    assert of(b"\x3c", "float8_e5m2") == [1.0]
    assert of(struct.pack("=4f", 1, 2, 3, 4), (2, 32, 2)) == [[1.0, 2.0], [3.0, 4.0]]
    packed = dlpack.from_pointer(*pointer_to(bytearray(b"\x21\x43")), (4,), "uint4", device="cpu")
    assert packed.tolist() == [1, 2, 3, 4]
    assert packed.nbytes == 2
    with pytest.raises(dlpack.DTypeError, match="less than a byte"):
        _ = packed.itemsize
    for index in (slice(1, None), slice(1, 2), slice(None, None, 2), slice(None, None, -1), 1):
        with pytest.raises(BufferError):
            packed[index].tolist()
    assert packed[:2].tolist() == [1, 2]
    assert packed.reshape(2, 2).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("dtype", "data", "expected"),
    [
        ("uint4x2", b"\x21\x43\x65\x87", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        ("int4x2", b"\xf1\x2e\xd3\x4c", [[[1, -1], [-2, 2]], [[3, -3], [-4, 4]]]),
        ("uint2x4", b"\xe4\x1b\x00\xff", [[[0, 1, 2, 3], [3, 2, 1, 0]], [[0] * 4, [3] * 4]]),
        ("uint1x8", b"\x01\x80\xff\x00", [[[1] + [0] * 7, [0] * 7 + [1]], [[1] * 8, [0] * 8]]),
        ("uint4x3", b"\x21\x43\x65\x87\xa9\xcb", [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]),
        ("float4_e2m1fnx2", b"\x21\x43\xa9\xcb", [[[0.5, 1.0], [1.5, 2.0]], [[-0.5, -1.0], [-1.5, -2.0]]]),
    ],
)
def test_elements_of_several_numbers_that_take_less_than_a_byte(dtype, data, expected):
    t = dlpack.from_pointer(*pointer_to(bytearray(data)), (2, 2), dtype, device="cpu")
    assert t.tolist() == t.copy().tolist() == expected
    assert t[0].tolist() == expected[0]
    with pytest.raises(TypeError, match="call t.tolist"):
        int(t.reshape(4)[:1])
    if len(data) == 4:
        assert t.permute().tolist() == [list(rows) for rows in zip(*expected)]


def pointer_to(data, _kept=[]):  # noqa: B006 - kept for the process.
    block = (ctypes.c_char * len(data)).from_buffer(data)
    _kept.append(block)
    return (ctypes.addressof(block),)


def test_nested_lists():
    t = numbers().reshape(2, 3, 4)
    assert t.tolist()[1][2] == [20, 21, 22, 23]
    assert t[:0].tolist() == []
    assert t[:, :0].tolist() == [[], []]
    assert t[:, :, :0].tolist() == [[[], [], []], [[], [], []]]


def test_tobytes_is_row_major():
    t = numbers(6).reshape(2, 3)
    assert t.permute().tobytes() == bytes([0, 3, 1, 4, 2, 5])
    assert t[:, ::-1].tobytes() == bytes([2, 1, 0, 5, 4, 3])
    assert t[:0].tobytes() == b""


def test_copies():
    t = dlpack.asdlpack(b"abcdef").reshape(2, 3).permute()
    copied = t.copy()
    assert (copied.readonly, copied.is_contiguous, copied.tolist()) == (False, True, t.tolist())
    assert copied.address % 64 == 0
    assert copy.copy(t) is t
    assert copy.deepcopy(t).address != t.address
    assert copy.deepcopy({"t": t})["t"].tolist() == t.tolist()


def test_pickling_is_refused_with_a_way_out():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="from_dlpack"):
            pickle.dumps(numbers(), protocol)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: numbers(3), "<dlpack.Tensor uint8 (3,) cpu [0, 1, 2]>"),
        (lambda: dlpack.asdlpack(b"ab"), "<dlpack.Tensor uint8 (2,) cpu read-only [97, 98]>"),
        (lambda: numbers(24), "<dlpack.Tensor uint8 (24,) cpu [0, 1, 2, ..., 21, 22, 23]>"),
        (lambda: numbers(4).reshape(2, 2), "<dlpack.Tensor uint8 (2, 2) cpu [[0, 1], [2, 3]]>"),
        (lambda: numbers(4)[1], "<dlpack.Tensor uint8 () cpu 1>"),
        (lambda: numbers(4)[:0], "<dlpack.Tensor uint8 (0,) cpu []>"),
        (
            lambda: dlpack.asdlpack(bytes(8)).view("float32"),
            "<dlpack.Tensor float32 (2,) cpu read-only [0.0, 0.0]>",
        ),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


def test_repr_of_much_is_short():
    t = dlpack.asdlpack(bytes(10**6)).reshape(100, 100, 10, 10)
    assert len(repr(t)) < 8000
    assert "..." in repr(t)


def test_empty():
    t = dlpack.asdlpack(b"")
    assert (t.shape, t.size, t.nbytes, t.tolist(), t.tobytes()) == ((0,), 0, 0, [], b"")
    assert memoryview(t).tolist() == []
    assert t.reshape(0, 3).shape == (0, 3)
    assert t.copy().size == 0


def test_a_million_objects_leave_memory_flat(in_process):
    program = """
import sys, dlpack
try:
    import resource
except ImportError:
    sys.exit(0)
data, count = bytearray(64), int(sys.argv[1])
def once():
    for _ in range(count):
        t = dlpack.asdlpack(data)
        t.__dlpack__(max_version=(1, 3))
        dlpack.asdlpack(t.__dlpack__())
        try:
            t.__dlpack__(dl_device=(2, 0))
        except BufferError:
            pass
        t[1:].tolist()
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
once(); once()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 2000, grown
data.append(0)
"""
    in_process(program, "30000")


def test_cycles_are_not_made_by_the_package():
    class Owner(bytearray):
        pass

    owner = Owner(8)
    dead = weakref.ref(owner)
    t = dlpack.asdlpack(owner)
    for use in (repr, len, iter, lambda t: t[1:], lambda t: t.__array_interface__):
        use(t)
    del owner, t
    assert dead() is None, gc.get_referrers(dead())


@pytest.mark.parametrize("name", ["dtype", "data", "data_ptr", "numpy", "item", "T", "transpose"])
def test_what_other_libraries_call_an_attribute(name):
    """The exception says what stands for it, and nobody takes the tensor for one that has it."""
    t = numbers()
    assert not hasattr(t, name)
    with pytest.raises(AttributeError, match=rf"^'dlpack.Tensor' object has no attribute '{name}': (call|it is|its name is) "):
        getattr(t, name)


def test_main_memory_has_no_number():
    """A producer may give it one, which no consumer asks for."""
    t = dlpack.asdlpack(Struct(device=(1, 5)))
    for made in (t.copy, lambda: copy.deepcopy(t)):
        assert made().tolist() == t.tolist()
