"""Memory stays as it was, however often tensors come and go."""

from __future__ import annotations

import os
import sys

import pytest

import dlpack

# How many times as many rounds as usual are done: ten, for a million round trips, where the extension is built with optimisations.
MANY = int(os.environ.get("DLPACK_MANY_ROUNDS", "1"))

# What is done in each round, and how often a thousand times. All that a round makes is dropped in it.
ROUNDS = {
    "a bytearray to NumPy and back": (100, "take(array(take(data)))"),
    "a view of a bytearray": (10, "take(data)[1:].reshape(-1, 1)"),
    "an array of NumPy": (10, "take(numbers)"),
    "a capsule": (10, "take(take(data).__dlpack__(max_version=(1, 0)))"),
    "a capsule that nobody takes": (10, "take(data).__dlpack__()"),
    "an array interface": (5, "take(Interface())"),
    "an array interface of a buffer": (5, "take(Interface(data))"),
    "an array of Arrow": (5, "take(arrow, route='arrow')"),
    "an owner": (5, "pointer(address, 8, 'uint8', device='cpu', owner=object())"),
    "a deleter": (5, "pointer(address, 8, 'uint8', device='cpu', deleter=str)"),
    "a copy": (5, "take(data).copy()"),
    "elements": (5, "take(data).tolist(), take(data).tobytes(), repr(take(data))"),
    "a chain": (2, "take(memoryview(take(memoryview(take(memoryview(take(data)))))))[2:][2:][2:]"),
    "what is no tensor": (2, "refused(take, 'text')"),
    "what is in another order": (2, "refused(take, Interface(typestr='>f8' if little else '<f8'))"),
    "what is not there": (2, "refused(pointer, 0, 8, 'uint8', device='cpu', deleter=str)"),
    "what is read-only": (2, "refused(take, b'abc', readonly=False)"),
}

PROGRAM = """
import ctypes, gc, sys
import dlpack
from dlpack import asdlpack as take, from_pointer as pointer

try:
    import numpy
    array, numbers = numpy.from_dlpack, numpy.arange(8)
except ImportError:
    array, numbers = memoryview, memoryview(bytearray(8))
try:
    import pyarrow
    arrow = pyarrow.array(range(8))
except ImportError:
    arrow = None

class Interface:
    def __init__(self, data=None, typestr="|u1"):
        self.block = (ctypes.c_uint8 * 8)()
        data = data or (ctypes.addressof(self.block), False)
        self.__array_interface__ = {"version": 3, "typestr": typestr, "shape": (1,), "data": data}

def refused(function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except (TypeError, ValueError, BufferError):
        return
    raise AssertionError("expected an exception")

little = sys.byteorder == "little"
data = bytearray(8)
address = take(data).address

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def rounds(count):
    for _ in range(count):
        ROUND

if arrow is None and "arrow" in "ROUND":
    print(0, 0)
    raise SystemExit
count = int(sys.argv[1])
rounds(count // 10 + 1000)
gc.collect()
blocks, before = sys.getallocatedblocks(), resident()
rounds(count)
gc.collect()
print(sys.getallocatedblocks() - blocks, resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says how much memory is resident")
@pytest.mark.parametrize("what", ROUNDS)
def test_memory_stays_flat(in_process, what):
    thousands, line = ROUNDS[what]
    rounds = 1000 * thousands * MANY
    found = in_process(PROGRAM.replace("ROUND", line), str(rounds), timeout=600)
    blocks, grown = map(int, found.split())
    # Without the global lock, CPython gives some back later.
    assert blocks < rounds // 10 + 1000
    # An object has sixteen bytes at least.
    assert grown < max(rounds, 512 * 1024)


def test_a_tensor_holds_only_what_it_must():
    import gc
    import weakref

    class Owner(bytearray):
        pass

    owner = Owner(8)
    dead = weakref.ref(owner)
    t = dlpack.asdlpack(owner)
    consumers = [memoryview(t[1:]), memoryview(t[:4].reshape(2, 2)), t.__dlpack__()]
    del t, owner
    for _ in range(3):
        gc.collect()
        assert dead() is not None
        consumers.pop()
    gc.collect()
    assert dead() is None


@pytest.mark.skipif(MANY == 1, reason="frames are large in a build without optimisations")
def test_an_object_that_is_asked_for_itself_ends_with_an_exception(in_process):
    """The interpreter counts the levels, and not the memory that each takes of a thread's stack: here, about 4 KiB."""
    program = """
import threading
import dlpack

class Own:
    def __dlpack__(self, **asked):
        return dlpack.asdlpack(self)

def use():
    try:
        dlpack.asdlpack(Own())
    except RecursionError:
        print("refused")

threading.stack_size(4 << 20)
thread = threading.Thread(target=use)
thread.start()
thread.join()
"""
    assert in_process(program) == "refused\n"
