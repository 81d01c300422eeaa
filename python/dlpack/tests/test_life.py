"""Threads, forks, and the end of the interpreter."""

from __future__ import annotations

import os
import sys
import threading

import pytest

import dlpack


def test_threads():
    data = bytearray(1000)
    t = dlpack.asdlpack(data)
    failures = []

    def work():
        try:
            for i in range(300):
                part = t[i:].reshape(-1, 1)
                assert len(dlpack.asdlpack(part.__dlpack__(max_version=(1, 3)))) == 1000 - i
                assert memoryview(part).nbytes == 1000 - i
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    del t
    data.append(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork(in_process):
    program = """
import os, dlpack
data = bytearray(b"abc")
t = dlpack.asdlpack(data)
child = os.fork()
if child == 0:
    data[0] = 0
    assert t.tolist() == [0, 98, 99]
    del t
    data.append(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert t.tolist() == [97, 98, 99]
print("done")
"""
    assert in_process(program) == "done\n"


# CPython 3.10 may crash when a daemon thread runs at its end, without any extension: the thread waits for the lock of an
# interpreter that is freed. CPython 3.13 without the global lock may wait forever: it hands the lock of a dict to a daemon thread that it
# has stopped for good, and a finalizer waits for that. There, the end is tested without such threads.
HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()
DAEMONS = 0 if sys.version_info < (3, 11) or (sys.version_info < (3, 14) and not HAS_LOCK) else 2


@pytest.mark.parametrize("what", ["t", "memoryview(t)", "t.__dlpack__()", "iter(t)", "array(t)"])
def test_the_end(in_process, what):
    program = f"""
import atexit, threading, time, dlpack
try:
    from numpy import from_dlpack as array
except ImportError:
    array = memoryview
class Owner(bytearray):
    pass
t = dlpack.asdlpack(Owner(100))
held = {what}
atexit.register(lambda: held)
def work():
    while True:
        dlpack.asdlpack(bytes(10)).tolist()
for _ in range({DAEMONS}):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
print("done")
"""
    assert in_process(program) == "done\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork_among_threads(in_process):
    """A child has one thread, and whatever the others held at that moment: no lock of this package is among it."""
    program = """
import ctypes, os, threading, dlpack

block = (ctypes.c_uint8 * 8)()
address = ctypes.addressof(block)
stop = False

def work():
    while not stop:
        dlpack.from_pointer(address, 8, "uint8", device="cpu", deleter=str)
        dlpack.asdlpack(bytearray(8))[1:].tolist()

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for i in range(30):
    calls = []
    t = dlpack.from_pointer(address, 8, "uint8", device="cpu", deleter=calls.append)
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(20)
        assert t.tolist() == [0] * 8
        del t
        assert calls == [address]
        dlpack.from_pointer(address, 8, "uint8", device="cpu", deleter=str)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    del t
    assert calls == [address]
stop = True
for thread in threads:
    thread.join()
print("done")
"""
    assert in_process(program) == "done\n"


def test_threads_share_and_drop(in_process):
    """Tensors, views, capsules and consumers are made on one thread and dropped on others, in any order."""
    program = """
import ctypes, queue, random, sys, threading, dlpack

calls, lock = [], threading.Lock()
block = (ctypes.c_uint8 * 64)()
address = ctypes.addressof(block)
shared, made = queue.SimpleQueue(), 0
buffers = [bytearray(64) for _ in range(8)]

def work(seed):
    rng = random.Random(seed)
    for i in range(1500):
        t = dlpack.asdlpack(rng.choice(buffers))
        if rng.random() < 0.3:
            t = dlpack.from_pointer(address, 64, "uint8", device="cpu", deleter=calls.append)
            with lock:
                global made
                made += 1
        shared.put(rng.choice([t, t[1:], memoryview(t), t.__dlpack__(), t.reshape(8, 8)[::2], iter(t)]))
        if rng.random() < 0.9:
            found = shared.get()
            if isinstance(found, dlpack.Tensor):
                assert found.tobytes() == bytes(found.nbytes)

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
while not shared.empty():
    shared.get()
assert len(calls) == made, (len(calls), made)
# CPython 3.13 without the lock loses count of the buffers of a `bytearray`, also of those that it makes itself.
if sys.version_info >= (3, 14) or getattr(sys, "_is_gil_enabled", lambda: True)():
    for data in buffers:
        data.append(0)
print("done")
"""
    assert in_process(program) == "done\n"


@pytest.mark.parametrize("holder", ["module", "class", "thread", "cycle", "finaliser"])
@pytest.mark.parametrize("kind", ["buffer", "deleter", "interface", "numpy"])
def test_the_end_with_live_tensors(in_process, holder, kind):
    """
    Whoever holds a tensor when the interpreter ends, and whatever it is of: the process ends well, while threads use more.

    The threads import nothing: CPython 3.11 may crash when one of them imports a module at the end, with nothing but itself.
    """
    program = f"""
import ctypes, os, threading, time, weakref, dlpack
try:
    import numpy
except ImportError:
    numpy = None

block = (ctypes.c_uint8 * 8)()
address = ctypes.addressof(block)

class Interface:
    __array_interface__ = {{"version": 3, "typestr": "|u1", "shape": (8,), "data": (address, False)}}

def make():
    if "{kind}" == "buffer":
        return dlpack.asdlpack(bytearray(8))
    if "{kind}" == "deleter":
        return dlpack.from_pointer(address, 8, "uint8", device="cpu", deleter=lambda _: os.write(1, b"."))
    if "{kind}" == "interface":
        return dlpack.asdlpack(Interface())
    if numpy is None:
        return dlpack.asdlpack(memoryview(bytearray(8)))
    return dlpack.asdlpack(numpy.from_dlpack(dlpack.asdlpack(numpy.zeros(8, "u1"))))

t = make()
consumers = [memoryview(t), t.__dlpack__(), t[1:]]
if "{holder}" == "class":
    class Held:
        held = t
elif "{holder}" == "thread":
    local = threading.local()
    local.held = t
elif "{holder}" == "cycle":
    class Node:
        pass
    node = Node()
    node.self, node.held = node, t
    del node
elif "{holder}" == "finaliser":
    class Finaliser:
        def __del__(self, t=t, make=make):
            t[1:].tolist()
    held = Finaliser()
if "{holder}" != "module":
    del t

def work():
    while True:
        make()[1:].tolist()

for _ in range({DAEMONS}):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.02)
os.write(1, b"done\\n")
"""
    said = in_process(program)
    assert said.replace(".", "").endswith("done\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit the addresses of a process")
def test_many_tensors_end_within_others_where_there_is_no_memory(in_process):
    """From a certain depth on, they wait for each other. The list of those that do may have no room."""
    program = """
import resource, dlpack

t, many, between = dlpack.asdlpack(b"a"), [], []
for i in range(200_000):
    many.append(t.copy())
    # These stay, so that the memory between them serves for nothing else.
    between.append((i,) * (6 + i % 8))
    between.append(bytes(100 + i % 300))
chain = many
del many
for _ in range(33):
    chain = dlpack.from_pointer(t.address, (1,), "uint8", device="cpu", owner=chain, readonly=True)
with open("/proc/self/status") as file:
    size = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 100_000,) * 2)
del chain
print("done")
"""
    assert in_process(program) == "done\n"


@pytest.mark.skipif(not DAEMONS, reason="CPython may crash, or wait forever, when daemon threads run at its end")
def test_a_daemon_thread_in_the_table_of_a_library(in_process):
    """It comes back from `read` while the interpreter finalises, which ends it where it stands."""
    program = """
import ctypes, os, sys, threading, time, types, dlpack
from dlpack.testing import abi

ear, mouth = os.pipe()
is_there = threading.Event()

@ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def wait(*given):
    is_there.set()
    os.read(ear, 1)
    os.write(1, b"unreachable")

new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", ctypes.pythonapi))
real = type(dlpack.asdlpack(b"")).__dlpack_c_exchange_api__
table = abi.ExchangeApi.from_buffer_copy(abi.ExchangeApi.from_address(abi.pointer_of(real)))
table.managed_tensor_from_py_object_no_sync = ctypes.cast(wait, ctypes.c_void_p).value
name = b"dlpack_exchange_api"

class Array:
    __dlpack_c_exchange_api__ = new(ctypes.addressof(table), name, None)
    __dlpack__ = __dlpack_device__ = None

def work():
    dlpack._core.look_by_table(Array())
    os.write(1, b"never called")
    is_there.set()

threading.Thread(target=work, daemon=True).start()
is_there.wait()
sys.modules["late"] = late = types.ModuleType("late")
names = {"sleep": time.sleep, "write": os.write, "mouth": mouth}
exec("class Late:\\n  def __del__(self): write(mouth, b'!'); sleep(0.3); write(1, b'late')", names)
late.late = names.pop("Late")()
del late
"""
    assert in_process(program) == "late"


def test_memory_of_a_device_at_the_end(in_process):
    """Its producer is asked as before, and raises what it raises: here, its module is cleared already."""
    program = """
import os, sys, dlpack
from dlpack.testing.synthetic import Producer

class Late:
    def __init__(self):
        self.tensor = dlpack.asdlpack(Producer(device=(2, 0)))

    def __del__(self, write=os.write, error=BaseException, type=type):
        for asked in ({"stream": 1}, {"copy": True}):
            try:
                self.tensor.__dlpack__(max_version=(1, 3), **asked)
                write(1, b"answered\\n")
            except error as raised:
                write(1, type(raised).__name__.encode() + b"\\n")

# Cleared when the modules are.
sys.late = Late()
"""
    said = in_process(program).split()
    assert len(said) == 2 and "PanicException" not in said


def test_refusals_at_the_end(in_process):
    """No panic replaces what is raised there, or what is tried and leads to something else."""
    program = '''
import builtins, os, dlpack

class Name:
    type, index = "cpu", "0"

class Late:
    def __init__(self):
        dlpack.asdlpack(b"abc")
        calls = [
            lambda take=dlpack.asdlpack: take(b"abc", readonly=False),
            lambda take=dlpack.asdlpack: take(b"abc", device=("cpu", 0)),
            lambda take=dlpack.asdlpack, name=Name(): take(b"abc", device=name),
            lambda take=dlpack.asdlpack, t=dlpack.asdlpack(b"abc"): take(t, copy=True, device="cuda:0"),
            lambda t=dlpack.asdlpack(b"abc"): t.view((1, 2, "3")),
        ]
        self.calls = calls

    def __del__(self, write=os.write, error=BaseException, type=type):
        for call in self.calls:
            try:
                call()
            except error as raised:
                write(1, type(raised).__name__.encode() + b"\\n")

builtins.late = Late()
'''
    said = in_process(program).split()
    assert len(said) == 5 and "PanicException" not in said, said


def test_an_exception_survives_the_end_of_a_tensor(in_process):
    """What is already on the stack is dropped while the exception is set, and its deleter may be a function of Python."""
    program = """
import dlpack
from dlpack.testing.synthetic import Synthetic

takes = (dlpack.asdlpack, dlpack.from_dlpack, lambda capsule: dlpack.asdlpack(capsule)[1:], lambda capsule: iter(dlpack.asdlpack(capsule)))
for take in takes:
    struct = Synthetic(python=True)
    try:
        (take(struct.capsule()), 1 / 0)
    except ZeroDivisionError:
        assert len(struct.calls) == 1 and not struct.in_exception
        print("done")
"""
    assert in_process(program) == "done\n" * 4


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the module has another name")
def test_sub_interpreters_are_refused(in_process):
    program = """
import _xxsubinterpreters as interpreters
import dlpack

t = dlpack.asdlpack(bytearray(3))
other = interpreters.create()
try:
    interpreters.run_string(other, "import dlpack; dlpack.asdlpack(bytearray(3)).tolist()")
except Exception as error:
    assert "ImportError" in repr(error), error
else:
    raise AssertionError("expected a refusal")
interpreters.destroy(other)
assert t.tolist() == [0, 0, 0]
print("done")
"""
    assert in_process(program, timeout=30) == "done\n"


def test_an_import_needs_nothing_but_the_package(in_process):
    program = """
import sys
before = set(sys.modules)
import dlpack
new = {name for name in set(sys.modules) - before if name.partition(".")[0] != "dlpack"}
print(sorted(new))
dlpack.asdlpack(bytearray(3)).tolist()
print(sorted(name for name in ("typing", "numpy", "ctypes") if name in set(sys.modules) - before))
"""
    modules, needed = in_process(program).splitlines()
    assert needed == "[]"
    assert len(eval(modules)) <= 2


def test_an_import_takes_no_time(in_process):
    # The best of several, since other programs run meanwhile.
    program = "import time; t = time.perf_counter(); import dlpack; print(time.perf_counter() - t)"
    assert min(float(in_process(program)) for _ in range(8)) < 0.010
