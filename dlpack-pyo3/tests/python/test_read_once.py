"""Foreign shape and strides are read once, when a tensor is imported, and by no route again.

Each test imports a tensor by its capsule, lets the producer rewrite or move the shape, and passes the tensor on.
"""

import ctypes

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules, values
from kit.builds import exports_buffers
from kit.foreign import Foreign, expected_once

FLOATS = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
SIX = values.encode("float32", FLOATS)
IS_COPIED = 2

pytestmark = pytest.mark.usefixtures("nothing_is_lost")


class Rewritten:
    """A producer that rewrites its shape after the tensor has been imported."""

    def __init__(self, **fields):
        self.foreign = Foreign(SIX, **fields)

    def taken(self):
        held = ext.hold(self.foreign.capsule())
        self.change()
        return held

    def change(self):
        self.foreign.resize((300, 400))


class Moved(Rewritten):
    """A producer whose struct then points to another shape, while the old one is overwritten."""

    def change(self):
        super().change()
        self.elsewhere = (ctypes.c_int64 * 2)(500, 600)
        self.foreign.tensor.shape = self.elsewhere


def exported(producers):
    return producers[0].taken().export()


def relayed(producers):
    return ext.relay([producer.taken() for producer in producers])


def found(capsule):
    """What a consumer in C finds in a capsule, which Rust takes afterwards."""
    is_versioned = capsules.name(capsule) == capsules.VERSIONED
    kind = abi.ManagedTensorVersioned if is_versioned else abi.ManagedTensor
    tensor = kind.from_address(capsules.pointer(capsule)).dl_tensor
    shape, strides = tensor.shape[: tensor.ndim], tensor.strides[: tensor.ndim]
    held = ext.hold(capsule)
    described, data = held.describe(), held.to_bytes()
    held.release()
    return tuple(shape), tuple(strides), described["shape"], data


def by_buffer(tensor):
    view = memoryview(tensor)
    seen = view.shape, tuple(stride // 4 for stride in view.strides), view.shape, bytes(view)
    view.release()
    return seen


def by_import(tensor):
    held = ext.hold(tensor)
    described, data = held.describe(), held.to_bytes()
    held.release()
    return described["shape"], described["strides"], described["shape"], data


def by_borrowing(tensor):
    described = ext.borrow(tensor)
    return described["shape"], described["strides"], described["shape"], SIX


WAYS = {
    "versioned capsule": lambda t: found(t.__dlpack__(max_version=(1, 3))),
    "legacy capsule": lambda t: found(t.__dlpack__()),
    "copy": lambda t: found(t.__dlpack__(max_version=(1, 3), copy=True)),
    "legacy copy": lambda t: found(t.__dlpack__(copy=True)),
    "buffer": by_buffer,
    "import": by_import,
    "borrowing": by_borrowing,
}

SEEN = ((2, 3), (3, 1), (2, 3), SIX)


@pytest.mark.parametrize("way", [pytest.param(way, marks=exports_buffers if way == "buffer" else ()) for way in WAYS])
@pytest.mark.parametrize("pass_on", [exported, relayed])
@pytest.mark.parametrize("producer", [Rewritten, Moved])
def test_passed_on(producer, pass_on, way):
    # A relay is asked once when it is made, and once by its consumer.
    producers = [producer(flags=IS_COPIED) for _ in range(2)]
    tensor = pass_on(producers)
    if pass_on is relayed and "copy" in way:
        # What another library has marked as a copy is none that this one could give.
        with pytest.raises(BufferError, match="IS_COPIED"):
            WAYS[way](tensor)
    else:
        assert WAYS[way](tensor) == SEEN
    del tensor
    expected_once(*(p.foreign for p in producers[: 1 if pass_on is exported else 2]))


@pytest.mark.library("numpy")
@pytest.mark.parametrize("pass_on", [exported, relayed])
def test_handed_over(pass_on):
    import numpy as np

    producers = [Rewritten(flags=IS_COPIED) for _ in range(2)]
    array = np.from_dlpack(pass_on(producers))
    assert array.tolist() == [FLOATS[:3], FLOATS[3:]]
    del array
    expected_once(*(p.foreign for p in producers[: 1 if pass_on is exported else 2]))
