"""Each source of memory, by each route, without a copy."""

from __future__ import annotations

import array
import ctypes
import gc
import io
import mmap
import multiprocessing
import pickle
import re
import struct
import sys
import weakref
from multiprocessing import shared_memory

import pytest

import dlpack


def address_of(buffer: object) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def test_bytes():
    data = b"abcdef"
    t = dlpack.asdlpack(data)
    assert (t.shape, t.strides, t.dtype_name, t.device) == ((6,), (1,), "uint8", "cpu")
    assert t.readonly
    assert t.tobytes() == data
    assert (ctypes.c_char * 6).from_address(t.address).raw == data


def test_bytearray_is_shared_and_locked():
    data = bytearray(b"abcdef")
    t = dlpack.asdlpack(data)
    assert not t.readonly
    assert t.address == address_of(data)
    data[0] = 0
    assert t.tolist()[0] == 0
    view = t[2:]
    consumer = memoryview(view)
    del t, view
    with pytest.raises(BufferError):
        data.append(1)
    consumer.release()
    del consumer
    data.append(1)


def test_capsules_lock_too():
    data = bytearray(b"abcdef")
    capsule = dlpack.asdlpack(data).__dlpack__(max_version=(1, 3))
    with pytest.raises(BufferError):
        data.append(1)
    del capsule
    data.append(1)


@pytest.mark.parametrize("letter", list("bBhHiIlLqQfd"))
def test_array(letter):
    data = array.array(letter, [1, 2, 3])
    t = dlpack.asdlpack(data)
    assert t.tolist() == [1, 2, 3]
    assert t.address == data.buffer_info()[0]
    assert t.itemsize == data.itemsize
    with pytest.raises(BufferError):
        data.append(4)


def test_mmap_is_not_closed_under_a_tensor():
    with mmap.mmap(-1, 4096) as block:
        block[:4] = b"abcd"
        t = dlpack.asdlpack(block)
        assert t.tobytes()[:4] == b"abcd"
        with pytest.raises(BufferError):
            block.close()
        del t


def test_shared_memory():
    block = shared_memory.SharedMemory(create=True, size=64)
    try:
        t = dlpack.asdlpack(block.buf).view("float64").reshape(2, -1)
        assert (t.shape, t.dtype_name, t.readonly) == ((2, 4), "float64", False)
        with pytest.raises(BufferError):
            block.close()
        del t
    finally:
        block.close()
        block.unlink()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ctypes.c_bool, "bool"),
        (ctypes.c_int8, "int8"),
        (ctypes.c_uint16, "uint16"),
        (ctypes.c_int32, "int32"),
        (ctypes.c_long, f"int{8 * ctypes.sizeof(ctypes.c_long)}"),
        (ctypes.c_size_t, f"uint{8 * ctypes.sizeof(ctypes.c_size_t)}"),
        (ctypes.c_float, "float32"),
        (ctypes.c_double, "float64"),
    ],
)
def test_ctypes(kind, name):
    block = ((kind * 3) * 2)()
    block[1][2] = 1
    t = dlpack.asdlpack(block)
    assert (t.shape, t.dtype_name, t.address) == ((2, 3), name, ctypes.addressof(block))
    assert t.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert dlpack.asdlpack(kind(1)).tolist() == 1


def test_memoryview_keeps_strides():
    view = memoryview(bytearray(range(12))).cast("B", (3, 4))
    assert dlpack.asdlpack(view).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    line = memoryview(array.array("i", range(6)))[::-2]
    t = dlpack.asdlpack(line)
    assert (t.strides, t.tolist()) == ((-2,), [5, 3, 1])


def test_formats_of_struct():
    data = struct.pack("=4h", 1, 2, 3, 4)
    assert dlpack.asdlpack(memoryview(data).cast("h")).tolist() == [1, 2, 3, 4]
    assert dlpack.asdlpack(memoryview(bytes(8)).cast("d")).dtype_name == "float64"
    assert dlpack.asdlpack(memoryview(b"\1\0").cast("?")).tolist() == [True, False]


class Interface:
    """An object with an array interface, and nothing else."""

    def __init__(self, **fields):
        self.__array_interface__ = fields


def interface(**fields):
    block = (ctypes.c_int32 * 6)(*range(6))
    every = {
        "version": 3,
        "typestr": "<i4" if sys.byteorder == "little" else ">i4",
        "shape": (2, 3),
        "data": (ctypes.addressof(block), False),
    }
    owner = Interface(**(every | fields))
    owner.block = block
    return owner


@pytest.mark.parametrize("version", [2, 3])
def test_array_interface(version):
    owner = interface(version=version)
    t = dlpack.asdlpack(owner)
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (t.address, t.readonly) == (ctypes.addressof(owner.block), False)
    dead = weakref.ref(owner)
    del owner
    gc.collect()
    assert dead() is not None
    part = t[0]
    del t
    assert part.tolist() == [0, 1, 2]
    del part
    gc.collect()
    assert dead() is None


def test_array_interface_strides_and_flags():
    owner = interface(shape=(3, 2), strides=(4, 12), data=(0, True))
    owner.__array_interface__["data"] = (ctypes.addressof(owner.block), True)
    t = dlpack.asdlpack(owner)
    assert (t.strides, t.readonly, t.tolist()) == ((1, 3), True, [[0, 3], [1, 4], [2, 5]])


def test_array_interface_of_a_buffer():
    data = bytearray(range(8))
    t = dlpack.asdlpack(Interface(version=3, typestr="|u1", shape=(2, 2), data=data, offset=3))
    assert t.tolist() == [[3, 4], [5, 6]]
    with pytest.raises(BufferError):
        data.append(0)
    for fields in ({"offset": 5}, {"strides": (-1, 1)}, {"shape": (3, 3)}):
        every = {"version": 3, "typestr": "|u1", "shape": (2, 2), "data": data} | fields
        with pytest.raises(dlpack.LayoutError, match="outside its buffer"):
            dlpack.asdlpack(Interface(**every))


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"typestr": ">i4" if sys.byteorder == "little" else "<i4"}, dlpack.DTypeError, "byte order"),
        ({"typestr": "<M8[s]"}, dlpack.DTypeError, "times"),
        ({"typestr": "|O8"}, dlpack.DTypeError, "objects"),
        ({"typestr": "|V12"}, dlpack.DTypeError, "records"),
        ({"typestr": "<U3"}, dlpack.DTypeError, "text"),
        ({"typestr": "<f16"}, dlpack.DTypeError, "no dtype"),
        ({"typestr": ""}, dlpack.DTypeError, "typestr"),
        ({"strides": (6, 2)}, dlpack.LayoutError, "whole number"),
        ({"strides": (4,)}, ValueError, "strides"),
        ({"shape": (2, -1)}, dlpack.LayoutError, "-1"),
        ({"shape": (2**40, 2**40)}, dlpack.LayoutError, ""),
        ({"data": (0, False)}, dlpack.LayoutError, "not there"),
        ({"mask": (True,)}, dlpack.LayoutError, "mask"),
        ({"version": 1}, TypeError, "version 1"),
        ({"shape": None}, TypeError, "shape"),
    ],
)
def test_array_interface_refused(fields, error, says):
    with pytest.raises(error, match=says or None) as caught:
        dlpack.asdlpack(interface(**fields))
    assert "Interface" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))


def test_arrow():
    pa = pytest.importorskip("pyarrow")
    whole = pa.array([1.5, 2.5, 3.5, 4.5])
    part = whole[1:3]
    t = dlpack.asdlpack(part, route="arrow")
    assert (t.tolist(), t.readonly) == ([2.5, 3.5], True)
    assert t.address == whole.buffers()[1].address + 8
    assert dlpack.asdlpack(part).address == t.address
    assert dlpack.asdlpack(pa.array([], pa.int8()), route="arrow").tolist() == []


@pytest.mark.parametrize(
    ("values", "kind", "error", "call"),
    [
        ([1, None], "int32", dlpack.LayoutError, "fill_null"),
        ([True], "bool_", dlpack.DTypeError, "cast"),
        (["a"], "string", dlpack.DTypeError, "string"),
        ([1], "date32", dlpack.DTypeError, "cast"),
    ],
)
@pytest.mark.parametrize("route", [None, "arrow"])
def test_arrow_refused(values, kind, error, call, route):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(error, match=call) as caught:
        dlpack.asdlpack(pa.array(values, getattr(pa, kind)()), route=route)
    assert "pyarrow.lib." in str(caught.value)


def test_arrow_counts_nulls_itself():
    pa = pytest.importorskip("pyarrow")
    # A part of an array does not know how many of its elements are null.
    array_ = pa.array([None, 1, 2, 3], pa.int16())
    assert dlpack.asdlpack(array_[1:], route="arrow").tolist() == [1, 2, 3]
    with pytest.raises(dlpack.LayoutError, match="null"):
        dlpack.asdlpack(array_[:2], route="arrow")


def test_arrow_is_released_once():
    pa = pytest.importorskip("pyarrow")
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    t = dlpack.asdlpack(pa.array(range(1000), pa.int64()), route="arrow")
    assert pool.bytes_allocated() > before
    assert t[999].tolist() == 999
    del t
    gc.collect()
    assert pool.bytes_allocated() == before


def test_pil():
    image = pytest.importorskip("PIL.Image").new("RGB", (4, 3), (1, 2, 3))
    t = dlpack.asdlpack(image)
    assert (t.shape, t.dtype_name) == ((3, 4, 3), "uint8")
    assert t[0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("route", [None, "dlpack", "buffer", "array_struct", "array_interface"])
def test_numpy_by_each_route(route):
    np = pytest.importorskip("numpy")
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, ::-1, ::2]
    t = dlpack.asdlpack(x, route=route)
    assert t.address == x.ctypes.data
    assert t.tolist() == x.tolist()
    assert t.readonly is False
    x.flags.writeable = False
    assert dlpack.asdlpack(x, route=route).readonly is True


@pytest.mark.parametrize("route", ["dlpack", "buffer", "array_struct", "array_interface"])
def test_numpy_lives_as_long_as_a_consumer(route):
    np = pytest.importorskip("numpy")

    class Array(np.ndarray):
        pass

    x = np.arange(3).view(Array)
    dead = weakref.ref(x)
    consumer = np.from_dlpack(dlpack.asdlpack(x, route=route))
    del x
    gc.collect()
    assert dead() is not None or route == "dlpack"
    assert consumer.tolist() == [0, 1, 2]
    del consumer
    gc.collect()
    assert dead() is None


def numpy_refused():
    np = pytest.importorskip("numpy")
    swapped = np.dtype(np.int32).newbyteorder()
    records = np.zeros(3, [("a", "f4"), ("b", "i2")])
    return {
        "byte order": (np.zeros(3, swapped), dlpack.DTypeError, "astype"),
        "datetime": (np.zeros(3, "M8[s]"), dlpack.DTypeError, 'view("int64")'),
        "object": (np.array([None, 1]), dlpack.DTypeError, "astype"),
        "records": (records, dlpack.DTypeError, "x['a']"),
        "text": (np.array(["ab"]), dlpack.DTypeError, 'view("uint8")'),
        "fractional strides": (records["a"], dlpack.LayoutError, "ascontiguousarray"),
        "long double": (np.zeros(3, np.longdouble), dlpack.DTypeError, 'astype("float64")'),
        "mask": (np.ma.masked_array([1, 2], [False, True]), dlpack.LayoutError, ".filled()"),
    }


@pytest.mark.parametrize(
    "what",
    ["byte order", "datetime", "object", "records", "text", "fractional strides", "long double", "mask"],
)
def test_numpy_refused(what):
    x, error, call = numpy_refused()[what]
    with pytest.raises(error) as caught:
        dlpack.asdlpack(x)
    text = str(caught.value)
    assert text.startswith(("numpy.ndarray: ", "numpy.ma.MaskedArray: ", "numpy.ma.core.MaskedArray: "))
    assert call in text


def test_the_calls_for_numpy_work():
    np = pytest.importorskip("numpy")
    assert followed(np.frombuffer(b"abcdef", "V3"), '.view("uint8")') == [*b"abcdef"]
    assert followed(np.frombuffer(b"abcd", "V2"), '.view("uint16")', lambda t: t.view("uint8")) == [*b"abcd"]
    if hasattr(np.dtypes, "StringDType"):
        text = np.array(["a", "bc"], np.dtypes.StringDType())
        found = followed(text, 'numpy.array(x.tolist()).view("uint8")', lambda t: t.view("uint32"))
        assert found == [*map(ord, "a\0bc")]


def test_the_calls_for_jax_work():
    jax = pytest.importorskip("jax")
    assert followed(jax.random.key(7), "jax.random.key_data(x)") == [0, 7]


def test_numpy_mask_that_masks_nothing():
    np = pytest.importorskip("numpy")
    assert dlpack.asdlpack(np.ma.masked_array([1, 2])).tolist() == [1, 2]


def test_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    np = pytest.importorskip("numpy")
    x = np.ones(3, ml_dtypes.bfloat16)
    try:
        t = dlpack.asdlpack(x)
    except dlpack.DTypeError as error:
        assert 'view("uint16")' in str(error)
        t = dlpack.asdlpack(x.view("uint16")).view("bfloat16")
    assert t.tolist() == [1.0, 1.0, 1.0]


def test_torch():
    torch = pytest.importorskip("torch")
    x = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    t = dlpack.asdlpack(x.T)
    assert (t.address, t.strides, t.readonly) == (x.data_ptr(), (1, 3), False)
    back = torch.from_dlpack(t)
    back[0, 0] = 9
    assert x[0, 0] == 9
    assert dlpack.asdlpack(torch.ones(2, dtype=torch.bfloat16)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("make", "call"),
    [
        ("torch.ones(2, requires_grad=True)", ".detach()"),
        ("torch.ones(2, dtype=torch.complex64).conj()", ".resolve_conj()"),
        ("torch._neg_view(torch.ones(2, 2))", ".resolve_neg()"),
        ("torch.ones(2, dtype=torch.complex64).conj().imag", ".resolve_neg()"),
        ("torch.ones(2, dtype=torch.complex64).conj().imag.as_strided((2,), (1,))", ".resolve_neg()"),
        ("torch._neg_view(torch.ones(2, dtype=torch.int32)).data", ".resolve_neg()"),
        ("torch._neg_view(torch.tensor(1.0))", ".resolve_neg()"),
        ("torch.eye(2).to_sparse()", ".to_dense()"),
        ("torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])", ".to_padded_tensor(0)"),
        ("torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)", ".to_padded_tensor(0)"),
        ("torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)", ".int_repr()"),
        ("torch.ones(2, device='meta')", "no memory"),
        ("torch._efficientzerotensor((3,))", "not there"),
        ("torch._efficientzerotensor((30,))[2:]", "not there"),
    ],
)
def test_torch_refused(make, call):
    torch = pytest.importorskip("torch")
    for options in ({}, {"copy": True}, {"copy": False}, {"route": "dlpack"}):
        with pytest.raises(BufferError, match=r"torch\.[\w.]+: ") as caught:
            dlpack.asdlpack(eval(make, {"torch": torch}), **options)
        assert call in str(caught.value)


def test_what_is_negated_when_it_is_read_is_explained():
    torch = pytest.importorskip("torch")
    for make in (torch.ones(2, 2), torch.ones(4)[::2], torch.ones(2, dtype=torch.int32)):
        x = torch._neg_view(make)
        answer = dlpack.explain(x, "numpy")
        assert "negated when they are read: call .resolve_neg()" in answer.caution, str(answer)
        assert dlpack.explain(x.resolve_neg(), "numpy").caution == ""


def test_jax():
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.arange(6.0).reshape(2, 3)
    t = dlpack.asdlpack(x)
    assert t.address == x.unsafe_buffer_pointer()
    assert t.readonly
    assert t.tolist() == x.tolist()


def test_capsules():
    t = dlpack.asdlpack(bytearray(b"abc"))
    for version in (None, (0, 0), (1, 0), (1, 3), (2, 0)):
        capsule = t.__dlpack__(max_version=version)
        again = dlpack.asdlpack(capsule)
        assert again.address == t.address
        assert again.tolist() == t.tolist()
        with pytest.raises(Exception, match=r"capsule|consumed"):
            dlpack.asdlpack(capsule)


def test_legacy_capsules_do_not_say_whether_they_are_read_only():
    t = dlpack.asdlpack(bytearray(b"abc"))
    assert dlpack.asdlpack(t.__dlpack__()).readonly
    assert not dlpack.asdlpack(t.__dlpack__(), readonly=False).readonly


def test_a_tensor_is_itself():
    t = dlpack.asdlpack(b"abc")
    assert dlpack.asdlpack(t) is t
    assert t == t and t != dlpack.asdlpack(b"abc")
    assert hash(t) == hash(t)


def test_options():
    data = bytearray(b"abc")
    assert dlpack.asdlpack(data, readonly=True).readonly
    assert dlpack.asdlpack(data, readonly=True).address == address_of(data)
    assert not dlpack.asdlpack(b"abc", copy=True).readonly
    with pytest.raises(dlpack.ReadOnlyError, match="read-only"):
        dlpack.asdlpack(b"abc", readonly=False)
    assert not dlpack.asdlpack(b"abc", readonly=False, copy=True).readonly
    copy = dlpack.asdlpack(data, copy=True)
    data[0] = 0
    assert copy.tolist() == [97, 98, 99]
    data.append(0)
    for cpu in ("cpu", "cpu:0", (1, 0), (1, None)):
        assert dlpack.asdlpack(data, device=cpu).size == 4
    with pytest.raises(BufferError, match="cuda:0"):
        dlpack.asdlpack(data, device="cuda:0")
    with pytest.raises(ValueError, match="expected a device"):
        dlpack.asdlpack(data, device="somewhere")
    with pytest.raises(TypeError, match="expected a device"):
        dlpack.asdlpack(data, device=1.5)


def test_routes():
    assert dlpack.ROUTES[:2] == ("dlpack", "buffer")
    np = pytest.importorskip("numpy")
    x = np.arange(3)
    for route in dlpack.ROUTES[:4]:
        assert dlpack.asdlpack(x, route=route).tolist() == [0, 1, 2]
        assert dlpack.asdlpack(x, avoid=route).tolist() == [0, 1, 2]
    assert dlpack.asdlpack(x, route=["arrow", "buffer"]).size == 3
    with pytest.raises(dlpack.NotATensorError, match="__arrow_c_array__, found numpy.ndarray"):
        dlpack.asdlpack(x, route="arrow")
    with pytest.raises(dlpack.NotATensorError):
        dlpack.asdlpack(b"", avoid=dlpack.ROUTES)
    with pytest.raises(ValueError, match="expected a route"):
        dlpack.asdlpack(x, route="road")


@pytest.mark.parametrize(
    ("obj", "call"),
    [("text", ".encode()"), ([1, 2], "array.array"), (1.5, "array.array"), (object(), ""), (None, "")],
)
def test_not_a_tensor(obj, call):
    for error in (TypeError, AttributeError, dlpack.NotATensorError):
        with pytest.raises(error) as caught:
            dlpack.asdlpack(obj)
    assert type(obj).__name__ in str(caught.value)
    assert call in str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: array.array("u", "ab"), "text"),
        (lambda: (ctypes.c_void_p * 2)(), "pointers"),
        (lambda: (ctypes.POINTER(ctypes.c_int) * 2)(), "pointers"),
        (lambda: (type("S", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)]}) * 2)(), "records"),
        (lambda: (ctypes.c_longdouble * 2)(), "long double"),
        (lambda: (ctypes.c_char_p * 2)(), "pointers"),
        (lambda: (ctypes.c_wchar_p * 2)(), "pointers"),
        (
            lambda: (
                (ctypes.c_int.__ctype_be__ * 2)()
                if sys.byteorder == "little"
                else (ctypes.c_int.__ctype_le__ * 2)()
            ),
            "byte order",
        ),
    ],
)
def test_buffers_refused(make, says):
    obj = make()
    with pytest.raises(dlpack.DTypeError, match=says or None) as caught:
        dlpack.asdlpack(obj)
    assert type(obj).__qualname__ in str(caught.value)


class Pair(ctypes.Structure):
    _fields_ = (("a", ctypes.c_float), ("b", ctypes.c_float))


class Either(ctypes.Union):
    _fields_ = (("a", ctypes.c_char), ("b", ctypes.c_double))


def followed(x, call, then=None):
    """Refuses an object, and returns the elements of what the message says to call."""
    with pytest.raises((dlpack.DTypeError, dlpack.NotATensorError)) as caught:
        dlpack.asdlpack(x)
    assert f": call {call}" in str(caught.value)
    names = {"mmap": mmap, "x": x, "array": array, "dlpack": dlpack}
    for module in ("numpy", "jax"):
        if module in call:
            names[module] = pytest.importorskip(module)
    found = dlpack.asdlpack(eval("x" + call if call.startswith(".") else call, names))
    return (then(found) if then else found).tolist()


@pytest.mark.parametrize(
    ("make", "call", "expected"),
    [
        (lambda: ctypes.pointer(ctypes.c_int(7)), ".contents", 7),
        (lambda: ctypes.pointer((ctypes.c_int * 2)(7, 8)), ".contents", [7, 8]),
        (lambda: ctypes.c_char_p(b"ab"), ".value", [97, 98]),
        (lambda: ctypes.c_wchar_p("ab"), ".value.encode()", [97, 98]),
        (lambda: ctypes.create_unicode_buffer("", 1), 'memoryview(x).cast("B")', [0] * ctypes.sizeof(ctypes.c_wchar)),
        (lambda: "ab", ".encode()", [97, 98]),
        (lambda: {"k": b"ab"}, "x['k']", [97, 98]),
        (lambda: {7}, "numpy.asarray(list(x))", [7]),
        (lambda: iter([7, 8]), "numpy.asarray(list(x))", [7, 8]),
        (lambda: [7, 8], "numpy.asarray(x)", [7, 8]),
        (lambda: io.BytesIO(b"ab"), ".getbuffer()", [97, 98]),
        (lambda: io.StringIO("ab"), ".read().encode()", [97, 98]),
    ],
)
def test_the_call_in_a_message_works(make, call, expected):
    assert followed(make(), call) == expected


def test_the_call_for_structures_works():
    def floats(t):
        return t.view("float32")

    call = 'memoryview(x).cast("B")'
    assert followed(Pair(1, 2), call, floats) == [1.0, 2.0]
    assert followed((Pair * 2)(Pair(1, 2), Pair(3, 4)), call, floats) == [1.0, 2.0, 3.0, 4.0]
    either = Either(b=2.0)
    assert followed(either, call, lambda t: t.view("float64")) == [2.0]
    t = dlpack.asdlpack(memoryview(either).cast("B"))
    assert t.address == ctypes.addressof(either)
    with pytest.raises(dlpack.DTypeError, match=r"it is an address: call dlpack\.from_pointer\(x\.value, "):
        dlpack.asdlpack(ctypes.c_void_p(t.address))
    with pytest.raises(dlpack.LayoutError, match="null pointer"):
        dlpack.asdlpack(ctypes.POINTER(ctypes.c_int)())


def test_the_call_for_shared_memory_works():
    block = shared_memory.SharedMemory(create=True, size=64)
    try:
        block.buf[:2] = b"ab"
        assert followed(block, ".buf", lambda t: t[:2]) == [97, 98]
    finally:
        gc.collect()
        block.close()
        block.unlink()
    numbers = multiprocessing.Array("i", [1, 2])
    assert followed(numbers, ".get_obj()") == [1, 2]


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_the_calls_for_files_work(tmp_path, mode):
    path = tmp_path / "file"
    path.write_bytes(b"ab")
    assert followed(path, ".read_bytes()") == [97, 98]
    read = ".read()" + ("" if "b" in mode else ".encode()")
    map_ = "mmap.mmap(x.fileno(), 0, access=mmap.ACCESS_READ)"
    with open(path, mode) as file:
        with pytest.raises(dlpack.NotATensorError, match=re.escape(f"{read}, or {map_}")):
            dlpack.asdlpack(file)
        t = dlpack.asdlpack(eval(map_, {"mmap": mmap, "x": file}))
        assert (t.tolist(), t.readonly) == ([97, 98], True)
        assert followed(file, read) == [97, 98]


def test_the_calls_for_arrow_work():
    pa = pytest.importorskip("pyarrow")
    lists = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4]), 2)
    with pytest.raises(dlpack.DTypeError, match=r"\.flatten\(\), and \.reshape\(-1, 2\)"):
        dlpack.asdlpack(lists)
    assert followed(lists, ".flatten()", lambda t: t.reshape(-1, 2)) == [[1, 2], [3, 4]]
    with pytest.raises(dlpack.LayoutError, match="lists are null"):
        dlpack.asdlpack(pa.array([[1, 2], None], pa.list_(pa.int64(), 2)))
    assert followed(pa.table({"a": [1, 2]}), ".column(0).combine_chunks()") == [1, 2]
    assert followed(pa.chunked_array([[1], [2]]), ".combine_chunks()") == [1, 2]
    assert followed(pa.record_batch({"a": [1, 2]}), ".column(0)") == [1, 2]
    assert followed(pa.array([[1, 2], [3]]), ".flatten()") == [1, 2, 3]
    assert followed(pa.array(["a", "b"]), ".buffers()[2]", lambda t: t[:2]) == [97, 98]
    assert followed(pa.array([{"a": 1}]), ".field(0)") == [1]
    assert followed(pa.array([7, 7]).dictionary_encode(), ".dictionary_decode()") == [7, 7]


def test_producers_own_errors_are_passed_on():
    class Broken:
        def __dlpack__(self, **_):
            raise KeyError("mine")

        def __dlpack_device__(self):
            return 1, 0

    with pytest.raises(KeyError, match="mine") as caught:
        dlpack.asdlpack(Broken())
    if sys.version_info >= (3, 11):
        assert "Broken" in caught.value.__notes__[0]


def test_from_dlpack():
    np = pytest.importorskip("numpy")
    x = np.arange(3)
    assert dlpack.from_dlpack(x).address == x.ctypes.data
    assert dlpack.from_dlpack(x, copy=True).address != x.ctypes.data
    assert dlpack.from_dlpack(x, device="cpu", copy=False).address == x.ctypes.data
    with pytest.raises(AttributeError, match="expected an object with __dlpack__"):
        dlpack.from_dlpack(b"abc")


def test_copy_errors():
    t = dlpack.asdlpack(b"abc")
    with pytest.raises(dlpack.CopyError) as caught:
        t.__dlpack__(dl_device=(2, 0), copy=False)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, BufferError)


@pytest.mark.parametrize(
    "name",
    ["CopyError", "DTypeError", "DeviceError", "LayoutError", "NotATensorError", "ReadOnlyError"],
)
def test_exceptions_pickle(name):
    error = getattr(dlpack, name)("text")
    assert error.__class__.__module__ == "dlpack"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.args == ("text",)


@pytest.mark.parametrize("name", ["todict", "asdlpack_buffer", "DLTensor", "capsule", "MemoryManager"])
def test_names_of_pydlpack(name):
    with pytest.raises(AttributeError, match=f"{name}.*: "):
        getattr(dlpack, name)


class ArrowSchema(ctypes.Structure):
    _fields_ = [
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_char_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


class ArrowArray(ctypes.Structure):
    _fields_ = [
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Arrow:
    """An array of six numbers, of which the first and the last are null, as another implementation of Arrow may export it."""

    def __init__(self, schema=(), array=()):
        self.data = (ctypes.c_int16 * 6)(*range(6))
        self.valid = ctypes.c_uint8(0b011110)
        self.buffers = (ctypes.c_void_p * 2)(ctypes.addressof(self.valid), ctypes.addressof(self.data))
        buffers = ctypes.cast(self.buffers, ctypes.POINTER(ctypes.c_void_p))
        # No capsule here has a destructor, so that nobody releases the schema.
        self.schema = ArrowSchema(**{"format": b"s", "release": 1} | dict(schema))
        self.released = []
        self.release = RELEASE(self.released.append)
        release = ctypes.cast(self.release, ctypes.c_void_p)
        every = {"length": 4, "null_count": -1, "offset": 1, "n_buffers": 2, "buffers": buffers, "release": release}
        self.array = ArrowArray(**every | dict(array))

    def __arrow_c_array__(self, requested_schema=None):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return (
            new(ctypes.addressof(self.schema), b"arrow_schema", None),
            new(ctypes.addressof(self.array), b"arrow_array", None),
        )


def test_arrow_structs():
    owner = Arrow()
    t = dlpack.asdlpack(owner)
    assert (t.tolist(), t.address) == ([1, 2, 3, 4], ctypes.addressof(owner.data) + 2)
    empty = Arrow(array={"length": 0})
    assert dlpack.asdlpack(empty).tolist() == []
    numbers = (ctypes.c_void_p * 2)(None, ctypes.addressof(owner.data))
    numbers = ctypes.cast(numbers, ctypes.POINTER(ctypes.c_void_p))
    unknown = Arrow(array={"buffers": numbers, "offset": 0})
    assert dlpack.asdlpack(unknown).tolist() == [0, 1, 2, 3]
    nothing = (ctypes.c_void_p * 2)(None, None)
    nothing = ctypes.cast(nothing, ctypes.POINTER(ctypes.c_void_p))
    absent = Arrow(array={"buffers": nothing, "length": 0})
    assert dlpack.asdlpack(absent).tolist() == []
    del t
    for array_ in (owner, empty, unknown, absent):
        assert len(array_.released) == 1


def test_arrow_array_is_taken_out_of_its_capsule():
    owner = Arrow()
    schema, array_ = owner.__arrow_c_array__()
    owner.__arrow_c_array__ = lambda requested_schema=None: (schema, array_)
    t = dlpack.asdlpack(owner)
    # Whoever comes later finds that it was consumed, and cannot release it under the tensor.
    assert not owner.array.release
    with pytest.raises(dlpack.NotATensorError, match="consumed"):
        dlpack.asdlpack(owner)
    assert owner.released == []
    part = t[1:]
    del t
    assert (part.tolist(), owner.released) == ([2, 3, 4], [])
    del part
    assert len(owner.released) == 1


def test_a_release_that_raises_keeps_the_exception_on_its_way(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: seen.append(str(raised.exc_value)))
    owner = Arrow()

    def fail(_):
        raise KeyError("mine")

    owner.release = RELEASE(fail)
    owner.array.release = ctypes.cast(owner.release, ctypes.c_void_p).value

    def drop_while_another_exception_is_on_its_way():
        t = dlpack.asdlpack(owner)
        raise RuntimeError(f"on its way with {t.size}")

    with pytest.raises(RuntimeError, match="on its way"):
        drop_while_another_exception_is_on_its_way()
    gc.collect()
    assert seen == ["'mine'"]


@pytest.mark.parametrize(
    ("schema", "array_", "error", "says"),
    [
        ({}, {"length": 5}, dlpack.LayoutError, "null"),
        ({}, {"offset": 0}, dlpack.LayoutError, "null"),
        ({}, {"null_count": 1}, dlpack.LayoutError, "null"),
        ({}, {"offset": -1}, dlpack.LayoutError, "negative"),
        ({}, {"length": -1}, dlpack.LayoutError, "negative"),
        ({}, {"length": 2**63 - 1}, dlpack.LayoutError, "no end"),
        ({}, {"length": 2**62}, dlpack.LayoutError, "no end"),
        ({}, {"offset": 2**63 - 1, "length": 0}, dlpack.LayoutError, "no end"),
        ({}, {"n_buffers": 3}, dlpack.LayoutError, "two buffers"),
        ({}, {"buffers": None}, dlpack.LayoutError, "two buffers"),
        ({}, {"release": None}, dlpack.NotATensorError, "consumed"),
        ({"release": None}, {}, dlpack.NotATensorError, "consumed"),
        ({"dictionary": 1}, {}, dlpack.DTypeError, "dictionary"),
        ({"format": b"b"}, {}, dlpack.DTypeError, "one bit"),
        ({"format": b"tdD"}, {}, dlpack.DTypeError, "tdD"),
    ],
)
def test_arrow_structs_refused(schema, array_, error, says):
    owner = Arrow(schema, array_)
    with pytest.raises(error, match=says) as caught:
        dlpack.asdlpack(owner)
    del caught
    gc.collect()
    # The array was taken, and released at once. One whose schema was refused is still its owner's.
    assert len(owner.released) == (not schema and "release" not in array_)


def test_arrow_without_memory_is_refused():
    nothing = (ctypes.c_void_p * 2)(None, None)
    nothing = ctypes.cast(nothing, ctypes.POINTER(ctypes.c_void_p))
    with pytest.raises(dlpack.LayoutError, match="not there"):
        dlpack.asdlpack(Arrow(array={"buffers": nothing}))
