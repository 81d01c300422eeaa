"""Capsules and `__dlpack__` gone wrong: who releases the tensor, how often, and what the caller is told."""

import ctypes
import functools
import gc
import threading

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules, native, producers, values
from kit.foreign import Foreign
from kit.peek import peek, peek_capsule

SIX = values.sample_bytes("float32")
CURRENT = {"max_version": (1, 3)}


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def chain(error):
    """The messages of an exception and of all that it was raised from."""
    messages = []
    while error is not None:
        messages.append(str(error))
        error = error.__cause__ or error.__context__
    return messages


@pytest.mark.parametrize(
    "keywords", [{}, {"max_version": None}, {"max_version": (0, 8)}, CURRENT, {"max_version": (7, 0)}]
)
def test_h119_the_name_says_what_is_inside(keywords):
    # A consumer believes the name, and nothing in the struct could tell: so the name has to be right.
    tensor = ext.make(SIX, "float32", (2, 3))
    seen = peek(tensor, **{"max_version": None, **keywords})
    legacy = not keywords.get("max_version") or keywords["max_version"][0] == 0
    assert seen["name"] == (capsules.LEGACY if legacy else capsules.VERSIONED)
    assert seen["version"] == (None if legacy else (1, 3))
    assert (seen["shape"], seen["strides"], seen["dtype"]) == ((2, 3), (3, 1), (2, 32, 1))
    assert seen["deleter"] and seen["context"]
    assert seen["bytes"] == SIX


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("holding", [True, False])
def test_h120_a_capsule_used_twice(versioned, holding):
    tensor = Foreign(SIX, versioned=versioned)
    capsule = tensor.capsule()
    first = ext.hold(capsule)
    assert capsules.name(capsule) == "used_" + tensor.standard_name
    if not holding:
        first.release()
    with pytest.raises((BufferError, ValueError), match="taken already"):
        ext.hold(capsule)
    assert tensor.deletes == (0 if holding else 1)
    assert capsules.name(capsule) == "used_" + tensor.standard_name
    first.release()
    del capsule
    gc.collect()
    assert tensor.deletes == 1


UNFIT = {
    "a copy of what the host cannot read": ({"device": (abi.CUDA, 0)}, {"copy": True}),
    "a copy of nothing": ({"address": None}, {"copy": True}),
    "another device": ({}, {"device": (abi.CUDA, 0)}),
    "a copy that was not wanted": ({"flags": abi.IS_COPIED}, {"copy": False}),
    "a tensor that makes no sense": ({"dtype": (2, 0, 1)}, {}),
}


@pytest.mark.parametrize("case", UNFIT)
def test_h123_a_deleter_in_python_finds_no_exception(case):
    fields, asked = UNFIT[case]
    tensor = Foreign(**fields)
    seen = []

    def end():
        # Any of this fails with an exception of somebody else's in the thread.
        seen.append(sum(int(number) for number in "123"))
        with pytest.raises(KeyError):
            {}["no such key"]
        seen.append("done")

    tensor.on_delete(end)
    with pytest.raises(BufferError, match="^expected"):
        ext.hold(tensor.capsule(), **asked)
    assert seen == [6, "done"]
    assert tensor.deletes == 1


@pytest.mark.parametrize("name", [capsules.LEGACY, "another", b"\xff".decode("latin1") * 1000])
def test_a_destructor_in_python_finds_no_exception(name):
    """Producers that are written in Python with `ctypes` have one, and answers are dropped as soon as they are refused."""
    seen = []

    @ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    def end(_):
        seen.append(sum(int(number) for number in "123"))

    class New:
        def __dlpack__(self, **_):
            tensor = Foreign(SIX, shape=(2, -3), strides=(3, 1), versioned=False)
            return capsules.new(tensor.address, name, ctypes.cast(end, ctypes.c_void_p).value)

    class Old(New):
        def __dlpack__(self, stream=None):
            return super().__dlpack__()

    for asked in (New(), Old()):
        with pytest.raises((BufferError, TypeError), match="^expected"):
            ext.hold(asked)
    assert seen == [6, 6]


def destructors():
    """A list, and a function that makes capsules. The destructor of each adds 6 to the list, if no exception is set."""
    seen, place = [], ctypes.create_string_buffer(8)

    @ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
    def end(_):
        seen.append(sum(int(number) for number in "123"))

    def make():
        return capsules.new(ctypes.addressof(place), "strange", ctypes.cast(end, ctypes.c_void_p).value)

    return seen, make


@pytest.mark.parametrize(
    "answer",
    [
        lambda make: make(),
        lambda make: (make(), 0),
        lambda make: [make(), 0],
        lambda make: First(make),
        lambda make: (make(), make(), make()),
        lambda make: (Member(make), 0),
    ],
)
def test_a_destructor_of_an_answer_finds_no_exception(answer):
    """What `__dlpack_device__` and `__cuda_stream__` answer is dropped as soon as it is refused."""
    seen, make = destructors()

    class Strange:
        device = staticmethod(lambda: answer(make))

        def __dlpack_device__(self):
            return self.device()

        def __cuda_stream__(self):
            return answer(make)

        def __dlpack__(self, stream=None):
            raise AssertionError("it is asked for its device first")

    with pytest.raises((TypeError, KeyError)):
        ext.hold(Strange(), stream=7)
    assert set(seen) == {6}
    seen.clear()
    strange = Strange()
    strange.device = lambda: (abi.CUDA, 0)
    with pytest.raises((TypeError, KeyError)):
        ext.hold(strange, stream=Strange())
    # What is no tuple is not read.
    assert set(seen) <= {6}


@pytest.mark.parametrize("asked", [{}, {"copy": True}])
def test_a_destructor_in_an_exception_finds_no_other(asked):
    """An exception that is handled while the producer is asked again, and that the second one has not kept."""
    seen, make = destructors()

    def first():
        # In a function of its own, so that no frame of the traceback has it.
        error = TypeError("first")
        error.capsule = make()
        return error

    class Twice:
        def __dlpack__(self, stream=None, **asked):
            if asked:
                raise first()
            try:
                raise KeyError("second")
            except KeyError as error:
                error.__context__ = None
                raise

    with pytest.raises(KeyError, match="second"):
        ext.hold(Twice(), **asked)
    assert set(seen) == {6}


def test_what_a_function_has_captured_finds_no_exception():
    """The function to which a tensor was to be lent is not called, and ends with what it has captured."""
    seen, make = destructors()

    class Refusing:
        def __dlpack__(self, **asked):
            raise KeyError("refused")

    ends = [make()]
    with pytest.raises(KeyError, match="refused"):
        ext.borrow(Refusing(), ends)
    assert (ends, seen) == ([], [6])


class Member:
    """A member of no enumeration, whose value is made when it is asked for."""

    def __init__(self, make):
        self.make = make

    @property
    def value(self):
        return self.make()


@pytest.mark.parametrize("keyword", ["max_version", "dl_device"])
def test_a_destructor_of_a_value_finds_no_exception(keyword):
    seen, make = destructors()
    tensor = ext.make(bytes(8), "uint8", (8,))
    with pytest.raises(TypeError):
        tensor.__dlpack__(**{keyword: (Member(make), 0)})
    assert seen == [6]


def test_a_destructor_of_a_method_finds_no_exception():
    """A method that is made when it is asked for, and that answers what is refused."""
    seen, make = destructors()

    class Strange:
        @property
        def method(self):
            return functools.partial(lambda _: 5, make())

        __cuda_stream__ = __dlpack_device__ = method

        def __dlpack__(self, stream=None):
            raise AssertionError("it is asked for its device first")

    with pytest.raises(TypeError):
        ext.hold(Strange(), stream=7)
    with pytest.raises(TypeError):
        ext.hold(OnDevice(), stream=Strange())
    assert seen == [6, 6]


@pytest.mark.library("numpy")
def test_a_destructor_of_a_mask_finds_no_exception():
    import numpy

    seen, make = destructors()

    class Mask:
        any = property(lambda self: functools.partial(int, "7", make()))

    class Strange(numpy.ma.MaskedArray):
        mask = property(lambda self: Mask())

    with pytest.raises(TypeError, match="PyCapsule"):
        ext.hold(numpy.ones(3).view(Strange))
    assert seen == [6]


class OnDevice:
    def __dlpack_device__(self):
        return abi.CUDA, 0

    def __dlpack__(self, stream=None):
        raise AssertionError("the stream is looked at first")


class First:
    """A sequence of two, of which the second is not to be had."""

    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.make() if index == 0 else {}["no such key"]


@pytest.mark.parametrize("keywords", [{}, CURRENT, {**CURRENT, "copy": True}])
def test_h121_a_capsule_dropped_unconsumed(keywords):
    gc.collect()
    live = ext.live()
    tensor = ext.make(SIX, "float32", (2, 3))
    capsule = tensor.__dlpack__(**keywords)
    del tensor
    gc.collect()
    assert peek_capsule(capsule)["bytes"] == SIX
    del capsule
    gc.collect()
    assert ext.live() == live


@pytest.mark.parametrize("keywords", [{}, CURRENT])
def test_h121_a_capsule_consumed_and_dropped(keywords):
    gc.collect()
    live = ext.live()
    capsule = ext.make(SIX, "float32", (2, 3)).__dlpack__(**keywords)
    held = ext.hold(capsule)
    del capsule
    gc.collect()
    assert ext.live() == live + 1
    assert held.to_bytes() == SIX
    held.release()
    assert ext.live() == live


@pytest.mark.parametrize("versioned", [True, False])
def test_h123_a_capsule_whose_import_fails(versioned):
    tensor = Foreign(SIX, shape=(2, -3), strides=(3, 1), versioned=versioned)
    capsule = tensor.capsule()
    with pytest.raises(BufferError, match="expected a size of at least 0 on axis 1, found -3"):
        ext.describe(capsule)
    assert capsules.name(capsule) == "used_" + tensor.standard_name
    assert tensor.deletes == 1
    with pytest.raises((BufferError, ValueError), match="taken already"):
        ext.describe(capsule)
    del capsule
    gc.collect()
    assert tensor.deletes == 1


def test_h124_threads_that_want_the_same_capsule():
    threads = 4
    for _ in range(50):
        tensor = Foreign(SIX)
        capsule = tensor.capsule()
        start = threading.Barrier(threads)
        won, lost = [], []

        def race(capsule=capsule, start=start, won=won, lost=lost):
            start.wait()
            try:
                won.append(ext.hold(capsule))
            except (BufferError, ValueError) as error:
                lost.append(str(error))

        workers = [threading.Thread(target=race) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert (len(won), len(lost)) == (1, threads - 1)
        assert tensor.deletes == 0
        assert won[0].to_bytes() == SIX
        won[0].release()
        assert tensor.deletes == 1


def test_h125_a_type_error_from_inside_a_producer():
    # Indistinguishable from an old producer: asked again, with less, and the answer is taken.
    producer = producers.Raises(TypeError("wrong element inside"), data=SIX)
    assert ext.to_bytes(producer) == SIX
    assert len(producer.calls) == 2
    assert producer.deletes == [1]


def test_h125_the_first_error_is_not_lost():
    producer = producers.Raises(*[TypeError(f"inside {attempt}") for attempt in range(9)])
    with pytest.raises(TypeError) as caught:
        ext.describe(producer)
    messages = "\n".join(chain(caught.value))
    assert "inside 0" in messages
    assert producer.deletes == []


def test_h125_another_error_on_the_second_attempt():
    producer = producers.Raises(TypeError("no such keyword"), BufferError("cannot be exported"))
    with pytest.raises(BufferError, match="cannot be exported") as caught:
        ext.describe(producer)
    assert "no such keyword" in "\n".join(chain(caught.value))


@pytest.mark.parametrize(
    "error", [BufferError("b"), ValueError("v"), RuntimeError("r"), KeyError("k"), KeyboardInterrupt("i")]
)
def test_errors_of_producers_pass_through(error):
    producer = producers.Raises(error)
    with pytest.raises(type(error)) as caught:
        ext.describe(producer)
    assert caught.value is error
    assert len(producer.calls) == 1


@pytest.mark.parametrize("kind", [producers.IgnoresVersion, producers.Generation2022, producers.NoKeywords])
def test_h126_producers_that_know_only_legacy_tensors(kind):
    producer = kind(SIX)
    held = ext.hold(producer)
    seen = held.describe()
    assert (seen["version"], seen["access"], seen["route"]) == (None, "unknown", "protocol")
    assert seen["data"] == producer.tensors[-1].start
    assert held.to_bytes() == SIX
    held.release()
    assert producer.deletes == [1]


def test_h126_a_versioned_tensor_whatever_was_asked():
    producer = producers.AlwaysVersioned(SIX, version=(1, 0))
    assert ext.describe(producer)["version"] == (1, 0)
    assert producer.deletes == [1]


NAMES = ["dltensor_versioned_2", "DLTENSOR", "", "dlpack_exchange_api", "arrow_array", None]


@pytest.mark.parametrize("name", NAMES)
def test_capsules_with_other_names(name):
    tensor = Foreign(SIX)
    capsule = tensor.capsule(name)
    for given in (capsule, producers.Gives(capsule)):
        with pytest.raises(TypeError, match="expected a capsule"):
            ext.describe(given)
    assert capsules.name(capsule) == name
    del capsule, given
    gc.collect()
    assert tensor.deletes == 0


@pytest.mark.parametrize("name", [capsules.USED_LEGACY, capsules.USED_VERSIONED])
def test_an_answer_that_was_used_already(name):
    tensor = Foreign(SIX)
    with pytest.raises((BufferError, ValueError), match="taken already"):
        ext.describe(producers.Gives(tensor.capsule(name)))
    gc.collect()
    assert tensor.deletes == 0


@pytest.mark.parametrize("answer", [None, 7, b"dltensor", (1, 2), object()])
def test_answers_that_are_no_capsules(answer):
    with pytest.raises(TypeError, match="expected a capsule"):
        ext.describe(producers.Gives(answer))


@pytest.mark.parametrize("thing", [None, 7, 1.5, "text", object(), {}, [1.0, 2.0], type, len])
def test_objects_that_are_no_tensors(thing):
    with pytest.raises(TypeError, match=type(thing).__name__):
        ext.describe(thing)


def test_a_class_is_not_its_objects():
    # The class has the methods, but they need an object.
    with pytest.raises(TypeError):
        ext.describe(producers.Producer)


def test_methods_are_found_on_the_object_as_python_finds_them():
    class Late:
        def __init__(self):
            self.__dlpack__ = producers.Producer(SIX).__dlpack__

        def __dlpack_device__(self):
            return (abi.CPU, 0)

    class Raises:
        @property
        def __dlpack__(self):
            raise RuntimeError("no access")

        def __dlpack_device__(self):
            return (abi.CPU, 0)

    with pytest.raises(RuntimeError, match="no access"):
        ext.describe(Raises())
    try:
        assert ext.to_bytes(Late()) == SIX
    except TypeError:
        pass  # Looking at the type alone is right, too: that is how Python finds special methods.


@pytest.mark.parametrize("copy", [None, False, True])
@pytest.mark.parametrize("dl_device", [None, (1, 0)])
def test_h129_copies_and_devices_that_are_served(copy, dl_device):
    tensor = ext.make(SIX, "float32", (2, 3))
    original = peek(tensor)["data"]
    capsule = tensor.__dlpack__(max_version=(1, 3), copy=copy, dl_device=dl_device)
    seen = peek_capsule(capsule)
    assert bool(seen["flags"] & abi.IS_COPIED) == (copy is True)
    assert (seen["data"] != original) == (copy is True)
    assert seen["bytes"] == SIX


@pytest.mark.parametrize(
    "keywords", [{"dl_device": (2, 0)}, {"dl_device": (2, 0), "copy": False}, {"dl_device": (8, 1), "copy": True}]
)
def test_h129_devices_that_are_not_served(keywords):
    tensor = ext.make(SIX, "float32", (2, 3))
    with pytest.raises(BufferError):
        tensor.__dlpack__(max_version=(1, 3), **keywords)


@pytest.mark.parametrize("stream", [1, 2, 0, -2, 7])
def test_h129_streams_that_make_no_sense(stream):
    tensor = ext.make(SIX, "float32", (2, 3))
    with pytest.raises(ValueError, match="stream"):
        tensor.__dlpack__(stream=stream)


def test_h129_read_only_data_asked_for_as_legacy_is_copied():
    tensor = ext.make(SIX, "float32", (2, 3), read_only=True)
    original = peek(tensor)
    assert original["flags"] == abi.READ_ONLY
    capsule = tensor.__dlpack__()
    seen = peek_capsule(capsule)
    assert seen["name"] == capsules.LEGACY
    assert seen["data"] != original["data"]
    assert seen["bytes"] == SIX
    with pytest.raises(BufferError):
        tensor.__dlpack__(copy=False)
