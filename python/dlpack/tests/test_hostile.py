"""Objects that lie, change their mind, or fail in the middle. Nothing of them ends the process, and nothing is freed twice or early."""

from __future__ import annotations

import array
import ctypes
import gc
import itertools
import random
import sys
import threading
from collections.abc import Sequence

import pytest

import dlpack
from dlpack.tests import FREE_THREADED

from .structs import LEGACY, VERSIONED
from .test_sources import Arrow

# What others may have kept.
kept = []
NATIVE = "<" if sys.byteorder == "little" else ">"


class Interface:
    def __init__(self, **fields):
        self.__array_interface__ = {"version": 3, "typestr": "|u1", "shape": (4,)} | fields


class ArrayStruct(ctypes.Structure):
    _fields_ = [
        ("two", ctypes.c_int),
        ("nd", ctypes.c_int),
        ("typekind", ctypes.c_char),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("data", ctypes.c_void_p),
        ("descr", ctypes.c_void_p),
    ]


def capsule_of(struct, name=None):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(ctypes.addressof(struct), name, None)


class Struct:
    def __init__(self, name=None, **fields):
        self.block = (ctypes.c_float * 6)(*range(6))
        self.shape = (ctypes.c_ssize_t * 2)(2, 3)
        every = {"two": 2, "nd": 2, "typekind": b"f", "itemsize": 4, "flags": 0x701, "shape": self.shape}
        self.struct = ArrayStruct(**{**every, "data": ctypes.addressof(self.block), **fields})
        self.__array_struct__ = capsule_of(self.struct, name)


def test_array_struct():
    owner = Struct()
    t = dlpack.asdlpack(owner)
    assert (t.tolist(), t.readonly) == ([[0, 1, 2], [3, 4, 5]], False)
    # What is written to the struct later is not read.
    owner.shape[0], owner.struct.nd, owner.struct.data = 1000, 7, 0
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert dlpack.asdlpack(Struct(flags=0x301)).readonly


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"two": 1}, dlpack.NotATensorError, "no such struct"),
        ({"nd": -1}, dlpack.LayoutError, "axes"),
        ({"nd": 65}, dlpack.LayoutError, "axes"),
        ({"nd": 2**31 - 1}, dlpack.LayoutError, "axes"),
        ({"shape": None}, dlpack.LayoutError, "no shape"),
        ({"data": None}, dlpack.LayoutError, "not there"),
        ({"flags": 0x501}, dlpack.DTypeError, "byte order"),
        ({"itemsize": -4}, dlpack.DTypeError, "no dtype"),
        ({"itemsize": 0}, dlpack.DTypeError, "no dtype"),
        ({"itemsize": 16}, dlpack.DTypeError, "no dtype"),
        ({"typekind": b"V"}, dlpack.DTypeError, "no dtype"),
        ({"shape": (ctypes.c_ssize_t * 2)(-1, 2)}, dlpack.LayoutError, "-1"),
        ({"shape": (ctypes.c_ssize_t * 2)(2**40, 2**40)}, dlpack.LayoutError, ""),
        ({"strides": (ctypes.c_ssize_t * 2)(6, 2)}, dlpack.LayoutError, "whole number"),
        ({"strides": (ctypes.c_ssize_t * 2)(-(2**63), 4)}, dlpack.LayoutError, ""),
    ],
)
def test_array_structs_refused(fields, error, says):
    with pytest.raises(error, match=says or None):
        dlpack.asdlpack(Struct(**fields))


@pytest.mark.parametrize("offset", [1, 4])
def test_structs_that_are_not_aligned(offset):
    def moved(struct, name=None):
        """A capsule of a copy that is not aligned, which is never freed."""
        block = (ctypes.c_uint64 * 40)()
        kept.append((struct, block))
        place = type(struct).from_buffer(block, offset)
        ctypes.memmove(ctypes.addressof(place), ctypes.addressof(struct), ctypes.sizeof(struct))
        return capsule_of(place, name)

    struct = Struct()
    struct.__array_struct__ = moved(struct.struct)
    with pytest.raises(dlpack.NotATensorError, match="no such struct"):
        dlpack.asdlpack(struct)
    numbers = (ctypes.c_uint64 * 4)()
    shape = (ctypes.c_ssize_t * 2).from_buffer(numbers, offset)
    shape[:] = 2, 3
    shape = ctypes.cast(ctypes.addressof(shape), ctypes.POINTER(ctypes.c_ssize_t))
    assert dlpack.asdlpack(Struct(shape=shape)).tolist() == [[0, 1, 2], [3, 4, 5]]
    arrow = Arrow()
    good = arrow.__arrow_c_array__()
    names = b"arrow_schema", b"arrow_array"
    for index, struct in enumerate((arrow.schema, arrow.array)):
        capsules = list(good)
        capsules[index] = moved(struct, names[index])
        with pytest.raises(dlpack.NotATensorError, match="not aligned"):
            dlpack.asdlpack(type("Moved", (), {"__arrow_c_array__": lambda self, c=capsules: tuple(c)})())
    assert not arrow.released
    for kind, name in ((VERSIONED, b"dltensor_versioned"), (LEGACY, b"dltensor")):
        tensor = kind()
        if kind is VERSIONED:
            tensor.version[0] = 1
        for take in (dlpack.asdlpack, dlpack._core.look):
            with pytest.raises(BufferError, match="aligned to 8 bytes"):
                take(moved(tensor, name))


def test_a_capsule_of_something_else_is_no_array_struct():
    with pytest.raises((dlpack.NotATensorError, ValueError)):
        dlpack.asdlpack(Struct(name=b"other"))


class Endless(Sequence):
    """Says that it is long, and is endless."""

    def __len__(self):
        return 2**50

    def __getitem__(self, index):
        return 1


class Long(tuple):
    def __len__(self):
        return 2**50


@pytest.mark.parametrize("shape", [Endless(), [1] * 65])
def test_lengths_are_not_believed(shape):
    data = bytearray(4)
    for field in ("shape", "strides"):
        with pytest.raises((dlpack.LayoutError, ValueError), match="64|strides"):
            dlpack.asdlpack(Interface(data=data, **{field: shape}))
    with pytest.raises(dlpack.LayoutError, match="64"):
        dlpack.from_pointer(dlpack.asdlpack(data).address, shape, "uint8", device="cpu")
    with pytest.raises((dlpack.LayoutError, ValueError)):
        dlpack.asdlpack(data).reshape(shape)
    data.append(0)


def test_a_tuple_that_says_it_is_long():
    assert dlpack.asdlpack(Interface(data=bytearray(4), shape=Long((4,)))).shape == (4,)


@pytest.mark.parametrize("make", [lambda data: data, lambda data: Interface(data=data)])
def test_no_program_finds_the_lock_of_a_buffer(make):
    """What keeps a buffer is no object that `gc` finds, and that could be released."""
    data = bytearray(range(4))
    t = dlpack.asdlpack(make(data))

    def release_all():
        for view in [found for found in gc.get_objects() if isinstance(found, memoryview)]:
            try:
                view.release()
            except BufferError:
                pass

    release_all()
    with pytest.raises(BufferError):
        data.append(0)
    assert t.tolist() == [0, 1, 2, 3]
    del t
    gc.collect()
    data.append(0)


def test_an_interface_that_is_another_one_each_time():
    first, second = bytearray(b"abcd"), bytearray(b"wxyz")

    class Changing:
        count = 0

        @property
        def __array_interface__(self):
            self.count += 1
            data = first if self.count == 1 else second
            return {"version": 3, "typestr": "|u1", "shape": (4,), "data": data}

    owner = Changing()
    t = dlpack.asdlpack(owner)
    assert t.tobytes() in (b"abcd", b"wxyz")
    # What the tensor has is locked, and what it does not have is not.
    locked = first if t.tobytes() == b"abcd" else second
    with pytest.raises(BufferError):
        locked.append(0)
    (second if locked is first else first).append(0)


def test_an_interface_that_changes_while_it_is_read():
    data = bytearray(b"abcdefgh")

    class Size:
        def __init__(self, size, fields, **change):
            self.size, self.fields, self.change = size, fields, change

        def __index__(self):
            self.fields.update(self.change)
            return self.size

    owner = Interface(data=data)
    fields = owner.__array_interface__
    fields["shape"] = (Size(2, fields, typestr=f"{NATIVE}i8", strides=(1 << 40,), shape=(1 << 40,)), 2)
    try:
        t = dlpack.asdlpack(owner)
    except (dlpack.LayoutError, ValueError):
        return
    assert t.tobytes() == b"abcd"


def test_a_buffer_that_its_object_frees_in_the_middle():
    """The offset is asked for by Python code, which has the object resize the buffer."""
    data = bytearray(b"abcdefgh")

    class Offset:
        def __index__(self):
            data.clear()
            return 4

    with pytest.raises(dlpack.LayoutError, match="outside its buffer of 0 bytes"):
        dlpack.asdlpack(Interface(data=data, offset=Offset()))


@pytest.mark.parametrize("attribute", ["__dlpack__", "__array_interface__", "__array_struct__", "__arrow_c_array__", "filled"])
@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt, AttributeError, MemoryError])
def test_an_attribute_that_raises(attribute, raised):
    class Raises:
        def __getattr__(self, name):
            if name == attribute:
                raise raised("mine")
            raise AttributeError(name)

    expected = dlpack.NotATensorError if raised is AttributeError else raised
    with pytest.raises(expected):
        dlpack.asdlpack(Raises())


def test_an_interrupt_while_the_message_is_made_is_not_lost():
    class Slow:
        def __dlpack__(self, **keywords):
            raise BufferError("mine")

        def __dlpack_device__(self):
            return (1, 0)

        @property
        def mask(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dlpack.asdlpack(Slow())


def test_an_owner_that_fails_and_comes_back_when_it_is_dropped(monkeypatch):
    seen, back = [], []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: seen.append(str(raised.exc_value)))

    class Owner(Interface):
        def __del__(self):
            back.append(self)
            raise RuntimeError("mine")

    block = (ctypes.c_uint8 * 4)(1, 2, 3, 4)
    t = dlpack.asdlpack(Owner(data=(ctypes.addressof(block), False)))
    again = memoryview(t)
    del t
    gc.collect()
    assert not back
    assert again.tolist() == [1, 2, 3, 4]
    del again
    gc.collect()
    assert len(back) == 1
    # A memoryview clears the exception of its own owner before 3.12; the object comes back in any case.
    assert seen in (["mine"], [])
    assert dlpack.asdlpack(back[0]).tolist() == [1, 2, 3, 4]


def test_an_owner_that_makes_tensors_when_it_is_dropped():
    made = []

    class Owner(bytearray):
        def __del__(self):
            made.append(dlpack.asdlpack(bytearray(b"later")))

    t = dlpack.asdlpack(Owner(b"now"))
    del t
    gc.collect()
    assert made[0].tobytes() == b"later"


def test_a_deleter_that_drops_and_makes_tensors():
    block = (ctypes.c_uint8 * 4)()
    address, calls = ctypes.addressof(block), []

    def make(left):
        if left == 0:
            return None
        inner = [make(left - 1)]

        def delete(_):
            calls.append(left)
            inner.clear()
            dlpack.from_pointer(address, 4, "uint8", device="cpu", deleter=lambda _: calls.append(0))

        return dlpack.from_pointer(address, 4, "uint8", device="cpu", deleter=delete)

    t = make(200)
    del t
    assert sorted(set(calls)) == list(range(201))
    assert calls.count(0) == 200


@pytest.mark.parametrize(
    "step",
    [
        "t[0:]",
        "t.reshape(-1)",
        "dlpack.asdlpack(t, readonly=True)",
        "dlpack.from_dlpack(t)[0:]",
        "dlpack.asdlpack(t.__dlpack__(max_version=(1, 0)))[0:]",
        "dlpack.asdlpack(t.__dlpack__(), readonly=False)",
        "dlpack.asdlpack(memoryview(t))",
        "dlpack.asdlpack(t, route='array_interface')",
        "dlpack.from_pointer(t.address, 10, 'uint8', device='cpu', owner=t)",
        "dlpack.from_pointer(t.address, 10, 'uint8', device='cpu', owner=t.__dlpack__())",
        "dlpack.asdlpack(numpy.from_dlpack(t))",
        "dlpack.asdlpack(numpy.from_dlpack(t)[0:])",
        "dlpack.asdlpack(memoryview(numpy.from_dlpack(t)))",
        "dlpack.asdlpack(numpy.from_dlpack(t).__dlpack__(max_version=(1, 0)))",
        "dlpack.asdlpack(pyarrow.Tensor.from_dlpack(t))",
        "dlpack.asdlpack(tvm_ffi.from_dlpack(t))",
        "dlpack.asdlpack(tvm_ffi.get_global_func('testing.echo')(t))",
        "dlpack.asdlpack(torch.from_dlpack(t))",
        "dlpack.asdlpack(torch.from_dlpack(t)[0:])[0:]",
    ],
)
@pytest.mark.parametrize("start", ["t", "t.reshape(5, 2)[:, :1]", "t[:0]"])
def test_chains_end(in_process, step, start):
    """Tensors that keep each other alive, in any number, are dropped without the stack coming to its end."""
    if start != "t" and "pyarrow" not in step and "tvm_ffi" not in step and "max_version" not in step:
        pytest.skip("the elements make no difference where Python objects keep each other alive")
    library = next((name for name in ("numpy", "pyarrow", "torch", "tvm_ffi") if name in step), "dlpack")
    pytest.importorskip(library)
    program = f"""
import threading, dlpack, {library}

def chain(count):
    data = bytearray(10)
    t = dlpack.asdlpack(data)
    t = {start}
    first = t.tolist()
    for _ in range(count):
        t = {step}
    assert t.tolist() == first
    try:
        data.append(0)
    except BufferError:
        pass
    else:
        assert not first, "the memory is not kept"
    del t
    data.append(0)

chain(50_000)
# A thread has less stack.
threading.stack_size(256 * 1024)
thread = threading.Thread(target=chain, args=(10_000,))
thread.start()
thread.join()
print("done")
"""
    assert in_process(program) == "done\n"


def test_chains_of_different_links_end(in_process):
    """Whichever of them is the last that ends within others, and also on a thread that does not hold the global lock."""
    pytest.importorskip("pyarrow")
    program = """
import ctypes, dlpack, pyarrow

def chain(count):
    data = bytearray(10)
    t = dlpack.asdlpack(data)
    for i in range(count):
        if i % 2:
            t = dlpack.asdlpack(pyarrow.Tensor.from_dlpack(t))
        else:
            t = dlpack.from_pointer(t.address, 10, "uint8", device="cpu", owner=t)
    return data, t

pointer_of, rename = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_SetName
pointer_of.argtypes, pointer_of.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
rename.argtypes = [ctypes.py_object, ctypes.c_char_p]
USED = b"used_dltensor_versioned"
for count in (40_000, 40_001):
    data, t = chain(count)
    del t
    data.append(0)
    data, t = chain(count)
    capsule = t.__dlpack__(max_version=(1, 0))
    del t
    pointer = pointer_of(capsule, b"dltensor_versioned")
    rename(capsule, USED)
    deleter = ctypes.c_void_p.from_address(pointer + 16).value
    # `ctypes` calls it without the lock.
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleter)(pointer)
    data.append(0)
print("done")
"""
    assert in_process(program) == "done\n"


def test_parts_of_parts_do_not_pile_up(in_process):
    """As a parser does that takes its input from the front."""
    program = """
import tracemalloc, dlpack
t = dlpack.asdlpack(bytes(50_000))
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
while len(t) > 1:
    t = t[1:]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2000)
"""
    pytest.importorskip("resource")
    assert in_process(program) == "True\n"


def test_producers_that_give_another_tensor_each_time():
    """A copy of a device's memory is taken only if it is one of the same tensor."""

    class Producer:
        def __init__(self):
            self.tensors = [
                dlpack.from_pointer(0x1000, 4, "uint8", device="opencl"),
                dlpack.asdlpack(bytearray(9)),
            ]

        def __dlpack_device__(self):
            return self.tensors[0].__dlpack_device__()

        def __dlpack__(self, **keywords):
            t = self.tensors.pop(0) if len(self.tensors) > 1 else self.tensors[0]
            return t.__dlpack__(max_version=(1, 0))

    t = dlpack.asdlpack(Producer())
    assert (t.device, t.shape) == ("opencl:0", (4,))
    for copy in (t.copy, lambda: t.__dlpack__(dl_device=(1, 0), copy=True)):
        with pytest.raises(BufferError, match="has another tensor by now"):
            copy()

    class Copier(Producer):
        def __dlpack__(self, **keywords):
            return self.tensors[keywords.get("copy") is True].__dlpack__(max_version=(1, 0))

    with pytest.raises(BufferError, match="has copied another tensor"):
        dlpack.asdlpack(Copier()).__dlpack__(dl_device=(1, 0), copy=True)


def test_random_interfaces_never_reach_outside_their_buffer():
    """Whatever is accepted lies in the buffer, by a computation in Python's integers."""
    rng, accepted = random.Random(7), 0
    data = bytearray(range(256))
    start = dlpack.asdlpack(data).address
    sizes = {"|u1": 1, f"{NATIVE}i2": 2, f"{NATIVE}f4": 4, f"{NATIVE}f8": 8, f"{NATIVE}c16": 16}
    wild = [2**31, -(2**31), 2**62, 2**63 - 1, -(2**63)]
    for _ in range(20_000):
        typestr = rng.choice(list(sizes))
        size, ndim = sizes[typestr], rng.randrange(4)
        shape = [rng.choice([0, 1, 2, 3, 5, 60, *wild[:3]]) for _ in range(ndim)]
        strides = [size * rng.choice([0, 1, -1, 2, 5, -7]) if rng.random() < 0.9 else rng.choice(wild) for _ in range(ndim)]
        offset = rng.choice([0, 0, 16, 100, 240, 256, 257, 2**62, 2**64 - 1])
        fields = {"typestr": typestr, "shape": tuple(shape), "strides": tuple(strides), "offset": offset}
        try:
            t = dlpack.asdlpack(Interface(data=data, **fields))
        except (dlpack.LayoutError, dlpack.NotATensorError):
            continue
        accepted += 1
        assert list(t.shape) == shape
        if t.size:
            reach = [(n - 1) * stride for n, stride in zip(shape, strides)]
            low = offset + sum(r for r in reach if r < 0)
            high = offset + sum(r for r in reach if r > 0) + size
            assert 0 <= low and high <= len(data), fields
            assert t.address == start + offset
    assert accepted > 1000


def test_ctypes_and_array_cannot_be_freed_under_a_tensor():
    numbers = array.array("i", range(4))
    t = dlpack.asdlpack(numbers)
    for change in (lambda: numbers.append(1), lambda: numbers.pop(), lambda: numbers.extend([1])):
        with pytest.raises(BufferError):
            change()
    assert t.tolist() == [0, 1, 2, 3]


def test_threads_that_take_one_capsule():
    """Each capsule is taken once, whoever is first."""
    for _ in range(200):
        data = bytearray(8)
        capsule = dlpack.asdlpack(data).__dlpack__(max_version=(1, 0))
        taken, refused, start = [], [], threading.Barrier(4)

        def take():
            start.wait()
            try:
                taken.append(dlpack.asdlpack(capsule))
            except (ValueError, TypeError, BufferError) as error:
                refused.append(error)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(taken), len(refused)) == (1, 3)
        taken.clear()
        refused.clear()
        del capsule, thread, threads
        data.append(0)


@pytest.mark.parametrize(
    "program",
    [
        """
def down(n):
    if n == 0:
        return raises()
    return down(n - 1)
sys.setrecursionlimit(100)
for depth in range(80, 100):
    try:
        assert down(depth) == "raised"
    except RecursionError:
        pass
print("raised")
""",
        """
class Late:
    def __del__(self):
        print(raises())
builtins.late = Late()
""",
        """
sys.modules["dlpack._errors"] = None
print(raises())
""",
    ],
    ids=["at the end of the stack", "at the end of the interpreter", "without their module"],
)
def test_exceptions_are_raised(in_process, program):
    """They were imported with the package, and not when the first of them is raised."""
    start = """
import builtins, sys, dlpack
t = dlpack.asdlpack(b"abc")
def raises(t=t, error=dlpack.DTypeError):
    try:
        t.view("float16")
    except error:
        return "raised"
"""
    assert in_process(start + program) == "raised\n"


@pytest.mark.parametrize("route", ["array_interface", "array_struct", "buffer", "dlpack", None])
@pytest.mark.parametrize("of", ["an array", "a view"])
def test_an_array_cannot_be_resized_under_a_tensor(route, of):
    np = pytest.importorskip("numpy")
    array = np.arange(4.0)
    if of == "a view":
        if route not in ("buffer", None):
            pytest.skip("a memoryview has no such route")
        t = dlpack.asdlpack(memoryview(array), route=route)
    elif FREE_THREADED and route in ("dlpack", None):
        pytest.skip("NumPy's own capsule has one reference, which its `resize` takes for that of the caller")
    else:
        t = dlpack.asdlpack(array, route=route)
    box = [array]
    del array
    with pytest.raises(ValueError, match="cannot resize"):
        box.pop().resize(100_000_000)
    assert t.tolist() == [0, 1, 2, 3]


def test_an_array_whose_view_is_in_an_interface_cannot_be_resized():
    np = pytest.importorskip("numpy")
    array = np.arange(4.0)
    t = dlpack.asdlpack(Interface(data=array, typestr=array.dtype.str), route="array_interface")
    box = [array]
    del array
    with pytest.raises(ValueError, match="cannot resize"):
        box.pop().resize(100_000_000)
    assert t.tolist() == [0, 1, 2, 3]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit the addresses of a process")
@pytest.mark.skipif(FREE_THREADED, reason="its allocator has addresses in reserve")
@pytest.mark.parametrize(
    "what",
    [
        "asdlpack(bytes(50_000_000)), 'tolist'",
        "asdlpack(bytes(150_000_000)), 'tobytes'",
        "asdlpack(bytes(64_000_000)).view('float64'), 'tolist'",
        "asdlpack(bytes(b'abc' * 20_000_000)).view('uint32'), 'tolist'",
        "asdlpack(bytes(64_000_000)).view('complex64'), 'tolist'",
        "asdlpack(bytes(50_000_000)).reshape(-1, 1), 'tolist'",
        "asdlpack(b'').reshape(2**40, 0), 'tolist'",
        "asdlpack(b'').reshape(2**20, 2**19, 0), 'tolist'",
    ],
)
def test_no_memory(in_process, what):
    program = f"""
import resource
from dlpack import asdlpack
t, name = {what}
with open("/proc/self/status") as file:
    size = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 250_000_000,) * 2)
try:
    getattr(t, name)()
except MemoryError:
    print("refused")
"""
    assert in_process(program) == "refused\n"


def test_empty_lists():
    t = dlpack.asdlpack(b"")
    assert t.reshape(2, 3, 0).tolist() == [[[], [], []]] * 2
    assert t.reshape(0, 2**40).tolist() == []


@pytest.mark.parametrize("keyword", ["route", "avoid"])
def test_routes_without_end(in_process, keyword):
    program = f"""
import itertools, resource, dlpack
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
assert dlpack.asdlpack(b"a", {keyword}=["arrow"] * 5 + ["buffer"] * {int(keyword == "route")}, readonly=True)
try:
    dlpack.asdlpack(b"a", {keyword}=itertools.repeat("buffer"))
except ValueError as error:
    print(error)
"""
    assert in_process(program) == "expected at most 6 routes, each once, found more\n"


def test_strides_without_end():
    t = dlpack.asdlpack(bytearray(4))
    for strides in [itertools.repeat(1), type("Long", (tuple,), {"__len__": lambda self: 2**62})((1, 1))]:
        with pytest.raises(dlpack.LayoutError):
            dlpack._core.adapted(t, strides, False, [])


def test_an_interrupt_while_arguments_are_read_is_not_lost():
    left = []

    class Interrupted:
        """As if a signal came, which comes once."""

        def __index__(self):
            left.pop()
            raise KeyboardInterrupt

    class NotIterable:
        def __iter__(self):
            left.pop()
            raise KeyboardInterrupt

        def __index__(self):
            return 4

    class Text:
        def __str__(self):
            left.pop()
            raise KeyboardInterrupt

    class OnDevice:
        type, index = "cuda", Interrupted()

    t = dlpack.asdlpack(bytearray(4))
    cases = [
        lambda: dlpack.asdlpack(Interface(shape=(Interrupted(),), data=bytes(4))),
        lambda: dlpack.asdlpack(Interface(shape=NotIterable(), data=bytes(4))),
        lambda: dlpack.asdlpack(Interface(version=Text(), data=bytes(4))),
        lambda: dlpack.asdlpack(Interface(data=(Interrupted(), False))),
        lambda: dlpack.asdlpack(t, device=(1, Interrupted())),
        lambda: dlpack.asdlpack(t, device=OnDevice()),
        lambda: t.view((1, Interrupted(), 1)),
        lambda: t.reshape(Interrupted()),
        lambda: t[Interrupted()],
        lambda: dlpack.from_pointer(Interrupted(), 4, "uint8", device="cpu"),
        lambda: dlpack.from_pointer(t.address, NotIterable(), "uint8", device="cpu"),
    ]
    for case in cases:
        left.append(1)
        with pytest.raises(KeyboardInterrupt):
            case()
        assert not left


def test_a_chain_ends_within_a_deleter():
    """A drop that was put off, as the chain is too deep for the stack, is made up for before the deleter that dropped the chain goes on."""
    lengths = []

    class Owner:
        def __del__(self):
            data = bytearray(4)
            t = dlpack.asdlpack(data)
            for _ in range(100):
                t = dlpack.from_pointer(t.address, 4, "uint8", device="cpu", owner=t)
            del t
            data.append(0)
            lengths.append(len(data))

    block = bytearray(4)
    t = dlpack.from_pointer(dlpack.asdlpack(block).address, 4, "uint8", device="cpu", owner=Owner())
    del t
    assert lengths == [5]


def test_an_array_that_the_garbage_collector_resizes_while_it_is_described(in_process):
    """Before CPython 3.12, any object that is made may start a collection, whose finalizers run any code."""
    pytest.importorskip("numpy")
    program = """
import gc, dlpack, numpy as np

LONG, SHORT = 1 << 16, 1 << 4

class Resizes:
    def __init__(self):
        self.itself = self

    def __del__(self):
        if box:
            try:
                box.pop().resize(SHORT)
            except ValueError:
                return
            resized.append(True)

box, resized = [], []
for route in ("array_interface", "array_struct", "buffer", "dlpack"):
    for threshold in range(1, 60):
        gc.disable()
        gc.collect()
        resized.clear()
        box[:] = [np.full(LONG, 7, np.uint8)]
        Resizes()
        gc.set_threshold(threshold, 1000, 1000)
        gc.enable()
        t = dlpack.asdlpack(box[0], route=route)
        gc.disable()
        gc.set_threshold(700, 10, 10)
        # Either it was resized before it was described, or not at all.
        assert t.shape == ((SHORT,) if resized else (LONG,)), (route, threshold)
        box.clear()
print("done")
"""
    assert in_process(program) == "done\n"


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_while_the_first_routes_are_looked_for_is_not_lost(raised):
    left = []

    class Interrupted(Interface):
        def __getattr__(self, name):
            if name == "__dlpack__" and left:
                left.pop()
                raise raised
            raise AttributeError(name)

    data = bytearray(b"abcd")
    interrupted = Interrupted(data=data)
    left.append(1)
    with pytest.raises(raised):
        dlpack.asdlpack(interrupted)
    assert dlpack.asdlpack(interrupted).tolist() == [97, 98, 99, 100]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit the addresses of a process")
@pytest.mark.parametrize(
    "call",
    [
        "t.view(long)",
        "t.view('f' + long)",
        pytest.param(
            "getattr(t, long)",
            marks=pytest.mark.skipif(
                "t" in getattr(sys, "abiflags", ""),
                reason="the message is CPython's, and without the lock there is memory for all of it",
            ),
        ),
        "dlpack.asdlpack(t, device=long)",
        "dlpack.asdlpack(t, route=long)",
        "dlpack.asdlpack(Interface(long), route='array_interface')",
        "dlpack.asdlpack(Interface('|u1', long), route='array_interface')",
        "t.view(Described(str=long))",
        "t.view(Described(name=long))",
        "t.view(Described(text=long))",
        "t.view(Long)",
        "t.view(Long())",
        "t[Long()]",
        "dlpack.asdlpack(t, device=Described(type=long, index=0))",
        "dlpack.asdlpack(t, device=Long())",
        "dlpack.asdlpack(t, route=[Long()])",
        "dlpack._core.look_by_table(Long())",
        "dlpack.asdlpack(named())",
        "dlpack.asdlpack(type('Arrow', (), {'__arrow_c_array__': of_arrow})())",
    ],
)
def test_a_long_text_is_cut_in_a_message(in_process, call):
    program = f"""
import ctypes, resource, dlpack

class Interface:
    def __init__(self, typestr, version=3):
        self.__array_interface__ = {{"version": version, "typestr": typestr, "shape": (1,), "data": bytes(1)}}

class Described:
    def __init__(self, text="", **fields):
        self.text = text
        vars(self).update(fields)

    def __str__(self):
        return self.text

def named(name=b"", address=None):
    return new(address or ctypes.addressof(block), name or name_of_capsule, None)

def of_arrow(self):
    return named(b"arrow_schema", ctypes.addressof(schema)), named(b"arrow_array")

new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", ctypes.pythonapi))
block = ctypes.create_string_buffer(100)
t, long = dlpack.asdlpack(bytes(8)), "\\x7f" * 100_000_000
name_of_capsule = b"\\xff" * 100_000_000
schema = (ctypes.c_char_p * 9)(name_of_capsule, *[b""] * 5, None, b"", b"")
Long = type(long, (), {{"__dlpack_c_exchange_api__": dlpack.Tensor.__dlpack_c_exchange_api__}})
with open("/proc/self/status") as file:
    size = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
# Not enough for another such text.
resource.setrlimit(resource.RLIMIT_AS, (size + 50_000_000,) * 2)
try:
    {call}
except (AttributeError, MemoryError, ValueError, TypeError) as error:
    assert len(str(error)) < 1500, len(str(error))
    print("refused")
"""
    assert in_process(program) == "refused\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit the addresses of a process")
@pytest.mark.parametrize("item", ["None", "0", "..."])
def test_an_index_of_many_items(in_process, item):
    program = f"""
import resource, dlpack

t, many = dlpack.asdlpack(bytes(8)), ({item},) * 10_000_000
with open("/proc/self/status") as file:
    size = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 50_000_000,) * 2)
try:
    t[many]
except IndexError:
    print("refused")
"""
    assert in_process(program) == "refused\n"


def test_more_sizes_than_there_can_be_axes():
    t = dlpack.asdlpack(bytes(8))
    for call in (lambda: t.reshape(*[1] * 100, 8), lambda: t.permute(*[0] * 100), lambda: t.reshape(*[1] * 63, 8, 1)):
        with pytest.raises((dlpack.LayoutError, ValueError)):
            call()
    assert t.reshape(*[1] * 63, 8).ndim == 64


def test_an_object_that_is_the_tensor_of_itself_is_refused_at_once(in_process):
    """What is tried after a failure is not tried at each level of a recursion."""
    program = """
import sys, dlpack

class Own:
    __dlpack__ = property(lambda self: dlpack.asdlpack(self))

sys.setrecursionlimit(100)
for take in (dlpack.asdlpack, dlpack.from_dlpack, lambda own: dlpack.asdlpack(own, copy=True)):
    try:
        take(Own())
    except RecursionError:
        print("refused")
"""
    assert in_process(program, timeout=30) == "refused\n" * 3


def test_a_table_that_takes_each_tensor_for_a_dense_one():
    """That of Paddle follows a null pointer if a tensor has no contents."""

    class Sparse(bytearray):
        __dlpack_c_exchange_api__ = dlpack.Tensor.__dlpack_c_exchange_api__
        # A method in C, which says `True` of letters.
        is_dense = bytearray.isalpha

    with pytest.raises(BufferError, match="expected a dense tensor"):
        dlpack._core.look_by_table(Sparse(b"1"))
    # The table itself takes its own tensors alone.
    with pytest.raises(TypeError, match="expected an object of Tensor"):
        dlpack._core.look_by_table(Sparse(b"dense"))
    # What cannot be asked is not asked, and what Python says is not believed.
    Sparse.is_dense = property(lambda self: False)
    with pytest.raises(TypeError, match="expected an object of Tensor"):
        dlpack._core.look_by_table(Sparse())
    Sparse.is_dense = lambda self: True
    with pytest.raises(BufferError, match="expected a dense tensor"):
        dlpack._core.look_by_table(Sparse(b"dense"))
    # The method of another class, which raises.
    Sparse.is_dense = list.clear
    with pytest.raises(TypeError, match="'list' object"):
        dlpack._core.look_by_table(Sparse(b"dense"))


def test_a_table_of_a_class_for_tests():
    """That of TVM FFI follows a null pointer if the object holds nothing."""

    class Wrapper:
        __module__ = "tvm_ffi.core"
        __dlpack_c_exchange_api__ = dlpack.Tensor.__dlpack_c_exchange_api__

    with pytest.raises(BufferError, match="expected a tensor, found an object of a test of TVM FFI"):
        dlpack._core.look_by_table(Wrapper())


def test_the_name_of_a_class_is_read_without_its_metaclass():
    class Interrupts(type):
        def __getattribute__(cls, name):
            if name in ("__module__", "__qualname__") and left:
                raise left.pop()
            return super().__getattribute__(name)

    class Other(metaclass=Interrupts):
        __dlpack_c_exchange_api__ = dlpack.Tensor.__dlpack_c_exchange_api__

    other, left = Other(), [KeyboardInterrupt]
    with pytest.raises(TypeError, match="expected an object of Tensor, found .*Other$"):
        dlpack._core.look_by_table(other)
    assert left
    # Where it is asked, what it raises is passed on.
    with pytest.raises(KeyboardInterrupt):
        dlpack.asdlpack(b"", device=other)
    assert not left


def test_no_memory_for_a_message(in_process):
    pytest.importorskip("_testcapi")
    program = """
import _testcapi, dlpack

t = dlpack.asdlpack(bytes(8))
calls = [
    lambda: t.missing,
    lambda: t.view("missing"),
    lambda: t.reshape(3),
    lambda: t[8],
    lambda: t[1.5],
    lambda: t[(0,) * 65],
    lambda: t.permute(1),
    lambda: bool(t),
    lambda: 1 in t,
    lambda: t.__setitem__(0, 0),
    lambda: t.__cuda_array_interface__,
    lambda: t.__reduce_ex__(2),
    lambda: len(t[0]),
    lambda: dlpack._core.from_pointer(0, 1, "uint8", device="cpu"),
    lambda: dlpack._core.from_pointer("0", 1, "uint8", device="cpu"),
    lambda: dlpack._core.from_pointer(1, 1, "uint8", device="gpu"),
    lambda: dlpack.asdlpack(t, route="missing"),
]
for call in calls:
    raised = set()
    for start in range(40):
        try:
            _testcapi.set_nomemory(start, start + 1)
            try:
                call()
            finally:
                _testcapi.remove_mem_hooks()
        except (MemoryError, AttributeError, BufferError, IndexError, TypeError, ValueError) as error:
            raised.add(type(error))
        except BaseException as error:
            # PyO3 panics where it finds no memory for its own objects.
            assert type(error).__name__ == "PanicException", error
    assert MemoryError in raised and len(raised) > 1, raised
print("done")
"""
    assert in_process(program) == "done\n"
