"""What a caller in Python reads when an argument is refused: what was expected, what was found, and what helps."""

import sys

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, builds, process, values
from kit.foreign import Foreign

NOTES = sys.version_info >= (3, 11)


def refused(function, *arguments):
    """The class, the text and the notes of the exception, but for PyO3's own, which names the argument."""
    with pytest.raises(Exception) as caught:
        function(*arguments)
    notes = getattr(caught.value, "__notes__", [])
    return caught.type, builds.text_of(caught.value), [note for note in notes if not note.startswith("while processing")]


class ToArray:
    def toarray(self):
        raise NotImplementedError


class ToDense:
    def todense(self):
        raise NotImplementedError


class ToNumpy:
    def to_numpy(self):
        raise NotImplementedError

    def __array__(self):
        raise NotImplementedError


class OnlyArray:
    def __array__(self):
        raise NotImplementedError


class Nothing:
    pass


@pytest.mark.parametrize("function", [ext.typed_f32, ext.borrow])
@pytest.mark.parametrize(
    "thing, found",
    [
        ([1.0], "list: pass `numpy.asarray(x)`"),
        ((1.0,), "tuple: pass `numpy.asarray(x)`"),
        (1, "int: pass `numpy.asarray(x)`"),
        (ToArray(), "test_messages.ToArray: pass `x.toarray()`"),
        (ToDense(), "test_messages.ToDense: pass `x.todense()`"),
        (ToNumpy(), "test_messages.ToNumpy: pass `x.to_numpy()`"),
        (OnlyArray(), "test_messages.OnlyArray: pass `numpy.asarray(x)`"),
        (Nothing(), "test_messages.Nothing"),
        (None, "NoneType"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_array(thing, found, function):
    assert refused(function, thing) == (TypeError, f"expected an object with __dlpack__ or a buffer, found {found}", [])


def test_a_class_that_cannot_say_what_it_has():
    class Meta(type):
        def __getattr__(cls, name):
            raise error

    class Raising(metaclass=Meta):
        pass

    error = ValueError("no such luck")
    assert refused(ext.typed_f32, Raising())[:1] == (TypeError,)
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        ext.typed_f32(Raising())


@pytest.mark.library("torch")
@pytest.mark.parametrize("function", [ext.typed_f32, ext.borrow])
def test_tensors_of_pytorch_without_elements(function):
    import torch

    sparse = (BufferError, "layout", ["pass `x.to_dense()`: a tensor of another layout than torch.strided has no strides"])
    meta = (BufferError, "meta", ["pass a tensor of another device: one on the device meta has no elements"])
    grad = (BufferError, "detach", [])
    rows = [
        (torch.eye(2).to_sparse(), sparse),
        (torch.eye(2).to_sparse_csr(), sparse),
        (torch.empty(2, device="meta"), meta),
        (torch.ones(2, requires_grad=True), grad),
    ]
    # Twice, since a class whose table has refused a tensor is looked at in another way.
    for tensor, (kind, word, notes) in rows * 2:
        found, text, added = refused(function, tensor)
        assert (found, added) == (kind, notes if NOTES else []), text
        assert word in text


@pytest.mark.parametrize("function", [ext.describe, ext.borrow])
def test_an_interrupt_while_a_class_is_named_is_not_lost(function):
    class Key(str):
        """Found where the module of a class is looked for."""

        def __eq__(self, other):
            looks.append(other)
            if error is not None and len(looks) >= first:
                raise error
            return False

        def __hash__(self):
            return hash("__module__")

    error, looks, first = None, [], 1
    kind = type("Kind", (), {Key(): None})
    with pytest.raises(TypeError):
        function(kind())
    looks.clear()
    with pytest.raises(TypeError):
        function(kind())
    # Whichever look is interrupted, the last of which is for the name.
    for first in range(1, len(looks) + 1):
        for error, expected in ((KeyboardInterrupt(), KeyboardInterrupt), (ValueError(), TypeError)):
            looks.clear()
            with pytest.raises(expected):
                function(kind())


@pytest.mark.skipif(not NOTES, reason="exceptions have no notes")
@pytest.mark.library("torch")
def test_an_interrupt_while_a_note_is_added_is_not_lost(monkeypatch):
    import torch

    class Hostile(BufferError):
        def add_note(self, note):
            raise error

    def refuse(*_, **__):
        raise Hostile

    monkeypatch.setattr(torch.Tensor, "__dlpack__", refuse)
    for _ in range(2):
        error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            ext.borrow(torch.eye(2).to_sparse())
        error = ValueError()
        with pytest.raises(Hostile):
            ext.borrow(torch.eye(2).to_sparse())


@pytest.mark.parametrize("function", [ext.typed_f32, ext.borrow])
def test_an_error_about_attributes_that_is_the_methods_own(function):
    class Wrong:
        def __dlpack__(self, **given):
            raise AttributeError("of the method")

    class Hides:
        @property
        def __dlpack__(self):
            raise RuntimeError("of the look for it")

    assert refused(function, Wrong())[:2] == (AttributeError, "of the method")
    assert refused(function, Hides())[:2] == (RuntimeError, "of the look for it")


def test_why_a_stream_cannot_wait():
    unknown = ext.on_device(bytes(8), (abi.CUDA, 0))
    ready = ext.on_device(bytes(8), (abi.CUDA, 0), ready=7)
    for tensor, hint in ((unknown, "Tensor::ready_on says"), (ready, "is ready on another stream")):
        kind, text, _ = refused(lambda: tensor.__dlpack__(stream=9))
        assert kind is BufferError and hint in text


def test_memory_that_must_not_be_written():
    way = ": pass a copy that can be written, such as `numpy.array(x)`"
    array = np.zeros(3)
    array.flags.writeable = False
    for thing in (array, memoryview(bytes(24)).cast("d")):
        text = f"expected a writable tensor, found a read-only one{way}"
        assert refused(ext.typed_writable, thing) == (BufferError, text, [])
    ext.typed_writable(np.array(array))
    legacy = Foreign(bytes(24), "float64", (3,), versioned=False).capsule()
    text = f"expected a writable tensor, found one that does not say whether it is{way}"
    assert refused(ext.typed_writable, legacy) == (BufferError, text, [])
    repeated = np.lib.stride_tricks.as_strided(np.zeros(1), (2,), (0,))
    text = "expected elements that do not overlap, found strides that may overlap: pass a copy, such as `numpy.array(x)`"
    assert refused(ext.typed_writable, repeated) == (BufferError, text, [])


FLOATS = np.zeros((2, 3, 4), "float32")
IN_FLOATS = ", in a tensor of float32 and shape [2, 3, 4]"


@pytest.mark.parametrize("step", ["cells", "view", "view_mut"])
def test_elements_that_are_not_aligned(step):
    array = np.frombuffer(bytearray(25), "u1", offset=1).view("f4")
    where = "" if step == "view_mut" else ", in a tensor of float32 and shape [6]"
    text = f"expected data aligned to 4 bytes, found data that is not{where}: pass a copy, such as `numpy.array(x)`"
    assert refused(ext.body, step, array) == (BufferError, text, [])
    ext.body(step, np.array(array))
    ext.body("to_vec", array)


@pytest.mark.parametrize(
    "step, thing, kind, text",
    [
        ("sizes", FLOATS, ValueError, f"expected 2 dimensions, found 3{IN_FLOATS}"),
        ("size", FLOATS[0], ValueError, "expected an axis of a tensor of 2 dimensions, found axis 2, in a tensor of float32 and shape [3, 4]"),
        ("check_size", FLOATS, ValueError, f"expected size 7 on axis 0, found 2{IN_FLOATS}"),
        ("as_typed", np.zeros((2, 3)), TypeError, "expected dtype float32, found float64, in a tensor of float64 and shape [2, 3]"),
        ("as_typed_mut", np.zeros(()), TypeError, "expected dtype float32, found float64, in a tensor of float64 and shape []"),
        (
            "as_slice",
            FLOATS.T,
            BufferError,
            "expected contiguous elements, found gaps or another order, in a tensor of float32 and shape [4, 3, 2]"
            ": pass a contiguous copy, such as `numpy.ascontiguousarray(x)`",
        ),
        (
            "view_mut",
            bytes(4),
            TypeError,
            "expected dtype float32, found uint8, in a tensor of uint8 and shape [4]",
        ),
        (
            "view_mut",
            memoryview(bytes(4)).cast("f"),
            BufferError,
            "expected a writable tensor, found a read-only one: pass a copy that can be written, such as `numpy.array(x)`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_what_a_function_finds_out_in_its_body(step, thing, kind, text):
    assert refused(ext.body, step, thing) == (kind, text, [])


@pytest.mark.parametrize("step", ["cells", "to_vec"])
@pytest.mark.parametrize(
    "device, text",
    [
        ((abi.CUDA, 1), "device cuda:1{}: Import::device(Device::CPU) has the producer copy it"),
        ((3, 0), "device cuda_host:0{}: Import::device(Device::CPU) has the producer wait until the device has written it"),
    ],
)
def test_memory_that_the_host_cannot_read(step, device, text):
    tensor = Foreign(values.sample_bytes("float32"), "float32", (2, 3), device=device)
    expected = "expected memory that the host can access, found " + text.format(", in a tensor of float32 and shape [2, 3]")
    assert refused(ext.body, step, tensor.capsule()) == (BufferError, expected, [])
    assert tensor.deletes == 1


@pytest.mark.library("torch")
@pytest.mark.skipif(not NOTES, reason="exceptions have no notes")
def test_a_note_where_there_is_no_room_for_more_plans():
    script = """
import numpy as np, torch
import dlpack_pyo3_tests as ext

array = np.arange(3)
kinds = [type("Kind", (), {"__dlpack__": lambda self, **keywords: array.__dlpack__(**keywords)}) for _ in range(2000)]
for kind in kinds:
    ext.describe(kind())
for _ in range(3):
    try:
        ext.describe(torch.eye(2).to_sparse())
    except BufferError as error:
        print(len(error.__notes__))
"""
    assert process.run(script).split() == ["1", "1", "1"]


@pytest.mark.skipif(builds.FREE_THREADED, reason="CPython 3.13 without the global lock does not end after such hooks for its allocator")
def test_no_memory_for_a_message():
    pytest.importorskip("_testcapi")
    script = """
        import _testcapi

        t = ext.sloppy()
        calls = [
            lambda: int(t),
            lambda: t.__index__(),
            lambda: 1 in t,
            lambda: t.__reduce__(),
            lambda: t.__dlpack__(dl_device=(2, 0)),
            lambda: t.__dlpack__(copy=False, dl_device=(2, 0)),
        ]
        for call in calls:
            raised = set()
            for start in range(40):
                try:
                    _testcapi.set_nomemory(start, start + 1)
                    try:
                        call()
                    finally:
                        _testcapi.remove_mem_hooks()
                except (MemoryError, BufferError, TypeError) as error:
                    raised.add(str(error) != "")
            assert raised == {True, False}, raised
        print("done")
        """
    assert process.run(script) == "done\n"
