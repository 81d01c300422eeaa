"""Hundreds of thousands of refusals, after which neither Python's blocks nor the process have grown.

Nothing but the refused call runs in between, so that what is dropped without a lock is not given back by another call.
"""

import gc
import itertools
import sys

import dlpack_pyo3_tests as ext
import pytest

from kit.exchange import Table, type_for
from kit.steady import resident

NEW = {"max_version": (1, 3)}
TIMES = 300_000
# Enough to see one block for each time, where several versions of Python take turns.
TIMES_INSTALLED = 40_000
BYTES = bytes(64)


class Missing:
    """Has a method that refuses."""

    def __dlpack__(self, **given):
        raise BufferError("nothing here")


class Old:
    """Knows no keyword, and refuses without."""

    def __dlpack__(self):
        raise LookupError("nothing here")


class NoCapsule:
    def __dlpack__(self, **given):
        return 1


def tensor(**options):
    return ext.make(BYTES, "float32", (4, 4), **options)


def table_refuses(*_):
    return -1


PLAIN = tensor()
READ_ONLY = tensor(read_only=True)
DEVICE = ext.on_device(BYTES, (2, 0))
PINNED = ext.on_device(BYTES, (3, 0))
REFUSING = ext.refusing([1.0])
TABLE = Table(managed_tensor_from_py_object_no_sync=table_refuses)
CARRIER = type_for(TABLE, __dlpack__=Missing.__dlpack__)()

REFUSALS = {
    "another device": lambda: PLAIN.__dlpack__(dl_device=(2, 0)),
    "another device, new": lambda: PLAIN.__dlpack__(dl_device=(2, 0), max_version=(1, 3)),
    "a stream of the host": lambda: PLAIN.__dlpack__(stream=4),
    "a device that is none": lambda: PLAIN.__dlpack__(dl_device=(0, 0)),
    "no version": lambda: PLAIN.__dlpack__(max_version=3),
    "no keyword": lambda: PLAIN.__dlpack__(nothing=3),
    "read-only, without a copy": lambda: READ_ONLY.__dlpack__(copy=False),
    "read-only, by policy": lambda: REFUSING.__dlpack__(),
    "memory of a device": lambda: DEVICE.__dlpack__(),
    "memory of a device, new": lambda: DEVICE.__dlpack__(**NEW),
    "a copy of pinned memory": lambda: PINNED.__dlpack__(copy=True, stream=-1),
    "a buffer of a device": lambda: memoryview(DEVICE),
    "a writable buffer": lambda: (ext.to_bytes(READ_ONLY), READ_ONLY.__reduce__()),
    "no tensor": lambda: ext.describe(BYTES.__len__),
    "another dtype": lambda: ext.typed_f32(BYTES),
    "another rank": lambda: ext.typed_matrix(ext.fresh(1)),
    "borrowed": lambda: ext.borrow(BYTES.__len__),
    "the method refuses": lambda: ext.describe(MISSING),
    "the old method refuses": lambda: ext.describe(OLD),
    "no capsule": lambda: ext.describe(NO_CAPSULE),
    # The table notes each call.
    "the table refuses": lambda: (TABLE.calls.clear(), ext.describe(CARRIER)),
    "a panic": lambda: PANICS.__dlpack__(),
}
MISSING, OLD, NO_CAPSULE, PANICS = Missing(), Old(), NoCapsule(), ext.Panics("tensor")
# What prints a message each time.
FEWER = {"a panic": 500}


def repeat(action, times):
    for _ in itertools.repeat(None, times):
        try:
            action()
        except BaseException:
            pass
        else:
            raise AssertionError("not refused")


@pytest.mark.parametrize("kind", REFUSALS)
def test_refusals_leave_nothing(kind, capfd, request):
    times = TIMES_INSTALLED if request.config.getoption("installed") else TIMES
    action, times = REFUSALS[kind], FEWER.get(kind, times)
    repeat(action, min(times, 1000))
    gc.collect()
    blocks, bytes_before = sys.getallocatedblocks(), resident()
    repeat(action, times)
    gc.collect()
    more = sys.getallocatedblocks() - blocks
    assert more < times // 100, f"{more} blocks more"
    grown = resident() - bytes_before
    assert grown < 2 << 20, f"{grown} bytes more"
