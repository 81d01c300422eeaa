"""Threads, forks, and the end of the interpreter."""

from __future__ import annotations

import os
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
threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
print("done")
"""
    assert in_process(program) == "done\n"


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
