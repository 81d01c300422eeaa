"""Memory of one's own extension."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import threading
import weakref

import pytest

import dlpack
from dlpack.tests import FREE_THREADED


def block_of(values=range(6)):
    block = (ctypes.c_int32 * 6)(*values)
    return block, ctypes.addressof(block)


def test_owner_is_kept():
    block, address = block_of()
    dead = weakref.ref(block)
    t = dlpack.from_pointer(address, (2, 3), "int32", device="cpu", owner=block)
    del block
    gc.collect()
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (t.address, t.readonly) == (address, False)
    view = memoryview(t[1:])
    del t
    gc.collect()
    assert dead() is not None
    view.release()
    del view
    assert dead() is None


def test_strides_count_elements():
    block, address = block_of()
    t = dlpack.from_pointer(address, (3, 2), "<i4", (1, 3), device="cpu", owner=block, readonly=True)
    assert t.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert t.readonly
    last = dlpack.from_pointer(address + 20, 6, "int32", -1, device="cpu", owner=block)
    assert last.tolist() == [5, 4, 3, 2, 1, 0]


def test_deleter_runs_once_with_the_address():
    block, address = block_of()
    calls = []
    t = dlpack.from_pointer(address, 6, "int32", device="cpu", deleter=calls.append)
    capsules = [t.__dlpack__(max_version=(1, 3)), t.__dlpack__(), t[2:].__dlpack__()]
    consumer = dlpack.asdlpack(capsules[0])
    del t, capsules
    assert calls == []
    assert consumer.tolist() == list(range(6))
    del consumer
    assert calls == [address]
    del block


def test_memory_is_the_callers_wherever_a_trace_function_raises():
    """As those of debuggers do. When the function returns, the tensor is lost, and with it the memory."""
    block, address = block_of()
    traced = dlpack.from_pointer.__code__

    def calls_at(number):
        """Whether an exception was raised at an event of this number, and what the deleter was called with."""
        calls, count, is_raised = [], 0, False

        def trace(frame, event, arg):
            nonlocal count
            if frame.f_code is traced and event != "return":
                count += 1
                if count == number:
                    raise KeyError("mine")
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            dlpack.from_pointer(address, 6, "int32", device="cpu", deleter=calls.append)
        except KeyError:
            is_raised = True
        sys.settrace(before)
        return is_raised, calls

    found = [calls_at(number) for number in range(1, 20)]
    assert [calls for _, calls in found] == [[] if is_raised else [address] for is_raised, _ in found]
    assert found[0][0] and not found[-1][0]
    del block


def test_a_trace_function_that_raises_while_a_tensor_ends(in_process):
    """The deleter is called once: then, or at the end of the interpreter."""
    program = """
import ctypes, os, sys, dlpack

sys.unraisablehook = lambda _: None
block = (ctypes.c_int32 * 6)()

def traced_at(number):
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += frame.f_globals["__name__"] != "__main__"
        if count == number:
            count += 1
            raise KeyError
        return trace

    return trace

delete = lambda _, write=os.write: write(1, b".")

for number in range(1, 80):
    t = dlpack.from_pointer(ctypes.addressof(block), 6, "int32", device="cpu", deleter=delete)
    sys.settrace(traced_at(number))
    try:
        del t
        sys.settrace(None)
    except KeyError:
        sys.settrace(None)
os.write(1, b"end")
"""
    now, at_the_end = in_process(program).split("end")
    assert len(now + at_the_end) == 79
    assert at_the_end


def test_deleter_of_c():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free.restype = None
    address = libc.malloc(24)
    ctypes.memset(address, 1, 24)
    t = dlpack.from_pointer(address, 24, "uint8", device="cpu", deleter=libc.free)
    assert sum(t.tolist()) == 24


@pytest.mark.parametrize(
    ("shape", "dtype", "change"),
    [
        ((2**40, 2**40), "int32", {}),
        (6, "int33", {}),
        ((2, -1), "int32", {}),
        (6, "int32", {"strides": (1, 1)}),
        (6, "int32", {"strides": 2**62}),
        (6, "int32", {"device": "nowhere"}),
        (6, "int32", {"stream": 7}),
        ("6", "int32", {}),
    ],
)
def test_after_an_exception_the_memory_is_the_callers(shape, dtype, change):
    block, address = block_of()
    calls = []
    with pytest.raises((ValueError, TypeError, BufferError)):
        dlpack.from_pointer(address, shape, dtype, **({"device": "cpu", "deleter": calls.append} | change))
    gc.collect()
    assert calls == []
    del block


def test_deleter_that_fails(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: seen.append(raised.exc_value))
    block, address = block_of()

    def fail(_):
        raise KeyError("mine")

    def delete_while_another_exception_is_on_its_way():
        t = dlpack.from_pointer(address, 6, "int32", device="cpu", deleter=fail)
        raise RuntimeError(f"on its way with {t.size}")

    with pytest.raises(RuntimeError, match="on its way"):
        delete_while_another_exception_is_on_its_way()
    gc.collect()
    assert [str(error) for error in seen] == ["'mine'"]
    del block


def test_deleter_on_another_thread():
    block, address = block_of()
    calls = []
    boxes = [
        [
            dlpack.from_pointer(
                address, 6, "int32", device="cpu", deleter=lambda _: calls.append(threading.get_ident())
            )
        ]
    ]
    thread = threading.Thread(target=lambda: boxes.pop().clear())
    thread.start()
    thread.join()
    assert len(calls) == 1
    assert FREE_THREADED or calls[0] != threading.get_ident()
    del block


def test_deleter_on_a_thread_that_python_does_not_know():
    np = pytest.importorskip("numpy")
    del np
    block, address = block_of()
    calls = []
    t = dlpack.from_pointer(address, 6, "int32", device="cpu", deleter=calls.append)
    capsule = t.__dlpack__()
    del t
    api = ctypes.pythonapi
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
    raw = api.PyCapsule_GetPointer(capsule, b"dltensor")
    name = b"used_dltensor"
    api.PyCapsule_SetName(capsule, name)
    # The deleter is the last field of a legacy struct: a DLTensor of 48 bytes, a context, and the function.
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("the struct is another one on this machine")
    deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.c_void_p.from_address(raw + 56).value)
    # `CFUNCTYPE` detaches the thread while the function runs.
    deleter(raw)
    assert calls == [address]
    del capsule, block


@pytest.mark.parametrize(
    "holder", ["t", "memoryview(t)", "dlpack.asdlpack(t.__dlpack__())", "[t, t.copy()]", "None"]
)
def test_deleter_at_exit(in_process, holder):
    program = f"""
import ctypes, os, dlpack
write = os.write
block = (ctypes.c_int32 * 6)()
t = dlpack.from_pointer(
    ctypes.addressof(block), 6, "int32", device="cpu", deleter=lambda _: write(1, b"deleted ")
)
held = {holder}
del t
"""
    assert in_process(program) == "deleted "


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"address": "0"}, TypeError, "addressof"),
        ({"address": 0}, dlpack.LayoutError, "null"),
        ({"address": -1}, OverflowError, ""),
        ({"shape": (-1,)}, dlpack.LayoutError, ""),
        ({"shape": (1.5,)}, TypeError, ""),
        ({"strides": (1, 1)}, ValueError, "expected 1 stride, found 2"),
        ({"strides": (2**62,)}, dlpack.LayoutError, ""),
        ({"dtype": "int33"}, dlpack.DTypeError, "int33"),
        ({"device": "nowhere"}, ValueError, "nowhere"),
        ({"deleter": 1}, TypeError, "deleter"),
        ({"deleter": print, "owner": 1}, ValueError, "both"),
        ({"stream": 1}, ValueError, "stream"),
        ({"stream": -1, "device": "cuda:0"}, ValueError, "on which the elements are written"),
    ],
)
def test_refused(change, error, says):
    block, address = block_of()
    arguments = {"address": address, "shape": (6,), "dtype": "int32", "device": "cpu", "owner": block}
    if "deleter" in change and "owner" not in change:
        arguments["owner"] = None
    with pytest.raises(error, match=says or None):
        dlpack.from_pointer(**(arguments | change))


def test_other_devices_are_not_followed():
    t = dlpack.from_pointer(0x1000, (2, 3), "float32", device=(10, 3))
    assert (t.device, t.address, t.shape) == ("vpi:3" if "vpi" in t.device else t.device, 0x1000, (2, 3))
    assert t.__dlpack_device__() == (10, 3)
    assert "0x" not in repr(t)
    with pytest.raises(dlpack.DeviceError, match=r'device="cpu"'):
        t.tolist()
    with pytest.raises(dlpack.DeviceError):
        t.tobytes()
    with pytest.raises(BufferError):
        memoryview(t)
    with pytest.raises(BufferError):
        t.copy()
    with pytest.raises(AttributeError):
        _ = t.__array_interface__
    part = t[1]
    assert part.address == 0x1000 + 12


def test_handles_keep_their_offset():
    t = dlpack.from_pointer(0x1000, (4, 3), "float32", device="metal:0")
    part = t[2, 1:]
    assert part.address == 0x1000
    again = dlpack.asdlpack(part.__dlpack__(max_version=(1, 3), stream=-1))
    assert (again.address, again.shape) == (0x1000, (2,))
    assert part[1:].shape == (1,)
    assert t[::-1].strides == (-3, 1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_signals_while_the_tensor_is_made(in_process):
    """If the function raises, the memory is the caller's, and the deleter is not called; otherwise it is called once."""
    program = """
import random, signal, sys, time, traceback, dlpack

class Stop(Exception):
    pass

def stop(*_):
    raise Stop

deleted, reported = [], []
sys.unraisablehook = lambda raised: reported.append(raised.exc_type)
signal.signal(signal.SIGALRM, stop)
raised = both = made = 0
end = time.time() + 2
while time.time() < end:
    deleted.clear()
    t = failed = None
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.random() * 40e-6 + 1e-6)
            t = dlpack.from_pointer(4096, 4, "uint8", device="cpu", deleter=deleted.append)
        finally:
            failed = sys.exc_info()[0] is not None
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop as error:
        # Before 3.11, a signal may come after the return and before the assignment.
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        failed = failed and "from_pointer" in frames
    if failed and t is None:
        raised += 1
        both += len(deleted)
    elif t is not None:
        made += 1
        assert not deleted
        t = None
        assert deleted == [4096]
assert raised and made, (raised, made)
assert set(reported) <= {Stop}, reported
print(both)
"""
    assert in_process(program) == "0\n"


def test_deleters_at_the_end_of_the_stack(in_process):
    """Where there is no room for a call, the deleter is called later, at the end of the interpreter."""
    program = """
import os, sys, dlpack

sys.unraisablehook = lambda raised: None
write = os.write

def down(n, box):
    if n == 0:
        box.clear()
    else:
        down(n - 1, box)

sys.setrecursionlimit(150)
for depth in range(100, 150):
    box = [dlpack.from_pointer(depth, 4, "uint8", device="cpu", deleter=lambda a: write(1, b"%d " % a))]
    try:
        down(depth, box)
    except RecursionError:
        pass
    box.clear()
"""
    assert sorted(map(int, in_process(program).split())) == list(range(100, 150))


def test_deleters_of_c_at_the_end_of_the_stack_of_c(in_process):
    """From 3.12 on, CPython counts the calls in C apart."""
    program = """
import sys, dlpack
from dlpack._pointer import _at_the_end

sys.unraisablehook = lambda raised: None
calls, made = [], 0

class Bottom:
    def __init__(self, box):
        self.box = box

    def __repr__(self):
        self.box.clear()
        return ""

def show(depth, box):
    nested = Bottom(box)
    for _ in range(depth):
        nested = [nested]
    try:
        repr(nested)
        return True
    except RecursionError:
        return False

# Newer versions ask how much of the stack is left.
depth, step = 0, 1 << 16
while step:
    if show(depth + step, []):
        depth += step
    step //= 2
for depth in range(max(depth - 8, 0), depth + 3):
    for _ in range(5):
        made += 1
        show(depth, [dlpack.from_pointer(made, 4, "uint8", device="cpu", deleter=calls.append)])
left = [address for _, address in _at_the_end().values()]
print(sorted(calls + left) == list(range(1, made + 1)))
"""
    assert in_process(program) == "True\n"


@pytest.mark.parametrize("device", ["cuda:0", "cuda_host:0"])
def test_a_stream_stays_as_long_as_a_tensor_is_ready_on_it(device):
    """Its object may end the stream when it ends."""

    class Stream:
        def __cuda_stream__(self):
            return 0, 0x7000

    stream = Stream()
    gone = weakref.ref(stream)
    data = bytearray(8)
    t = dlpack.from_pointer(ctypes.addressof(ctypes.c_char.from_buffer(data)), (8,), "uint8", device=device, owner=data, stream=stream)
    part = t[1:]
    del stream, t
    gc.collect()
    assert gone() is not None
    del part
    gc.collect()
    assert gone() is None


def test_an_array_that_is_the_owner_is_not_resized():
    """NumPy takes one reference for that of its caller."""
    np = pytest.importorskip("numpy")
    arrays = [np.arange(4, dtype="u1")]
    t = dlpack.from_pointer(arrays[0].ctypes.data, (4,), "uint8", device="cpu", owner=arrays[0])
    with pytest.raises(ValueError, match="resize"):
        arrays.pop().resize((1 << 20,))
    assert t.tolist() == [0, 1, 2, 3]
