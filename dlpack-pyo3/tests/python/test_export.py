"""What objects answer to `__dlpack__`, for every combination of its keywords.

The expectations are computed here from the rules of the array API standard and the header, and read with the structs of
`kit`.
"""

import ctypes
import enum
import gc
import importlib.util
import inspect
import itertools
import struct
import subprocess
import sys

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, capsules, exchange
from kit.foreign import Foreign
from kit.peek import peek, peek_capsule, read

NOT_GIVEN = object()

MAX_VERSIONS = [NOT_GIVEN, None, (0, 0), (0, 8), (1, 0), (1, 3), (1, 99), (2, 0), (99, 1), [1, 0]]
COPIES = [NOT_GIVEN, None, True, False]
STREAMS = [NOT_GIVEN, None, -1, 0, 1, 2, 7, 2**48]
CPU, CUDA, CUDA_1, ROCM = (abi.CPU, 0), (abi.CUDA, 0), (abi.CUDA, 1), (abi.ROCM, 0)
DEVICES = [NOT_GIVEN, None, CPU, (abi.CPU, None), (abi.CPU, 3), CUDA, CUDA_1, ROCM, (99, 0), (-1, 0)]

VALUES = [1.0, 2.0, 3.5]
BYTES = struct.pack("=3f", *VALUES)


class Case:
    """An object, and what the rules need to know of it."""

    def __init__(self, obj, address, *, device=CPU, read_only=False, policy="copy", on_device=False):
        self.obj, self.address, self.device = obj, address, device
        self.read_only, self.policy, self.on_device = read_only, policy, on_device


def data_of(tensor):
    return peek(tensor)["data"]


def made(**options):
    tensor = ext.make(BYTES, "float32", (3,), **options)
    return Case(tensor, data_of(tensor), read_only=options.get("read_only", False))


def own():
    obj = ext.Own(VALUES)
    return Case(obj, obj.address, read_only=True)


def shared(policy):
    obj = ext.OwnShared(VALUES, policy)
    return Case(obj, obj.address, read_only=True, policy=policy)


def ready_made(make, policy="copy"):
    tensor = make(VALUES)
    return Case(tensor, data_of(tensor), read_only=True, policy=policy)


def of_device(device):
    obj = ext.OwnDevice(VALUES, device)
    return Case(obj, obj.address, device=device, on_device=True)


CASES = {
    "writable": made,
    "copy": lambda: made(is_copied=True),
    "read-only": lambda: made(read_only=True),
    "produced": lambda: ready_made(ext.produced),
    "refusing": lambda: ready_made(ext.refusing, "error"),
    "own": own,
    "shared": lambda: shared("copy"),
    "shared, refused": lambda: shared("error"),
    "shared, aliased": lambda: shared("alias"),
    "cuda": lambda: of_device(CUDA),
    "cuda 1": lambda: of_device(CUDA_1),
    "rocm": lambda: of_device(ROCM),
    "pinned": lambda: of_device((abi.CUDA_HOST, 0)),
}


def exists(stream, device_type):
    """Whether a device can have this stream."""
    if stream in (NOT_GIVEN, None, -1):
        return True
    if device_type in (abi.CUDA, abi.CUDA_HOST):
        return stream != 0
    if device_type == abi.ROCM:
        return stream not in (1, 2)
    # What 0, 1 and 2 mean is said for those two only, and main memory has no streams.
    return device_type != abi.CPU and stream > 2


def wait_for(stream, device_type):
    """The stream that the producer serves: where none is named, the default one."""
    if stream not in (NOT_GIVEN, None):
        return stream
    return {abi.CUDA: 1, abi.CUDA_HOST: 1, abi.ROCM: 0}.get(device_type)


def rules(case, stream, max_version, dl_device, copy):
    """The exceptions that may be raised, or `(legacy, copied, device, flags)`."""
    given = dl_device not in (NOT_GIVEN, None)
    device = (dl_device[0], dl_device[1] or 0) if given else case.device
    if device[0] == abi.CPU:
        device = CPU  # There is one.
    moves = device != case.device
    errors = set()
    if not exists(stream, device[0]):
        errors.add(ValueError)
    if moves and (copy is False or device != CPU):
        errors.add(BufferError)
    if errors:
        return errors
    legacy = max_version in (NOT_GIVEN, None) or max_version[0] == 0
    copied = moves or copy is True
    if legacy and case.read_only and not copied and case.policy != "alias":
        if copy is False or case.policy == "error":
            return {BufferError}
        copied = True
    flags = 0
    if not legacy:
        flags = abi.IS_COPIED if copied else abi.READ_ONLY if case.read_only else 0
    return legacy, copied, device, flags


def is_one_of(error, expected):
    """Whether it is of an expected class. What is told to copy and must not may be of both."""
    if type(error) is ValueError:
        return ValueError in expected
    return isinstance(error, BufferError) and BufferError in expected


def keywords(stream, max_version, dl_device, copy):
    values = dict(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)
    return {name: value for name, value in values.items() if value is not NOT_GIVEN}


@pytest.mark.parametrize("name", CASES)
def test_every_combination_of_keywords(name):
    case = CASES[name]()
    failures, answers = [], 0
    for request in itertools.product(STREAMS, MAX_VERSIONS, DEVICES, COPIES):
        expected = rules(case, *request)
        asked = keywords(*request)
        try:
            capsule = case.obj.__dlpack__(**asked)
        except Exception as error:
            if not isinstance(expected, set) or not is_one_of(error, expected):
                failures.append((asked, expected, repr(error)))
            continue
        answers += 1
        if isinstance(expected, set):
            failures.append((asked, expected, capsule))
            continue
        legacy, copied, device, flags = expected
        seen = peek_capsule(capsule)
        found = (
            seen["name"], seen["version"], seen["data"] == case.address, seen["device"],
            seen["flags"], seen["dtype"], seen["shape"], seen["strides"], seen["byte_offset"],
            read(seen), seen["deleter"] is not None, seen["context"] is not None,
        )  # fmt: skip
        wanted = (
            capsules.LEGACY if legacy else capsules.VERSIONED, None if legacy else (1, 3),
            not copied, device, flags, (2, 32, 1), (3,), (1,), 0, BYTES, True, True,
        )  # fmt: skip
        if found != wanted:
            failures.append((asked, wanted, found))
    assert not failures, f"{len(failures)} wrong, such as {failures[0]}"
    assert answers > 100


@pytest.mark.parametrize("device", [CUDA, CUDA_1, ROCM, (abi.CUDA_HOST, 0)])
def test_streams_reach_the_producer_of_a_device(device):
    case = of_device(device)
    for request in itertools.product(STREAMS, [NOT_GIVEN, (1, 0)], [None, CPU, device], COPIES):
        case.obj.calls.clear()
        expected = rules(case, *request)
        try:
            case.obj.__dlpack__(**keywords(*request))
        except (BufferError, ValueError):
            assert isinstance(expected, set)
            assert case.obj.calls == []
            continue
        stream, copied, target = request[0], expected[1], expected[2]
        stream = wait_for(stream, target[0])
        if copied:
            assert case.obj.calls == [("copy_to", target, stream)], request
        elif stream == -1:
            assert case.obj.calls == [("tensor", None, None)], request
        else:
            assert case.obj.calls == [("tensor", None, None), ("synchronize", None, stream)], request


def test_each_request_is_answered_with_a_capsule_of_its_own():
    for case in [make() for make in CASES.values()]:
        if case.policy == "error":
            continue
        obj = case.obj
        ours = [obj.__dlpack__(max_version=version) for version in [(1, 0), (1, 0), None, None]]
        assert len({capsules.pointer(capsule) for capsule in ours}) == 4


class Kind(enum.Enum):
    CPU = abi.CPU


class IntKind(enum.IntEnum):
    CPU = abi.CPU


class Index:
    def __init__(self, value):
        self.value_ = value

    def __index__(self):
        return self.value_


class Pair(tuple):
    pass


@pytest.mark.parametrize(
    "device",
    [
        (1, 0), [1, 0], Pair((1, 0)), (Kind.CPU, 0), (IntKind.CPU, 0), (IntKind.CPU, None),
        (Index(1), Index(0)), (np.int32(1), np.int64(0)), np.array([1, 0]), range(1, -1, -1),
    ],
    ids=repr,
)  # fmt: skip
def test_ways_to_say_a_device(device):
    case = of_device(CUDA)
    seen = peek(case.obj, dl_device=device)
    assert (seen["device"], seen["flags"], read(seen)) == (CPU, abi.IS_COPIED, BYTES)


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ([1, 0], "dltensor_versioned"), (Pair((1, 0)), "dltensor_versioned"),
        ((Index(1), Index(0)), "dltensor_versioned"), (np.array([1, 3]), "dltensor_versioned"),
        ((2**100, -(2**100)), "dltensor_versioned"), ((True, False), "dltensor_versioned"),
        ((-1, 0), "dltensor"), ((-(2**100), 2**100), "dltensor"), ([0, 9], "dltensor"),
    ],
    ids=repr,
)  # fmt: skip
def test_ways_to_say_a_version(version, name):
    assert capsules.name(made().obj.__dlpack__(max_version=version)) == name


@pytest.mark.parametrize(
    ("copy", "copied"),
    [(True, True), (False, False), (None, False), (1, True), (0, False), (np.True_, True), (np.False_, False)],
    ids=repr,
)
def test_ways_to_say_copy(copy, copied):
    case = made()
    assert (peek(case.obj, copy=copy)["data"] != case.address) == copied


class Raising:
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise KeyError("mine")

    def __bool__(self):
        raise KeyError("mine")

    def __index__(self):
        raise KeyError("mine")


@pytest.mark.parametrize(
    ("asked", "exception", "text"),
    [
        ({"max_version": 1}, TypeError, "two numbers for max_version"),
        ({"max_version": (1,)}, TypeError, "two numbers for max_version"),
        ({"max_version": (1, 0, 0)}, TypeError, "two numbers for max_version"),
        ({"max_version": {1: 0, 2: 0}}, TypeError, "two numbers for max_version"),
        ({"max_version": "10"}, TypeError, "integer"),
        ({"max_version": (1.0, 0)}, TypeError, "integer"),
        ({"max_version": (None, 0)}, TypeError, "integer"),
        ({"max_version": Raising()}, KeyError, "mine"),
        ({"max_version": (Raising(), 0)}, KeyError, "mine"),
        ({"dl_device": 1}, TypeError, "two numbers for dl_device"),
        ({"dl_device": "cpu"}, TypeError, "two numbers for dl_device"),
        ({"dl_device": ("cpu", 0)}, TypeError, "integer"),
        ({"dl_device": (None, 0)}, TypeError, "integer"),
        ({"dl_device": (object(), 0)}, TypeError, "integer"),
        ({"dl_device": (0, 0)}, BufferError, "found type 0 and number 0"),
        ({"dl_device": (2**31, 0)}, BufferError, "found type 2147483648"),
        ({"dl_device": (1, 2**31)}, BufferError, "number 2147483648"),
        ({"dl_device": (2**100, -(2**100))}, BufferError, "expected a device"),
        ({"dl_device": (2, 0)}, BufferError, "copies to device cuda:0"),
        ({"copy": "no"}, ValueError, "True, False or None"),
        ({"copy": Raising()}, KeyError, "mine"),
        ({"copy": np.zeros(2)}, ValueError, "ambiguous"),
        ({"stream": 1}, ValueError, "cpu"),
        ({"stream": 0}, ValueError, "cpu"),
        ({"stream": -2}, ValueError, "cpu"),
        ({"stream": "1"}, TypeError, "stream"),
        ({"stream": Raising()}, KeyError, "mine"),
        ({"streams": None}, TypeError, "unexpected keyword argument 'streams'"),
        ({"version": (1, 0), "copy": None}, TypeError, "unexpected keyword argument 'version'"),
    ],
    ids=repr,
)  # fmt: skip
def test_values_that_make_no_sense(asked, exception, text):
    for case in (made(), own(), shared("copy")):
        with pytest.raises(exception, match=text) as caught:
            case.obj.__dlpack__(**asked)
        assert type(caught.value) is exception


def test_keywords_are_for_keywords_only():
    for make in CASES.values():
        obj = make().obj
        for values in [(None,), (None, (1, 0)), (None, None, None, None)]:
            with pytest.raises(TypeError, match="positional"):
                obj.__dlpack__(*values)
        signature = inspect.signature(type(obj).__dlpack__)
        named = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert [p.name for p in named] == ["stream", "max_version", "dl_device", "copy"]
        assert all(p.default is None for p in named)


def test_device_of_each_class():
    for make in CASES.values():
        case = make()
        assert case.obj.__dlpack_device__() == case.device
    assert ext.OwnDevice(VALUES, (abi.CUDA, 5)).__dlpack_device__() == (abi.CUDA, 5)
    # Main memory and pinned memory have no numbers.
    assert ext.OwnDevice(VALUES, (abi.CUDA_HOST, 5)).__dlpack_device__() == (abi.CUDA_HOST, 0)
    with pytest.raises(TypeError):
        made().obj.__dlpack_device__(None)


class Mine(Exception):
    pass


@pytest.mark.parametrize("error", [Mine("mine"), TypeError("mine"), BufferError("mine"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("tensor", {}),
        ("tensor", {"max_version": (1, 0)}),
        ("tensor", {"copy": False}),
        ("synchronize", {}),
        ("synchronize", {"max_version": (1, 0), "stream": 7}),
        ("copy_to", {"copy": True}),
        ("copy_to", {"dl_device": (1, 0), "max_version": (1, 0)}),
    ],
    ids=repr,
)
def test_a_producers_own_exception_arrives_as_it_is(method, asked, error):
    before = ext.live()
    obj = ext.OwnDevice(VALUES)
    obj.raises[method] = error
    with pytest.raises(type(error)) as caught:
        obj.__dlpack__(**asked)
    assert caught.value is error
    assert caught.value.__context__ is None
    del obj, caught
    error.__traceback__ = None
    gc.collect()
    assert ext.live() == before


@pytest.mark.parametrize("asked", [{}, {"max_version": (1, 0)}, {"dl_device": CPU}, {"stream": -1}], ids=repr)
def test_a_tensor_that_is_a_copy_is_not_given_to_a_consumer_that_wants_none(asked):
    def copied():
        return ext.hold(ext.make(BYTES, "float32", (2,)), copy=True)

    # The first one is exported when the object is made.
    relay = ext.relay([copied() for _ in range(4)])
    for copy in (None, True):
        assert peek_capsule(relay.__dlpack__(copy=copy, **asked))["shape"] == (2,)
    with pytest.raises(BufferError, match="copy") as caught:
        relay.__dlpack__(copy=False, **asked)
    assert isinstance(caught.value, ValueError)


def test_a_copy_that_cannot_be_made_is_refused_for_its_first_reason():
    obj = ext.OwnDevice(VALUES)
    with pytest.raises(BufferError, match="rocm"):
        obj.__dlpack__(dl_device=ROCM)
    assert [call[0] for call in obj.calls] == ["copy_to"]


def test_memory_lives_as_long_as_anything_that_was_made_of_it():
    before = ext.live()
    tensor = ext.make(BYTES, "float32", (3,))
    arrays = [np.from_dlpack(tensor) for _ in range(3)]
    unused = [tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 0))]
    assert ext.live() == before + 1
    del tensor
    while arrays:
        assert ext.live() == before + 1
        assert arrays.pop().tolist() == VALUES
    assert ext.live() == before + 1
    del unused[0]
    assert ext.live() == before + 1
    unused.clear()
    assert ext.live() == before


def test_copies_are_aligned_for_those_who_copy_what_is_not():
    tensor = ext.make(bytes(range(200)), "uint8", (199,), strides=(1,))
    copies = [peek(tensor, copy=True) for _ in range(20)]
    assert all(copy["data"] % 64 == 0 for copy in copies)


def test_copies_outlive_what_they_are_copies_of():
    before = ext.live()
    tensor = ext.make(BYTES, "float32", (3,), read_only=True)
    legacy, copied = tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 0), copy=True)
    del tensor
    assert ext.live() == before
    assert read(peek_capsule(legacy)) == read(peek_capsule(copied)) == BYTES


def test_writes_of_one_consumer_are_seen_by_all():
    tensor = ext.make(BYTES, "float32", (3,))
    one, two = np.from_dlpack(tensor), np.from_dlpack(tensor)
    one[1] = 9
    assert two.tolist() == [1.0, 9.0, 3.5]
    assert np.from_dlpack(tensor, copy=True).tolist() == [1.0, 9.0, 3.5]


def test_read_only_stays_read_only():
    for case in (made(read_only=True), own(), shared("copy")):
        array = np.from_dlpack(case.obj)
        assert not array.flags.writeable
        assert array.ctypes.data == case.address
        copy = np.from_dlpack(case.obj, copy=True)
        assert copy.ctypes.data != case.address
        copy[:] = 0
        assert array.tolist() == VALUES


def test_memory_inside_an_object_keeps_the_object():
    obj = ext.Own(VALUES)
    address = obj.address
    array = np.from_dlpack(obj)
    del obj
    gc.collect()
    assert (array.ctypes.data, array.tolist()) == (address, VALUES)


def test_subclasses_in_python_export_as_the_class_does():
    class Named(ext.Own):
        name = "named"

    obj = Named(VALUES)
    array = np.from_dlpack(obj)
    assert (array.ctypes.data, array.tolist()) == (obj.address, VALUES)


def test_an_object_that_changes_leaves_its_tensors_alone():
    obj = ext.OwnShared(VALUES)
    array = np.from_dlpack(obj)
    assert obj.holders == 2
    obj.fill(7)
    assert (array.tolist(), np.from_dlpack(obj).tolist()) == (VALUES, [7, 7, 7])
    del array
    assert obj.holders == 1
    address = obj.address
    obj.fill(8)  # Nobody else has it now.
    assert obj.address == address


def test_policies_can_change():
    obj = ext.OwnShared(VALUES, "error")
    with pytest.raises(BufferError, match="legacy"):
        obj.__dlpack__()
    assert read(peek(obj, max_version=None, copy=True)) == BYTES
    obj.policy = "alias"
    assert peek(obj, max_version=None)["data"] == obj.address


LAYOUTS = {
    "scalar": ((), None, [0]),
    "matrix": ((2, 3), None, [0, 1, 2, 3, 4, 5]),
    "columns": ((3, 2), (1, 3), [0, 3, 1, 4, 2, 5]),
    "every second": ((3,), (2,), [0, 2, 4]),
    "broadcast": ((2, 2), (0, 1), [0, 1, 0, 1]),
    "empty": ((0, 3), None, []),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "complex128", "float8_e4m3fn"])
def test_layouts_go_out_as_they_are_and_copies_in_row_major_order(name, dtype):
    shape, strides, order = LAYOUTS[name]
    size = abi.nbytes(dtype, 1)
    data = bytes(range(1, 6 * size + 1))
    expected = b"".join(data[at * size : (at + 1) * size] for at in order)
    tensor = ext.make(data, dtype, shape, strides=strides)
    for asked in [{}, {"max_version": None}, {"copy": True}, {"copy": True, "max_version": None}]:
        seen = peek(tensor, **asked)
        copied = "copy" in asked
        assert seen["shape"] == shape
        if order:
            assert read(seen) == expected
            assert seen["strides"] == (abi.row_major(shape) if copied or not strides else strides)
        else:
            assert seen["raw_data"] == 0
        assert seen["dtype"] == abi.triple(dtype)


def test_packed_elements_are_copied_as_they_are():
    tensor = ext.make(b"\x21\x43\x05", "uint4", (5,))
    seen = peek(tensor, copy=True)
    assert (seen["dtype"], seen["shape"], seen["flags"]) == ((1, 4, 1), (5,), abi.IS_COPIED)
    assert seen["data"] != data_of(tensor)
    assert np.ctypeslib.as_array((abi.ctypes.c_uint8 * 3).from_address(seen["data"])).tolist() == [0x21, 0x43, 0x05]


def test_a_copy_without_memory_is_a_memory_error():
    before = ext.live()
    tensor = ext.make(b"x", "uint8", (2**55,), strides=(0,))
    for asked in [{"copy": True}, {"copy": True, "max_version": (1, 0)}, {"dl_device": CPU, "copy": True}]:
        with pytest.raises(MemoryError):
            tensor.__dlpack__(**asked)
    assert capsules.name(tensor.__dlpack__()) == capsules.LEGACY
    del tensor
    assert ext.live() == before


def failures_of(script):
    """How often a process without memory has failed, as it says at its end. It says nothing else."""
    if importlib.util.find_spec("_testcapi") is None:
        pytest.skip("this Python has no _testcapi")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return int(run.stdout.split()[1])


OUT_OF_MEMORY = """
import gc
import _testcapi
import dlpack_pyo3_tests as ext

asked = [{}, {"max_version": (1, 0)}, {"copy": True}, {"max_version": (1, 0), "copy": True}, {"dl_device": (1, 0)}]
gc.disable()
failed = 0
for keywords in asked:
    for read_only in (False, True):
        tensor = ext.make(b"abcd", "uint8", (4,), read_only=read_only)
        before = ext.live()
        # The first allocation of Python's fails, the second, and so on, until one request needs no more of them.
        for skip in range(50):
            capsule = None
            _testcapi.set_nomemory(skip, skip + 1)
            try:
                capsule = tensor.__dlpack__(**keywords)
            except MemoryError:
                failed += 1
            _testcapi.remove_mem_hooks()
            del capsule
            assert ext.live() == before, (keywords, read_only, skip)
        del tensor
        assert ext.live() == before - 1, (keywords, read_only)
print("failed", failed)
"""


def test_no_memory_for_a_capsule_loses_no_tensor():
    assert failures_of(OUT_OF_MEMORY) >= 10


WITHOUT_MEMORY = """
import gc
import _testcapi
import dlpack_pyo3_tests as ext

tensor = ext.make(b"abcd", "uint8", (4,))
expected = tensor.__array__().tolist()
failed = 0
for skip in range(50):
    found = None
    # CPython keeps the memory of some dictionaries until then.
    gc.collect()
    # Also for the exception that a panic becomes, there is none.
    _testcapi.set_nomemory(skip, 0)
    try:
        found = tensor.__array__()
    except MemoryError:
        failed += 1
    _testcapi.remove_mem_hooks()
    assert found is None or found.tolist() == expected
print("failed", failed)
"""


@pytest.mark.library("numpy")
@pytest.mark.skipif(ext.LIMITED_API, reason="PyO3 makes a tuple of the arguments, and panics without memory for it")
def test_no_memory_for_an_array():
    assert failures_of(WITHOUT_MEMORY) >= 3


OFFSET = 8


def test_offsets_are_added_to_the_address_on_every_way_out():
    """Some consumers ignore an offset, and others refuse it."""
    data = bytes(range(32))
    foreign = Foreign(data, "float32", (2, 3), byte_offset=OFFSET)
    tensor = ext.hold(foreign.capsule()).export()
    start = foreign.start + OFFSET
    relayed = ext.relay([ext.hold(tensor) for _ in range(3)])
    for thing in (tensor, relayed):
        for asked in ({"max_version": None}, {"max_version": (1, 3)}):
            seen = peek(thing, **asked)
            assert (seen["raw_data"], seen["byte_offset"]) == (start, 0)
    table = abi.ExchangeApi.from_address(capsules.pointer(type(tensor).__dlpack_c_exchange_api__))
    lent = abi.Tensor()
    assert exchange.Borrow(table.dltensor_from_py_object_no_sync)(id(tensor), ctypes.byref(lent)) == 0
    assert (lent.data, lent.byte_offset) == (start, 0)
    out = ctypes.c_void_p()
    assert exchange.FromPython(table.managed_tensor_from_py_object_no_sync)(id(tensor), ctypes.byref(out)) == 0
    struct = abi.ManagedTensorVersioned.from_address(out.value)
    assert (struct.dl_tensor.data, struct.dl_tensor.byte_offset) == (start, 0)
    abi.Deleter(struct.deleter)(out.value)
    for view in (np.from_dlpack(tensor), np.asarray(tensor), ext.like(tensor, np.zeros(1))):
        assert view.ctypes.data == start
    assert (tensor.data_ptr(), ext.describe(tensor)["data"], ext.borrow(tensor)["data"]) == (start, start, start)
    assert tensor.tolist() == np.frombuffer(data, "f4", 6, OFFSET).reshape(2, 3).tolist()
