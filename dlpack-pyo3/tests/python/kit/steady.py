"""Whether an action, done again and again, leaves anything behind."""

import gc
import os
import sys
import tracemalloc

import dlpack_pyo3_tests as ext

TIMES = 1000
# What the process may grow by, of which nothing is known: the allocator's own doings. One leaked tensor for each time
# would be about as much; one with its memory, of a page, would be four times as much.
SLACK = 1 << 20


def resident():
    """Bytes of main memory that the process has, or 0 where that cannot be known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def _state(objects):
    gc.collect()
    return ext.live(), [sys.getrefcount(each) for each in objects]


def _growth(action, times):
    """By how many bytes Python's objects grow, and the process."""
    gc.collect()
    blocks, before = tracemalloc.get_traced_memory()[0], resident()
    for _ in range(times):
        action()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - blocks, resident() - before


def is_steady(action, *objects, times=TIMES):
    """Does the action so often, and asserts that nothing has become more.

    Neither memories of Rust, nor references to these objects, nor Python's objects, nor main memory. What others do in the
    same process happens once, and a leak each time.
    """
    for _ in range(20):
        action()
    before = _state(objects)
    tracemalloc.start()
    try:
        action()
        for _ in range(3):
            more, grown = _growth(action, times)
            # Less than a byte for each time.
            if more < times and grown < SLACK:
                break
        else:
            raise AssertionError(f"{more} bytes of Python's objects, {grown} of the process")
    finally:
        tracemalloc.stop()
    assert _state(objects) == before
