"""Whatever is done a thousand times leaves nothing behind, also when it fails."""

import array
import contextlib

import dlpack_pyo3_tests as ext
import pytest

from kit.steady import is_steady

NEW = {"max_version": (1, 3)}
PAGE = bytes(4096)


def make(dtype="uint8", **options):
    return ext.make(PAGE, dtype, (8,), **options)


class Producer:
    """One that is written in Python, and does what it is told."""

    def __init__(self, do):
        self.do = do

    def __dlpack__(self, **asked):
        return self.do(asked)

    def __dlpack_device__(self):
        return (1, 0)


def fail(asked):
    raise LookupError("on purpose")


def only_legacy(asked):
    if asked:
        raise TypeError("no keywords")
    return make().__dlpack__()


PRODUCERS = {
    "versioned": lambda asked: make().__dlpack__(**NEW),
    "legacy": lambda asked: make().__dlpack__(),
    "without keywords": only_legacy,
}
REFUSED = {
    "failing": fail,
    "no capsule": lambda asked: 1,
    "nothing": lambda asked: None,
    "taken": lambda asked: taken(),
}


def taken():
    capsule = make().__dlpack__(**NEW)
    ext.describe(capsule)
    return capsule


@pytest.mark.parametrize("name", PRODUCERS)
def test_imports(name):
    producer = Producer(PRODUCERS[name])
    is_steady(lambda: ext.describe(producer), producer)


@pytest.mark.parametrize("name", REFUSED)
def test_imports_that_fail(name):
    producer = Producer(REFUSED[name])

    def action():
        with contextlib.suppress(Exception):
            ext.describe(producer)
            raise AssertionError

    is_steady(action, producer)


@pytest.mark.parametrize("name", [*PRODUCERS, *REFUSED])
def test_imports_in_a_generator_whose_caller_handles_an_exception(name):
    producer = Producer({**PRODUCERS, **REFUSED}[name])

    def imports():
        while True:
            with contextlib.suppress(Exception):
                ext.describe(producer)
            yield

    steps = imports()
    try:
        raise LookupError("on purpose")
    except LookupError as error:
        is_steady(lambda: next(steps), error, producer)


@pytest.mark.parametrize("asked", [{}, NEW, {**NEW, "copy": True}, {"copy": True}])
@pytest.mark.parametrize("read_only", [False, True])
def test_exports(asked, read_only):
    tensor = make(read_only=read_only)
    is_steady(lambda: tensor.__dlpack__(**asked), tensor)
    is_steady(lambda: ext.describe(tensor.__dlpack__(**asked)), tensor)


@pytest.mark.parametrize(
    "asked",
    [
        {"copy": False, "dl_device": (2, 0)},
        {"dl_device": (2, 0)},
        {"dl_device": (2, 0), "copy": True},
        {"stream": 1},
        {"stream": "1"},
        {"max_version": "1.0"},
        {"max_version": (1, 2, 3)},
        {"dl_device": (1,)},
        {"copy": []},
        {"unknown": 1},
    ],
)
def test_exports_that_fail(asked):
    tensor = make(read_only=True)

    def action():
        with contextlib.suppress(TypeError, ValueError, BufferError):
            tensor.__dlpack__(**asked)

    is_steady(action, tensor)


def test_fresh_tensors():
    is_steady(lambda: make().__dlpack__(**NEW))
    is_steady(lambda: ext.describe(make()))


@pytest.mark.parametrize("way", ["release", "release_detached", "release_on_thread"])
def test_objects_that_own(way):
    owner = object()
    is_steady(lambda: getattr(ext.Holder(ext.keeping(owner)), way)(), owner, times=300)


BUFFERS = {
    "bytes": PAGE,
    "bytearray": bytearray(PAGE),
    "memoryview": memoryview(bytearray(PAGE)),
    "array": array.array("f", [1, 2]),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers(name):
    buffer = BUFFERS[name]
    is_steady(lambda: ext.describe(buffer), buffer)
    is_steady(lambda: ext.Holder(buffer).release_detached(), buffer)


@pytest.mark.library("numpy")
def test_numpy():
    import numpy

    ours, theirs = make(), numpy.zeros((32, 32))
    swapped = theirs.astype(">f8")
    is_steady(lambda: ext.describe(theirs), theirs)
    is_steady(lambda: ext.Holder(theirs[::2]).release_detached(), theirs)
    is_steady(lambda: numpy.from_dlpack(ours), ours)
    is_steady(lambda: ext.describe(numpy.from_dlpack(ours)), ours)

    def refused():
        with pytest.raises(BufferError):
            ext.describe(swapped)

    is_steady(refused, swapped)


@pytest.mark.library("torch")
def test_torch():
    import torch

    ours, theirs = make(), torch.zeros(32, 32)
    graded = torch.zeros(32, requires_grad=True)
    is_steady(lambda: ext.describe(theirs), theirs)
    is_steady(lambda: torch.from_dlpack(ours), ours)
    is_steady(lambda: ext.describe(torch.from_dlpack(ours)), ours)

    def refused():
        with pytest.raises(Exception, match="grad"):
            ext.describe(graded)

    is_steady(refused, graded)
