"""Memory of CUDA, without CUDA: a driver of a few functions stands for it."""

from __future__ import annotations

import ctypes
import enum
import os
import shutil
import subprocess
import sys
import weakref
from typing import Any, ClassVar

import pytest

import dlpack

from .structs import IS_COPIED, READ_ONLY, Struct, flags_of


class Array:
    """A device array as Numba's, at an address that nobody follows."""

    def __init__(self, **fields):
        every = {"version": 3, "typestr": "<f4", "shape": (2, 3), "data": (0x7000, False), "strides": None}
        self.__cuda_array_interface__ = every | fields


def test_a_device_array():
    array = Array(stream=7)
    t = dlpack.asdlpack(array)
    assert (t.device, t.shape, t.dtype_name, t.address) == ("cuda:0", (2, 3), "float32", 0x7000)
    assert t.__dlpack_device__() == (2, 0)
    assert repr(t) == "<dlpack.Tensor float32 (2, 3) cuda:0>"
    interface = t.__cuda_array_interface__
    assert interface["stream"] == 7
    assert interface["data"] == (0x7000, False)
    assert (interface["shape"], interface["typestr"], interface["strides"]) == ((2, 3), "<f4", (12, 4))
    assert not hasattr(t, "__array_interface__")
    with pytest.raises(dlpack.DeviceError, match='device="cpu"'):
        t.tolist()


def test_version_2_and_read_only():
    t = dlpack.asdlpack(Array(version=2, data=(0x7000, True), strides=(4, 8)))
    assert (t.readonly, t.strides) == (True, (1, 2))
    assert t.__cuda_array_interface__["stream"] is None


def test_the_argument_names_the_device():
    assert dlpack.asdlpack(Array(), device="cuda:3").device == "cuda:3"
    with pytest.raises(dlpack.DeviceError, match="its elements are on cuda:0"):
        dlpack.asdlpack(Array(), device="cpu")
    with pytest.raises(dlpack.DeviceError):
        dlpack.asdlpack(Array(), copy=True)


def test_what_the_interface_of_pytorch_does_not_tell():
    torch = pytest.importorskip("torch")

    class OnCuda(torch.Tensor):
        """Main memory, of which PyTorch makes the interface all the same."""

        is_cuda = True

    def take(x):
        return dlpack.asdlpack(x.as_subclass(OnCuda), route="cuda_array_interface")

    x = torch.tensor([1 + 2j, 3 + 4j])
    assert take(x).address == x.data_ptr()
    with pytest.raises(dlpack.LayoutError, match=r"conjugated when they are read: call \.resolve_conj"):
        take(x.conj())
    with pytest.raises(dlpack.LayoutError, match=r"negated when they are read: call \.resolve_neg"):
        take(x.conj().imag)
    part = torch.zeros(8)[2:]
    part.untyped_storage().resize_(0)
    with pytest.raises(dlpack.LayoutError, match="the memory is not there"):
        take(part)


def test_streams():
    waiting = dlpack.asdlpack(Array(stream=7))
    for stream in (7, -1):
        waiting.__dlpack__(stream=stream, max_version=(1, 3))
    with pytest.raises(BufferError):
        waiting.__dlpack__(stream=8)
    ready = dlpack.asdlpack(Array(stream=None))
    for stream in (None, 1, 2, 7, -1):
        again = dlpack.asdlpack(ready.__dlpack__(stream=stream))
        assert again.address == 0x7000
    part = waiting[1:]
    assert part.address == 0x7000 + 12
    part.__dlpack__(stream=7)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"mask": object()}, dlpack.LayoutError),
        ({"stream": 0}, ValueError),
        ({"stream": -1}, ValueError),
        ({"typestr": ">f4" if sys.byteorder == "little" else "<f4"}, dlpack.DTypeError),
        ({"strides": (6, 2)}, dlpack.LayoutError),
        ({"data": (0, False)}, dlpack.LayoutError),
        ({"version": 1}, TypeError),
        ({"data": None}, TypeError),
    ],
)
def test_refused(fields, error):
    with pytest.raises(error):
        dlpack.asdlpack(Array(**fields))


def test_empty():
    assert dlpack.asdlpack(Array(shape=(0, 3), data=(0, False))).size == 0


class Producer:
    """An array library of a device, which is asked for streams and copies."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.asked = []

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        self.asked.append((stream, dl_device, copy))
        if dl_device == (1, 0):
            return (
                dlpack.asdlpack(bytes(24)).view("float32").reshape(2, 3).__dlpack__(max_version=max_version)
            )
        return self.tensor.__dlpack__(stream=-1, max_version=max_version)

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


def test_a_producer_is_asked_again():
    producer = Producer(dlpack.asdlpack(Array()))
    t = dlpack.asdlpack(producer)
    assert t.device == "cuda:0"
    producer.asked.clear()
    t.__dlpack__(stream=9, max_version=(1, 3))
    t[1:].__dlpack__(stream=9)
    assert [asked[0] for asked in producer.asked] == [9, 9]
    producer.asked.clear()
    copied = dlpack.asdlpack(t.__dlpack__(dl_device=(1, 0), max_version=(1, 3)))
    assert (copied.device, copied.tolist()) == ("cpu", [[0.0] * 3] * 2)
    assert producer.asked[-1][1] == (1, 0)
    with pytest.raises(BufferError):
        t[1:].__dlpack__(dl_device=(1, 0))
    assert dlpack.asdlpack(producer, device="cpu").tolist() == [[0.0] * 3] * 2


def test_a_copy_is_in_order_for_the_stream_of_its_consumer():
    """Its producer makes it, and is told for which stream."""
    asked = []

    class Noting(Struct):
        def __dlpack__(self, **keywords):
            asked.append((keywords.get("copy"), keywords.get("stream")))
            return super().__dlpack__(**keywords)

    t = dlpack.asdlpack(Noting(device=(2, 0), copies=True))
    for stream in (9, 2, -1):
        asked.clear()
        t.__dlpack__(stream=stream, copy=True, max_version=(1, 3))
        # First it is asked whether it still has this memory.
        assert asked == [(None, None), (True, stream)]


class Holder:
    """An object with the memory of another one, which may change."""

    def __init__(self, held):
        self.held = held

    def __dlpack__(self, **keywords):
        return self.held.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.held.__dlpack_device__()


@pytest.mark.parametrize("change", [{}, {"shape": (2, 4), "strides": (4, 1)}])
def test_an_object_that_has_other_memory_by_now_copies_none_of_it(change):
    first, second = (Struct(device=(2, 0), copies=True, **change) for _ in range(2))
    holder = Holder(first)
    t = dlpack.asdlpack(holder)
    assert t.copy().shape == t.shape
    if change:
        # The same memory in another order.
        second.data, second.strides = first.data, type(first.strides)(1, 2)
    holder.held = second
    for copy in (t.copy, lambda: t.__dlpack__(copy=True), lambda: t.__dlpack__(dl_device=(1, 0))):
        with pytest.raises(BufferError, match="has another tensor by now"):
            copy()
    holder.held = first
    assert t.copy().shape == t.shape


@pytest.mark.parametrize("device", [(2, 0), (3, 0), (4, 0), (8, 0), (12, 0), (16, 0)])
@pytest.mark.parametrize("change", [{}, {"offset": 64}, {"shape": (1, 8), "strides": (3, 1)}, {"shape": (0, 3)}])
def test_the_same_memory_is_known_by_its_other_names(device, change):
    """An offset may be part of the address, and an axis of one element may have any stride."""
    x = Struct(device=device, copies=True, **{"strides": None, **change})
    for t in (dlpack.asdlpack(x), dlpack.asdlpack(x, readonly=True), dlpack.adapt(x)):
        assert t.copy().shape == t.shape


def test_a_copy_is_in_order_for_the_stream_for_which_it_was_made():
    """Its producer makes other streams wait for the work on its own memory, which says nothing of the copy."""
    x = Struct(device=(2, 0), copies=True)
    t = dlpack.asdlpack(x, copy=True)
    holder = Holder(x)
    other = dlpack.asdlpack(holder)
    holder.held = Struct(device=(2, 0))
    for ready in (t, t[2:], dlpack.from_dlpack(t), other):
        assert ready.__cuda_array_interface__["stream"] == 1
        for stream in (None, 1, -1):
            ready.__dlpack__(stream=stream, max_version=(1, 3))
        # Nobody can wait for the default stream here, as there is no driver.
        with pytest.raises(BufferError, match="serves streams"):
            ready.__dlpack__(stream=7, max_version=(1, 3))
    # Of its own memory, and where there are no elements, the producer can tell.
    for ready in (dlpack.asdlpack(x), dlpack.asdlpack(x)[2:], t[:0]):
        ready.__dlpack__(stream=7, max_version=(1, 3))


def test_a_copy_that_is_read_only_stays_so():
    x = Struct(device=(2, 0), copies=True, flags=READ_ONLY)
    t = dlpack.asdlpack(x)
    for copy in (dlpack.asdlpack(x, copy=True), t.copy()):
        assert copy.readonly
        assert flags_of(copy.__dlpack__(max_version=(1, 3))) == READ_ONLY
    assert flags_of(t.__dlpack__(copy=True, max_version=(1, 3))) == READ_ONLY | IS_COPIED
    with pytest.raises(dlpack.ReadOnlyError):
        dlpack.asdlpack(x, copy=True, readonly=False)


def test_a_tensor_that_is_passed_on_and_on_asks_its_producer():
    """And not the tensor before it, which would ask the one before that, and each of them twice."""
    asked = []

    class Counting(Struct):
        def __dlpack__(self, **keywords):
            asked.append(keywords)
            return super().__dlpack__(**keywords)

    for device in ((12, 0), (2, 0)):
        t = dlpack.asdlpack(Counting(device=device))
        for take in (dlpack.from_dlpack, lambda t: dlpack.asdlpack(t, readonly=True)) * 6:
            t = take(t)
        asked.clear()
        t.__dlpack__(max_version=(1, 3))
        assert len(asked) == 1
    owner = weakref.ref(before := dlpack.from_dlpack(t))
    t = dlpack.from_dlpack(before)
    del before
    assert owner() is None
    # Where nobody else is asked, the stream is passed on.
    waiting = dlpack.asdlpack(Array(stream=1))
    assert dlpack.from_dlpack(waiting).__cuda_array_interface__["stream"] == 1
    ready = dlpack.from_dlpack(dlpack.asdlpack(Array()))
    assert ready.__cuda_array_interface__["stream"] is None


def test_objects_that_copy_each_other_without_elements_are_asked_once():
    """There is nothing that could have changed meanwhile."""
    asked = []

    class Copying(Struct):
        def __dlpack__(self, **keywords):
            asked.append(keywords)
            return super().__dlpack__(**keywords | {"copy": True})

    class Copied(Holder):
        def __dlpack__(self, **keywords):
            return self.held.copy().__dlpack__(max_version=(1, 3))

    t = dlpack.asdlpack(Copying(shape=(0,), device=(2, 0), copies=True))
    for _ in range(10):
        t = dlpack.asdlpack(Copied(t))
    asked.clear()
    t.copy()
    assert len(asked) == 1


def test_tensors_that_ask_each_other_end_before_the_stack(in_process):
    """Each asks the one before by the methods of a class, without a function of Python that would count the calls."""
    program = """
import dlpack
from dlpack.tests.test_cuda import Array

t = dlpack.asdlpack(Array())
before = None
try:
    for _ in range(5000):
        methods = {name: staticmethod(getattr(t, name)) for name in ("__dlpack__", "__dlpack_device__")}
        before, t = t, dlpack.asdlpack(type("Other", (), methods)())
except RecursionError:
    # All but the last one are as good as before.
    before.__dlpack__(stream=1, max_version=(1, 3))
    print("refused")
"""
    assert in_process(program) == "refused\n"


def test_who_has_made_a_copy_does_not_copy_that():
    """A producer copies its own elements, which are others as soon as somebody writes the copy."""
    marked = Struct(device=(12, 0), copies=True, flags=IS_COPIED)
    for t in (dlpack.asdlpack(marked, copy=True), dlpack.from_dlpack(dlpack.asdlpack(marked, copy=True))):
        assert t.address != marked.data
        for copy in (t.copy, lambda t=t: t.__dlpack__(copy=True, max_version=(1, 3))):
            with pytest.raises(BufferError):
                copy()
    # Some libraries do not mark what they have copied on request.
    unmarked = Struct(device=(2, 0), copies=True)
    for t in (dlpack.asdlpack(unmarked, copy=True), dlpack.from_dlpack(dlpack.asdlpack(unmarked, copy=True))):
        assert t.address != unmarked.data
        for copy in (t.copy, lambda t=t: t.__dlpack__(copy=True, max_version=(1, 3))):
            with pytest.raises(BufferError):
                copy()
    # One that is no copy is copied by its producer.
    plain = Struct(device=(12, 0), copies=True)
    assert dlpack.asdlpack(plain).copy().address not in (plain.data, 0)


def test_what_a_producer_has_copied_to_main_memory_is_not_copied_again():
    """As CuPy does, which marks it."""

    class Moving(Struct):
        made: ClassVar[list[Struct]] = []

        def __dlpack__(self, **keywords):
            if keywords.get("dl_device") != (1, 0):
                return super().__dlpack__(**keywords)
            self.made.append(Struct(device=(1, 0), flags=IS_COPIED))
            return self.made[-1].__dlpack__(max_version=keywords["max_version"])

    moving = Moving(device=(2, 0))
    for options in ({}, {"copy": True}):
        t = dlpack.asdlpack(moving, device="cpu", **options)
        assert t.address == moving.made[-1].data
    # It is the consumer of a tensor of this package that asks for the CPU.
    on_device = dlpack.asdlpack(moving)
    copy = dlpack.asdlpack(on_device.__dlpack__(dl_device=(1, 0), max_version=(1, 3)))
    assert copy.address == moving.made[-1].data


def test_what_is_copied_to_another_device_is_not_the_producers():
    """It copies its own elements, and knows the streams of its own device."""

    class Moving(Struct):
        asked: ClassVar[list[Any]] = []

        def __dlpack__(self, **keywords):
            self.asked.append(keywords.get("dl_device"))
            device = keywords.get("dl_device") or self.device
            if device == (1, 0):
                # Pinned memory, which the host can access as well.
                device = (3, 0)
            own, self.device = self.device, device
            try:
                return super().__dlpack__(**keywords | {"copy": keywords.get("copy") or device != own})
            finally:
                self.device = own

    x = Moving(device=(2, 0), copies=True)
    for of in (x, dlpack.asdlpack(x)):
        for keywords in ({}, {"copy": True}):
            t = dlpack.asdlpack(of, device="cuda:1", **keywords)
            assert t.device == "cuda:1" and t.address != x.data
            x.asked.clear()
            # The import was for the default stream.
            assert t.__cuda_array_interface__["stream"] == 1
            t.__dlpack__(max_version=(1, 3))
            for copy in (t.copy, lambda t=t: t.__dlpack__(copy=True), lambda t=t: t.__dlpack__(dl_device=(1, 0))):
                with pytest.raises(BufferError):
                    copy()
            assert not x.asked
    # What the host may read is in order for any stream.
    t = dlpack.asdlpack(x, device="cpu")
    assert t.device == "cuda_host:0" and t.address != x.data
    x.asked.clear()
    t.__dlpack__(stream=9, max_version=(1, 3))
    with pytest.raises(BufferError):
        t.copy()
    assert not x.asked
    # On its own device, it is asked as ever.
    assert dlpack.asdlpack(x, device="cuda:0").copy().address not in (x.data, 0)


@pytest.mark.parametrize("device", [(3, 0), (11, 0), (13, 0)])
def test_numpy_gets_no_memory_before_its_device_is_done(device):
    """NumPy takes memory of a device that the host can access, and waits for no device."""
    np = pytest.importorskip("numpy")

    class Late(Struct):
        def __dlpack__(self, **keywords):
            if keywords.get("dl_device") == (1, 0):
                # Here it waits for the device, which writes the elements.
                ctypes.c_float.from_address(self.data).value = 7
            return super().__dlpack__(**keywords)

    x = Late(device=device)
    arrays = np.asarray, np.array, lambda t: t.__array__()
    for array in arrays:
        for t in (dlpack.asdlpack(x), dlpack.from_dlpack(x)[:3]):
            ctypes.c_float.from_address(x.data).value = 1
            assert array(t).tolist() == [7, *range(2, t.size + 1)]
        # Of a capsule, nobody can tell.
        with pytest.raises(BufferError):
            array(dlpack.asdlpack(x.__dlpack__(max_version=(1, 3))))
        written = dlpack.from_pointer(x.data, 8, "float32", device=device, owner=x)
        assert array(written).tolist() == [7, *range(2, 9)]


def test_a_producer_that_has_moved_on_has_not_waited_for_all_elements():
    """It waits for those that it has by then, as of a window that moves over a ring of memory."""
    np = pytest.importorskip("numpy")

    for moved in (4, 16, 28, -4, -16):
        x = Struct(device=(3, 0), start=64)
        whole, part = dlpack.asdlpack(x), dlpack.asdlpack(x)[2:4]
        x.data += moved
        is_in_order = {"whole": False, "part": moved in (4, -4, -16)}
        for name, t in (("whole", whole), ("part", part)):
            for take in (np.asarray, lambda t: t.__dlpack__(stream=5, max_version=(1, 3))):
                if is_in_order[name]:
                    take(t)
                    continue
                with pytest.raises(BufferError):
                    take(t)


@pytest.mark.parametrize("moved", [0, 8])
def test_a_producer_has_not_waited_for_what_lies_in_the_gaps_of_its_tensor(moved):
    """As of the other half of an image, which lies between the same rows."""
    np = pytest.importorskip("numpy")

    x = Struct(shape=(4, 2), strides=(4, 1), device=(3, 0))
    half = dlpack.asdlpack(x)
    x.data += moved
    for t in (half, half[1:3], dlpack.asdlpack(half[1:3])[:1]):
        for take in (np.asarray, lambda t: t.__dlpack__(stream=5, max_version=(1, 3))):
            if not moved:
                take(t)
                continue
            with pytest.raises(BufferError):
                take(t)


def raising(self):
    raise RuntimeError("nobody knows")


class Kind(enum.Enum):
    CUDA = 2


@pytest.mark.parametrize(
    "spelled", [(2, 0), [2, 0], (Kind.CUDA, 0), (Kind.CUDA, None), property(raising), raising, None]
)
def test_who_is_asked_for_its_own_device_copies_its_elements(spelled):
    """However it spells the device; the standard has an enumeration for its type, whose members need be no numbers."""

    class Spelling(Struct):
        pass

    is_said = isinstance(spelled, (tuple, list))
    if not is_said:
        Spelling.__dlpack_device__ = spelled
    x = Spelling(device=(2, 0), copies=True, spelled=spelled if is_said else None)
    t = dlpack.asdlpack(x, device="cuda:0")
    assert t.address == x.data
    if is_said:
        assert t.copy().address != x.data
        t.__dlpack__(stream=7)
    else:
        # Nobody knows whether it is a copy from another device.
        with pytest.raises(BufferError):
            t.copy()


DRIVER = r"""
#include <stdint.h>
int cuPointerGetAttribute(void *out, int attribute, uint64_t address) {
    if (attribute != 9 || address < 0x5000) return 1;
    *(int *)out = (int)(address >> 12) - 5;
    return 0;
}
int contexts[4];
static int retained;
static void *stack[2] = {contexts};
static int depth = 1;
int cuDeviceGet(int *out, int ordinal) { return *out = ordinal, ordinal > 3; }
int cuDevicePrimaryCtxRetain(void **out, int device) { return retained++, *out = contexts + device, 0; }
int active = 1;
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *out) { return *flags = 0, *out = active >> device & 1, 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return retained--, 0; }
int cuCtxPushCurrent_v2(void *context) { return stack[depth++] = context, 0; }
int cuCtxPopCurrent_v2(void **out) { return *out = stack[--depth], 0; }
int is_as_before(void) { return retained == 0 && depth == 1; }
void *waited_for;
int waited_in;
int waited_in_all;
int held_the_lock;
int PyGILState_Check(void);
int cuStreamSynchronize(void *stream) {
    waited_for = stream;
    if (depth > 0) {
        waited_in = (int)((int *)stack[depth - 1] - contexts);
        waited_in_all |= 1 << waited_in;
    }
    held_the_lock |= PyGILState_Check();
    return depth == 0 ? 201 : stream == (void *)13 ? 700 : 0;
}
"""

PROGRAM = """
import ctypes, sys
driver = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
import dlpack
from dlpack.tests.test_cuda import Array
waited_for = ctypes.c_void_p.in_dll(driver, "waited_for")
assert dlpack.asdlpack(Array()).device == "cuda:2"
assert dlpack.asdlpack(Array(data=(0x5000, False))).device == "cuda:0"
assert dlpack.asdlpack(Array(data=(0x4000, False))).device == "cuda:0"
assert dlpack.asdlpack(Array(), device="cuda:2").device == "cuda:2"
try:
    dlpack.asdlpack(Array(), device="cuda:1")
except dlpack.DeviceError:
    pass
else:
    raise SystemExit("accepted")
# A copy was made for the default stream, whichever its producer makes wait.
from dlpack.tests.structs import Struct
copy = dlpack.asdlpack(Struct(device=(2, 1), copies=True), copy=True)
copy.__dlpack__(stream=1)
assert waited_for.value is None
copy.__dlpack__(stream=8)
assert (waited_for.value, ctypes.c_int.in_dll(driver, "waited_in").value) == (1, 1)
waited_for.value = 0
t = dlpack.asdlpack(Array(stream=77))
t.__dlpack__(stream=77)
assert waited_for.value is None
t.__dlpack__(stream=8)
assert waited_for.value == 77
# A default stream is that of the tensor's device, and not of the one that the thread uses.
waited_in = ctypes.c_int.in_dll(driver, "waited_in")
for stream in (1, 2):
    waited_in.value = 0
    dlpack.asdlpack(Array(stream=stream)).__dlpack__(stream=8)
    assert (waited_for.value, waited_in.value) == (stream, 2)
# Each thread has its own stream 2. So this thread waits for its own, at once.
import threading
for made in (
    lambda: dlpack.asdlpack(Array(stream=2)),
    lambda: dlpack.from_pointer(0x7000, 3, "float32", device="cuda:2", stream=2),
):
    waited_for.value = waited_in.value = 0
    t = made()
    assert (waited_for.value, waited_in.value) == (2, 2)
    waited_for.value = 0
    thread = threading.Thread(target=t.__dlpack__, kwargs={"stream": 2})
    thread.start()
    thread.join()
    assert waited_for.value is None
    assert t.__cuda_array_interface__["stream"] is None
# Such memory is of no device in particular, and so the stream is that of the device that the thread uses.
contexts = (ctypes.c_int * 4).in_dll(driver, "contexts")
driver.cuCtxPushCurrent_v2(ctypes.byref(contexts, 4))
for device in ("cuda_managed", "cuda_host"):
    for stream in (1, 2):
        waited_for.value = waited_in.value = 0
        t = dlpack.from_pointer(0x7000, 3, "float32", device=device, stream=stream)
        assert (waited_for.value, waited_in.value) == (stream, 1)
        waited_for.value = 0
        t.__dlpack__(stream=8)
        assert waited_for.value is None
# Of the default stream for which others have made such memory, nobody knows the device. Those that are not in use have no work.
in_all = ctypes.c_int.in_dll(driver, "waited_in_all")
ctypes.c_int.in_dll(driver, "active").value = 0b1010
for device in ((13, 0), (3, 0)):
    for stream in (8, 1, None):
        in_all.value = 0
        dlpack.asdlpack(Struct(device=device).__dlpack__(max_version=(1, 3))).__dlpack__(stream=stream)
        assert (waited_for.value, in_all.value) == (1, 0b1010)
in_all.value = 0
t = dlpack.asdlpack(Struct(device=(13, 0)).__dlpack__(max_version=(1, 3)))
assert (t.__cuda_array_interface__["stream"], in_all.value) == (None, 0b1010)
# Nor that of the default stream which a producer makes wait, or for which it has made a copy.
in_all.value = 0
t = dlpack.asdlpack(Struct(device=(13, 0)))
assert (t.__cuda_array_interface__["stream"], in_all.value) == (None, 0b1010)
for device in ((13, 0), (3, 0)):
    in_all.value = 0
    copy = dlpack.asdlpack(Struct(device=device, copies=True), copy=True)
    copy.__dlpack__(stream=1)
    assert (waited_for.value, in_all.value) == (1, 0b1010)
driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
assert driver.is_as_before()
# A thread that has not used CUDA is in no context.
driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
for device in ("cuda_managed", "cuda_host"):
    for stream in (1, 2):
        waited_for.value = in_all.value = 0
        dlpack.from_pointer(0x7000, 3, "float32", device=device, stream=stream)
        assert (waited_for.value, in_all.value) == (stream, 0b1010)
driver.cuCtxPushCurrent_v2(ctypes.byref(contexts, 0))
assert driver.is_as_before()
try:
    dlpack.asdlpack(Array(stream=13)).__dlpack__(stream=8)
except BufferError:
    # Work of the stream may wait for a thread that runs Python.
    assert not ctypes.c_int.in_dll(driver, "held_the_lock").value
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the driver is made for Linux")
def test_the_driver_is_asked(tmp_path, in_process):
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler is installed")
    (tmp_path / "driver.c").write_text(DRIVER)
    library = tmp_path / "libcuda.so.1"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library, tmp_path / "driver.c"],
        check=True,
    )
    assert in_process(PROGRAM, str(library)) == "refused\n"
