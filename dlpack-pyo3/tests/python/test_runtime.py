"""Imports for a device's runtime: who is asked for which stream, and who waits for whom."""

from concurrent.futures import ThreadPoolExecutor

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, exchange, native, producers, values
from kit.foreign import Foreign
from kit.peek import peek

SIX = values.sample_bytes("float32")
CUDA = (abi.CUDA, 1)


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def on_device(**fields):
    return Foreign(SIX, device=CUDA, address=0x7000, **fields)


def carrier(table, make=on_device):
    return exchange.type_for(table)(make)


def test_a_producer_without_a_table_is_told_the_stream():
    producer = producers.Producer(SIX, device=CUDA, address=0x7000)
    seen, notes = ext.ordered(producer, 77)
    assert seen["route"] == "protocol"
    assert notes == [(CUDA, None)]
    assert producer.calls == [{"max_version": (1, 3), "stream": 77}]
    assert producer.deletes == [1]


def test_a_table_names_its_own_stream_and_the_runtime_waits():
    def stream(kind, number, out):
        assert (kind, number) == CUDA
        out[0] = 0x5000
        return 0

    table = exchange.Table(current_work_stream=stream)
    thing = carrier(table)
    seen, notes = ext.ordered(thing, 77)
    assert (seen["route"], seen["device"], seen["data"]) == ("exchange", CUDA, 0x7000)
    assert notes == [(CUDA, None), (CUDA, (77, 0x5000))]
    assert thing.asked == []
    assert [made.deletes for made in table.given] == [1]


@pytest.mark.parametrize("make", [lambda: carrier(exchange.Table()), lambda: producers.Producer(SIX, device=CUDA, address=0x7000)])
def test_what_is_passed_on_is_ready_on_the_stream_of_the_runtime(make):
    tensor = ext.ordered_tensor(make(), 77)
    assert peek(tensor, stream=77)["data"] == 0x7000
    for stream in (None, 1, 78):
        with pytest.raises(BufferError, match="serves streams of device cuda:1"):
            tensor.__dlpack__(stream=stream)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_per_thread_stream_is_that_of_the_thread_that_imports(elsewhere):
    """Also where the object is made on another thread, which has ended."""
    tensor = ext.ordered_tensor(producers.Producer(SIX, device=CUDA, address=0x7000), 2, elsewhere=elsewhere)
    assert peek(tensor, stream=2)["data"] == 0x7000
    with ThreadPoolExecutor(1) as other, pytest.raises(BufferError, match="serves streams of device cuda:1"):
        other.submit(tensor.__dlpack__, stream=2).result()


def saying(device):
    says = {"__dlpack_device__": lambda self: device} if device else {}
    return type("Saying", (), {"__dlpack__": lambda self, **_: on_device().capsule(), **says})()


@pytest.mark.parametrize("take", [ext.ordered, ext.ordered_tensor])
@pytest.mark.parametrize("device", [None, (abi.CPU, 0), (abi.CUDA, 0), (abi.ROCM, 1)])
def test_a_producer_that_says_another_device_is_told_no_stream_of_the_tensors(take, device):
    with pytest.raises(BufferError, match="expected a producer that says its device.* found a tensor on cuda:1"):
        take(saying(device), 77)
    with pytest.raises(BufferError, match="expected a producer that says its device.* found a tensor on cuda:1"):
        take(on_device().capsule(), 77)


def test_main_memory_is_in_order_wherever_its_producer_says_that_it_is():
    thing = type("Saying", (), {"__dlpack__": lambda self, **_: Foreign(SIX).capsule(), "__dlpack_device__": lambda self: CUDA})()
    assert ext.ordered(thing, 77)[0]["device"] == (abi.CPU, 0)
    assert ext.ordered(Foreign(SIX).capsule(), 77)[0]["route"] == "capsule"


def like_torch(device, asked):
    """Returns members of a class for which no stream means that nobody waits, as for PyTorch and Paddle."""

    def answer(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
        asked.append((stream, dl_device))
        return Foreign(SIX, device=device, address=0x7000).capsule()

    return {"__dlpack__": answer, "__dlpack_device__": lambda self: device}


DEFAULT = {(abi.CUDA, 1): 1, (abi.ROCM, 0): 0, (abi.CUDA_HOST, 0): -1, (abi.ONE_API, 0): -1}


def has_streams(device):
    """The default stream has a number there."""
    return DEFAULT[device] != -1


def check_default(thing, device, asked):
    """The object is asked for its tensor, and once more for the sake of a default stream."""
    for take in (ext.hold, ext.describe, ext.borrow):
        asked.clear()
        take(thing)
        assert asked == [(-1, None), (DEFAULT[device], None)][: 1 + has_streams(device)]


@pytest.mark.library("torch")
@pytest.mark.parametrize("device", DEFAULT)
def test_torch_is_told_the_default_stream(device):
    import torch

    asked = []
    thing = torch.arange(6.0).as_subclass(type("Like", (torch.Tensor,), like_torch(device, asked)))
    check_default(thing, device, asked)
    asked.clear()
    ext.describe(thing, stream=-1)
    assert asked == [(-1, None)]
    ext.describe(thing, device=device)
    assert asked[-1][0] == DEFAULT[device]
    # A stream of one device means nothing on another one.
    asked.clear()
    with pytest.raises(BufferError, match="expected a tensor on (device )?metal:0"):
        ext.describe(thing, device=(abi.METAL, 0))
    assert asked == [(-1, (abi.METAL, 0))][has_streams(device) :]


def like_library(name, members):
    """An object of a class that is PyTorch's or Paddle's, and of the latter with a table or without, as before version 3.3."""
    if name == "torch":
        import torch

        return torch.arange(6.0).as_subclass(type("Like", (torch.Tensor,), members))
    if name == "paddle with a table":
        return exchange.paddle_for(exchange.Table(), **members)(lambda: Foreign(SIX, device=CUDA, address=0x7000))
    return type("Like", (), {**exchange.LIKE_PADDLE, **members})()


LIBRARIES = [pytest.param("torch", marks=pytest.mark.library("torch")), "paddle with a table", "paddle"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("device", [(abi.CUDA, 1), (abi.ROCM, 0)])
def test_the_stream_waits_for_what_a_library_copies(device, library):
    """PyTorch and Paddle have the stream wait for what is queued when they are asked, and queue the copy afterwards."""
    queue, seen, asked = [], {}, []

    def answer(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
        asked.append(stream)
        if stream != -1:
            seen[stream] = len(queue)
        if copy:
            queue.append("copy")
        return Foreign(SIX, device=device, address=0x7000).capsule()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: device})
    for given in [{"copy": True}, {"copy": True, "device": device}]:
        for stream in ({}, {"stream": 77}):
            queue.clear()
            seen.clear()
            assert ext.describe(thing, **given, **stream)["device"] == given.get("device", device)
            assert (queue, seen) == (["copy"], {stream.get("stream", DEFAULT[device]): 1})
    # It is asked once for whoever synchronizes by other means, and for whoever names a stream and gets what is there.
    for given in [{"copy": True, "stream": -1}, {"device": device, "stream": -1}, {"stream": 77}]:
        asked.clear()
        ext.describe(thing, **given)
        assert asked == [given["stream"]]


HOST, PINNED, ROCM, OTHER, ONE_API = (abi.CPU, 0), (abi.CUDA_HOST, 0), (abi.ROCM, 0), (abi.CUDA, 0), (abi.ONE_API, 0)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("copy", [None, True])
@pytest.mark.parametrize("stream", [None, 77])
@pytest.mark.parametrize(
    ("home", "to", "is_waited_for"),
    [
        # The last step of these may be queued on either device.
        (HOST, CUDA, False),
        (HOST, ROCM, False),
        (PINNED, CUDA, False),
        (OTHER, CUDA, False),
        (CUDA, PINNED, False),
        # The processor copies. Of other devices, nobody names the queues.
        (HOST, PINNED, True),
        (HOST, ONE_API, True),
        # Whoever is asked for main memory waits.
        (CUDA, HOST, True),
        (PINNED, HOST, True),
    ],
)
def test_what_a_library_copies_from_another_device(home, to, is_waited_for, stream, copy, library):
    asked = []

    def answer(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
        asked.append((stream, dl_device, copy))
        return Foreign(SIX, device=dl_device).capsule()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: home})
    if not is_waited_for:
        with pytest.raises(BufferError, match="expected a tensor on .*, since its library does not wait for a copy from another device"):
            ext.describe(thing, device=to, copy=copy, stream=stream)
        assert asked == []
        # Whoever says so waits by other means.
        stream = -1
    elif to != PINNED:
        stream = None
    assert ext.describe(thing, device=to, copy=copy, stream=stream)["device"] == to
    assert asked == [(stream or -1, to, copy)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("copy", [None, True])
def test_a_copy_from_main_memory_for_whoever_waits_by_other_means(copy, library):
    """PyTorch is told so. Paddle takes no stream at all for a tensor in main memory."""
    asked = []

    def answer(self, *, dl_device, copy=None, max_version=None, **stream):
        asked.append(stream)
        return Foreign(SIX, device=dl_device, address=0x7000).capsule()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: (abi.CPU, 0)})
    assert ext.describe(thing, device=CUDA, copy=copy, stream=-1)["device"] == CUDA
    assert asked == [{"stream": -1} if library == "torch" else {}]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("copy", [None, True])
def test_a_tensor_that_is_in_main_memory_when_it_is_asked_once_more(copy, library):
    """A thread has moved it meanwhile. No stream of a device can be told to it."""

    def answer(self, **given):
        self.home = (abi.CPU, 0)
        return Foreign(SIX, device=CUDA, address=0x7000).capsule()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: self.home})
    thing.home = CUDA
    with pytest.raises(ValueError, match="expected a stream of device cpu"):
        ext.hold(thing, device=CUDA, copy=copy)


@pytest.mark.parametrize("library", ["paddle with a table", "paddle", "derived", "changed", "unseen"])
@pytest.mark.parametrize("device", DEFAULT)
def test_paddle_is_told_the_default_stream(device, library):
    asked = []
    members = like_torch(device, asked)
    thing = like_library("paddle with a table" if library != "paddle" else library, members)

    class Hiding(type):
        def __getattribute__(cls, name):
            if name == "__dlpack_c_exchange_api__":
                raise ValueError("nothing to see")
            return super().__getattribute__(name)

    base = type(thing)
    classes = {
        "derived": lambda: type("Derived", (base,), {"__dlpack__": lambda self, **given: base.__dlpack__(self, **given)}),
        "changed": lambda: type("Changed", (base,), {"__dlpack_c_exchange_api__": None}),
        "unseen": lambda: Hiding("Unseen", (base,), {}),
    }
    if library in classes:
        thing = classes[library]()(lambda: Foreign(SIX, device=device, address=0x7000))
    check_default(thing, device, asked)


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
@pytest.mark.parametrize("step", ["__dlpack_device__", "__dlpack_c_exchange_api__"])
def test_want_of_memory_or_stack_says_nothing_about_streams(step, error):
    """An exception for it is passed on, and forgotten by nobody, as those are that say something about the object."""
    asked, left = [], [error("mine")]

    def fail(name):
        if name == step and left:
            raise left.pop()

    class Failing(type):
        def __getattribute__(cls, name):
            fail(name)
            return super().__getattribute__(name)

    members = {**exchange.LIKE_PADDLE, **like_torch(CUDA, asked)}

    def device(self):
        fail("__dlpack_device__")
        return CUDA

    table = exchange.Table()
    members = {**members, "__dlpack_device__": device, "__dlpack_c_exchange_api__": table.capsule()}
    like = Failing("Like", (ext.PaddleBase,), {**members, "table": table, "source": lambda self: Foreign(SIX, device=CUDA, address=0x7000)})()
    with pytest.raises(error, match="mine"):
        ext.hold(like)
    asked.clear()
    ext.hold(like)
    assert asked == [(-1, None), (DEFAULT[CUDA], None)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("copy", [None, True])
@pytest.mark.parametrize("said", [TimeoutError("from a signal handler"), (abi.CPU, 0)], ids=["raised", "another device"])
def test_a_tensor_whose_device_is_not_known_is_in_no_order(said, copy, library):
    """Nobody can name the default stream then."""
    asked, left = [], []

    def device(self):
        found = left.pop() if left else CUDA
        if isinstance(found, Exception):
            raise found
        return found

    like = like_library(library, {**like_torch(CUDA, asked), "__dlpack_device__": device})
    for number in range(4):
        asked.clear()
        left[:] = [said, *[CUDA] * number]
        try:
            ext.hold(like, copy=copy)
        except (TimeoutError, ValueError) as error:
            assert error is said or "expected a stream of device cpu" in str(error), error
        else:
            assert asked[-1][0] == DEFAULT[CUDA]
            assert number > 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_tensor_that_has_left_its_device_is_in_no_order(library):
    """The original, for whose sake the stream waits, is elsewhere by then."""
    asked = []

    def answer(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
        asked.append(stream)
        return Foreign(SIX, device=CUDA if stream == -1 else (abi.CUDA, 3), address=0x7000).capsule()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: CUDA})
    with pytest.raises(BufferError, match="expected a tensor on device cuda:1, found one on cuda:3"):
        ext.hold(thing)
    assert asked == [-1, DEFAULT[CUDA]]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("error", [BufferError, KeyboardInterrupt])
def test_an_exception_where_a_library_is_asked_for_the_sake_of_a_stream(error, library):
    producer = producers.Producer(SIX, device=CUDA, address=0x7000)

    def answer(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
        if stream != -1:
            raise error("mine")
        return producer.__dlpack__()

    thing = like_library(library, {"__dlpack__": answer, "__dlpack_device__": lambda self: CUDA})
    with pytest.raises(error, match="mine"):
        ext.hold(thing)
    assert producer.deletes == [1]


@pytest.mark.library("torch")
def test_torch_is_told_no_stream_where_it_is_asked_for_main_memory():
    import torch

    asked = []
    members = like_torch(CUDA, asked)
    answer = members.pop("__dlpack__")

    def in_main_memory(self, **given):
        answer(self, **given)
        return Foreign(SIX).capsule()

    thing = torch.arange(6.0).as_subclass(type("Like", (torch.Tensor,), {**members, "__dlpack__": in_main_memory}))
    ext.describe(thing, device=(abi.CPU, 0))
    assert set(asked) == {(-1, (abi.CPU, 0))}


def test_a_null_stream_is_the_default_one():
    table = exchange.Table()
    _, notes = ext.ordered(carrier(table), 77)
    assert notes[-1] == (CUDA, (77, 1))


@pytest.mark.parametrize("device", [CUDA, (abi.CUDA_HOST, 0), (abi.ROCM, 0)])
@pytest.mark.parametrize("take", [ext.ordered, ext.ordered_tensor])
def test_what_a_table_refuses_is_in_order_on_another_stream_than_that_of_the_table(device, take):
    """The table refuses what is not ready on its stream, which says nothing about another one."""
    tensor = ext.on_device(b"abc", device, 7)
    with pytest.raises(BufferError, match="serves streams of device"):
        take(tensor, 77)
    take(tensor, 7)


def test_a_producer_whose_table_refuses_is_told_the_stream():
    table = exchange.Table(managed_tensor_from_py_object_no_sync=native.FAIL_FROM_PYTHON)
    thing = exchange.type_for(table, __dlpack_device__=lambda self: CUDA)(on_device)
    _, notes = ext.ordered(thing, 77)
    assert notes == [(CUDA, None)]
    assert thing.asked[-1] == {"max_version": (1, 3), "stream": 77}


def test_without_a_runtime_the_producer_is_asked_and_waits_itself():
    table = exchange.Table()
    thing = carrier(table)
    assert ext.describe(thing)["route"] == "protocol"
    assert thing.asked == [{"max_version": (1, 3)}]


@pytest.mark.parametrize("stream", [None, 0x6000])
def test_the_stream_is_that_of_the_table_that_has_given_the_tensor(stream):
    """The object becomes one of another class, which has no table, or one that names another stream, while it is imported."""
    tables = [exchange.Table(current_work_stream=named(number)) for number in (0x5000, stream or 0)]
    other = exchange.type_for(tables[1]) if stream else type("Plain", (), {})

    def make():
        thing.__class__ = other
        return on_device()

    thing = carrier(tables[0], make)
    _, notes = ext.ordered(thing, 77)
    assert type(thing) is other
    assert notes == [(CUDA, None), (CUDA, (77, 0x5000))]


def named(number):
    def stream(kind, device, out):
        out[0] = number
        return 0

    return stream


def test_a_table_without_streams_names_none():
    table = exchange.Table(current_work_stream=None)
    _, notes = ext.ordered(carrier(table), 77)
    assert notes == [(CUDA, None), (CUDA, (77, None))]


def test_a_table_that_fails_to_name_its_stream():
    table = exchange.Table(current_work_stream=lambda *_: -1)
    with pytest.raises(BufferError, match="current_work_stream"):
        ext.ordered(carrier(table), 77)
    assert [made.deletes for made in table.given] == [1]
    # A function that says why.
    table = exchange.Table(current_work_stream=native.FAIL)
    with pytest.raises(BufferError, match=native.FAILURE):
        ext.ordered(carrier(table), 77)
    assert [made.deletes for made in table.given] == [1]


def test_a_runtime_that_fails_to_wait():
    table = exchange.Table()
    with pytest.raises(RuntimeError, match="no event"):
        ext.ordered(carrier(table), 77, fails=True)
    assert [made.deletes for made in table.given] == [1]


def test_main_memory_needs_no_order():
    table = exchange.Table()
    seen, notes = ext.ordered(carrier(table, lambda: Foreign(SIX)), 77)
    assert (seen["route"], notes) == ("exchange", [])
    seen, notes = ext.ordered(b"bytes", 77)
    assert (seen["route"], notes) == ("buffer", [((abi.CPU, 0), None)])
