"""What Rust asks producers for: which keywords, how often, and what it drops for old producers and what not."""

import enum
import os
import pathlib
import sys

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, native, producers, values
from kit.builds import FREE_THREADED
from kit.foreign import expected_once
from kit.peek import peek
from kit.process import run

SIX = values.sample_bytes("float32")
CURRENT = (1, 3)


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def test_a_current_producer_is_asked_once_and_for_the_version_alone():
    producer = producers.Producer(SIX)
    seen = ext.describe(producer)
    assert producer.calls == [{"max_version": CURRENT}]
    assert (seen["version"], seen["access"], seen["route"]) == (CURRENT, "writable", "protocol")
    assert producer.device_calls == 0
    expected_once(*producer.tensors)


def test_the_version_is_a_tuple_of_two_plain_integers():
    producer = producers.Producer(SIX)
    ext.describe(producer)
    [call] = producer.calls
    assert type(call["max_version"]) is tuple
    assert [type(part) for part in call["max_version"]] == [int, int]


@pytest.mark.parametrize("kind", [producers.Generation2022, producers.NoKeywords])
def test_an_old_producer_is_asked_again_with_fewer_keywords(kind):
    producer = kind(SIX)
    ext.describe(producer)
    assert producer.keywords[0] == ["max_version"]
    assert producer.keywords[-1] == []
    assert len(producer.calls) <= 3
    expected_once(*producer.tensors)
    # Whatever is remembered of a type, its objects go on being imported.
    for _ in range(3):
        again = kind(SIX)
        assert ext.to_bytes(again) == SIX
        assert again.keywords[-1] == []
        expected_once(*again.tensors)


def test_a_type_that_learns_the_keyword_later():
    class Learns(producers.Producer):
        modern = False

        def __dlpack__(self, **given):
            self.calls.append(given)
            if given and not type(self).modern:
                raise TypeError("unexpected keyword argument")
            return self.hand_out(versioned=bool(given))

    assert ext.describe(Learns(SIX))["version"] is None
    Learns.modern = True
    assert ext.to_bytes(Learns(SIX)) == SIX


def test_an_object_that_differs_from_others_of_its_type():
    class Either(producers.Producer):
        def __init__(self, old):
            super().__init__(SIX)
            self.old = old

        def __dlpack__(self, **given):
            self.calls.append(given)
            if given and self.old:
                raise TypeError("unexpected keyword argument")
            return self.hand_out(versioned="max_version" in given)

    for old in (True, False, True, False):
        producer = Either(old)
        assert ext.to_bytes(producer) == SIX
        expected_once(*producer.tensors)


@pytest.mark.parametrize("copy", [True, False])
def test_copy_is_passed_on(copy):
    producer = producers.Copies(SIX)
    seen = ext.describe(producer, copy=copy)
    assert producer.calls == [{"max_version": CURRENT, "copy": copy}]
    assert producer.calls[0]["copy"] is copy
    assert bool(seen["flags"] & abi.IS_COPIED) == copy
    expected_once(*producer.tensors)


def test_copy_is_not_passed_when_nobody_asked():
    producer = producers.Copies(SIX)
    ext.describe(producer, copy=None, device=None, stream=None)
    assert producer.calls == [{"max_version": CURRENT}]


def test_the_device_is_passed_on_as_two_plain_integers():
    producer = producers.Copies(SIX, device=(abi.CUDA, 0))
    seen = ext.describe(producer, device=(abi.CPU, 0))
    [call] = producer.calls
    assert call["dl_device"] == (1, 0)
    assert [type(part) for part in call["dl_device"]] == [int, int]
    assert seen["device"] == (1, 0)
    # A copy to main memory is finished when it arrives: no stream goes with the request.
    assert call.get("stream") is None
    expected_once(*producer.tensors)


def test_a_device_that_the_producer_refuses():
    producer = producers.Copies(SIX)
    with pytest.raises(BufferError, match="expected this device"):
        ext.describe(producer, device=(abi.CUDA, 0))
    assert len(producer.calls) == 1


class WithoutRequests(producers.Producer):
    """Knows `stream` and `max_version`, as PyTorch did for a while."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        if set(given) - {"stream", "max_version"}:
            raise TypeError("__dlpack__() got an unexpected keyword argument")
        return self.hand_out(versioned="max_version" in given)


OLD = [WithoutRequests, producers.Generation2022, producers.NoKeywords]


@pytest.mark.parametrize("kind", OLD)
@pytest.mark.parametrize("device", [{}, {"device": (abi.CPU, 0)}])
def test_an_old_producer_need_not_know_that_a_copy_is_wanted(kind, device):
    producer = kind(SIX)
    held = ext.hold(producer, copy=True, **device)
    [tensor] = producer.tensors
    expected_once(tensor)
    seen = held.describe()
    assert seen["data"] != tensor.start
    assert (seen["flags"], seen["access"], seen["device"]) == (abi.IS_COPIED, "writable", (abi.CPU, 0))
    assert held.to_bytes() == SIX
    assert len(producer.calls) <= 3


@pytest.mark.parametrize("kind", OLD)
@pytest.mark.parametrize("asked", [{"copy": False}, {"device": (abi.CPU, 0)}, {"copy": False, "device": (abi.CPU, 0)}])
def test_an_old_producer_of_the_memory_that_is_wanted(kind, asked):
    producer = kind(SIX)
    seen = ext.describe(producer, **asked)
    [tensor] = producer.tensors
    assert (seen["data"], seen["device"]) == (tensor.start, (abi.CPU, 0))
    # In the newest version that it knows.
    assert (seen["version"] is not None) == (kind is WithoutRequests)
    expected_once(tensor)


def test_an_old_producer_without_the_device_method():
    class Bare:
        def __init__(self):
            self.producer = producers.Generation2022(SIX)

        def __dlpack__(self, stream=None):
            return self.producer.__dlpack__()

    bare = Bare()
    assert ext.describe(bare, device=(abi.CPU, 0))["device"] == (abi.CPU, 0)
    assert ext.describe(bare, copy=True)["flags"] == abi.IS_COPIED
    with pytest.raises(BufferError, match="expected a tensor on device cuda:0, found one on cpu"):
        ext.describe(bare, device=(abi.CUDA, 0))
    expected_once(*bare.producer.tensors)


@pytest.mark.parametrize("kind", OLD)
@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ((abi.CPU, 0), {"device": (abi.CUDA, 0)}),
        ((abi.CUDA, 0), {"device": (abi.CPU, 0)}),
        ((abi.CUDA, 0), {"device": (abi.CUDA, 1)}),
        ((abi.CUDA, 0), {"copy": True}),
        # Nobody would wait for the device.
        ((abi.CUDA_HOST, 0), {"device": (abi.CPU, 0)}),
        ((abi.CUDA_HOST, 0), {"copy": True}),
    ],
)
def test_what_only_the_producer_can_do_is_not_dropped(kind, own, asked):
    producer = kind(SIX, device=own)
    with pytest.raises(TypeError, match="expected a __dlpack__ that takes (dl_device|copy), found that of") as caught:
        ext.describe(producer, **asked)
    assert "keyword" in str(caught.value.__cause__)
    assert caught.value.__cause__.__traceback__ is not None
    assert producer.tensors == []


def test_a_stream_is_never_dropped():
    producer = producers.NoKeywords(SIX, device=(abi.CUDA, 0), address=0x1000)
    with pytest.raises(TypeError, match="expected a __dlpack__ that takes stream"):
        ext.describe(producer, stream=7)
    with pytest.raises(TypeError, match="expected a __dlpack__ that takes stream and copy"):
        ext.describe(producer, stream=7, copy=False)
    assert producer.tensors == []


class Count(TypeError):
    """How libraries refuse what has nothing to do with keywords: `ArrowTypeError`, `ConcretizationTypeError`."""


@pytest.mark.parametrize("asked", [{}, {"copy": False}, {"copy": True}, {"device": (abi.CPU, 0)}])
def test_a_refusal_by_a_class_of_its_own_is_final(asked):
    error = Count("never")
    producer = producers.Raises(error, data=SIX)
    with pytest.raises(Count) as caught:
        ext.describe(producer, **asked)
    assert caught.value is error
    assert len(producer.calls) == 1
    # Nor is anything asked after a second answer of that kind.
    producer = producers.Raises(TypeError("a keyword"), error, data=SIX)
    with pytest.raises(Count) as caught:
        ext.describe(producer, **asked)
    assert caught.value is error
    assert len(producer.calls) == 2


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        ("max_version", {"copy": False}),
        ("max_version", {"copy": True}),
        ("max_version", {"device": (abi.CUDA, 1)}),
        ("copy", {"copy": False}),
        ("copy", {"copy": True}),
        ("dl_device", {"device": (abi.CPU, 0)}),
    ],
)
def test_another_error_at_a_later_question_is_the_producers_own(refused, asked):
    class Later(producers.Producer):
        def __dlpack__(self, **given):
            self.calls.append(given)
            if refused in given:
                raise TypeError("__dlpack__() got an unexpected keyword argument")
            raise OSError("of a later question")

    producer = Later(SIX)
    with pytest.raises(OSError, match="^of a later question$"):
        ext.describe(producer, **asked)
    # The error ends it.
    assert [refused in call for call in producer.calls].count(False) == 1


def test_a_conflict_about_copying_is_both_errors():
    # The array API standard says BufferError in one paragraph and ValueError in another.
    producer = producers.Copies(SIX, device=(abi.CUDA, 0))
    with pytest.raises(BufferError):
        ext.describe(producer, device=(abi.CPU, 0), copy=False)
    expected_once(*producer.tensors)


def test_a_copy_although_none_was_wanted():
    class Copier(producers.Producer):
        def __dlpack__(self, **given):
            self.calls.append(given)
            return self.hand_out(versioned=True, flags=abi.IS_COPIED)

    producer = Copier(SIX)
    with pytest.raises((BufferError, ValueError), match="copy|copied"):
        ext.describe(producer, copy=False)
    expected_once(*producer.tensors)


def test_a_copy_without_its_flag_is_believed():
    # PyTorch copies when asked and sets no flag.
    producer = producers.Producer(SIX)
    seen = ext.describe(producer, copy=True)
    assert seen["flags"] == 0
    expected_once(*producer.tensors)


@pytest.mark.parametrize("device", [None, (abi.CPU, 0)])
def test_a_copy_in_the_legacy_abi_is_copied_here(device):
    # Nothing says that it is a copy, nor that it may be written, and some producers accept all keywords and look at none.
    class Deaf(producers.IgnoresVersion):
        def __dlpack__(self, **given):
            return self.hand_out(versioned=False)

    class Older(producers.Producer):
        """Knows `copy`, and no version."""

        def __dlpack__(self, **given):
            if "max_version" in given:
                raise TypeError("__dlpack__() got an unexpected keyword argument")
            return self.hand_out(versioned=False)

    for kind in (Deaf, Older):
        producer = kind(SIX)
        seen = ext.describe(producer, copy=True, device=device)
        [tensor] = producer.tensors
        assert (seen["flags"], seen["access"]) == (abi.IS_COPIED, "writable")
        assert seen["data"] != tensor.start
        expected_once(tensor)
        assert ext.describe(kind(SIX), device=device)["access"] == "unknown"
        elsewhere = kind(SIX, device=(abi.CUDA, 0), address=0x1000)
        assert ext.describe(elsewhere, copy=True)["data"] == 0x1000
        expected_once(*elsewhere.tensors)


def test_another_device_than_was_asked_for():
    producer = producers.Producer(SIX, device=(abi.CUDA, 0), address=0x1000)
    with pytest.raises(BufferError, match="device"):
        ext.describe(producer, device=(abi.CPU, 0))
    expected_once(*producer.tensors)


def test_managed_memory_for_a_request_of_main_memory():
    class Managed(producers.Producer):
        def __dlpack__(self, **given):
            self.calls.append(given)
            return self.hand_out(versioned=True, device=(abi.CUDA_MANAGED, 0))

    producer = Managed(SIX)
    try:
        seen = ext.describe(producer, device=(abi.CPU, 0))
    except BufferError:
        pass
    else:
        assert seen["device"] == (abi.CUDA_MANAGED, 0)
    expected_once(*producer.tensors)


@pytest.mark.parametrize("stream", [-1, 1, 2, 0x7000])
def test_streams_are_passed_on(stream):
    producer = producers.Producer(SIX, device=(abi.CUDA, 0), address=0x1000)
    ext.describe(producer, stream=stream)
    [call] = producer.calls
    assert call["stream"] == stream
    assert type(call["stream"]) is int
    expected_once(*producer.tensors)


def test_a_stream_that_rust_names():
    producer = producers.Producer(SIX, device=(abi.CUDA, 0), address=0x1000)
    ext.unsynchronized(producer)
    assert [call["stream"] for call in producer.calls] == [-1]
    expected_once(*producer.tensors)


@pytest.mark.parametrize(
    ("device", "stream"),
    [((abi.CUDA, 0), 0), ((abi.CUDA, 0), -2), ((abi.ROCM, 0), 1), ((abi.ROCM, 0), 2), ((abi.CPU, 0), 1)],
)
def test_streams_that_make_no_sense_on_the_device(device, stream):
    producer = producers.Producer(SIX, device=device, address=0x1000)
    with pytest.raises(ValueError, match="stream"):
        ext.describe(producer, stream=stream)
    assert producer.tensors == []


@pytest.mark.parametrize("stream", [True, 1.0, "1", object()])
def test_streams_of_other_types(stream):
    producer = producers.Producer(SIX, device=(abi.CUDA, 0), address=0x1000)
    with pytest.raises(TypeError):
        ext.describe(producer, stream=stream)
    assert producer.tensors == []


class Kind(enum.IntEnum):
    CPU = 1
    CUDA = 2


@pytest.mark.parametrize("answer", [(1, 0), (1, None), (Kind.CPU, 0), (Kind.CPU, None)])
def test_ways_to_name_the_device(answer):
    producer = producers.Producer(SIX, device=(1, 0))
    producer.device = answer
    assert ext.to_bytes(producer) == SIX
    assert ext.describe(producer, stream=-1)["device"] == (1, 0)
    assert ext.describe(producer, device=(1, 0))["device"] == (1, 0)
    expected_once(*producer.tensors)


@pytest.mark.parametrize("answer", [None, 7, (), ("cpu", 0)])
def test_devices_that_are_none(answer):
    # The tensor says where it is: what the method says matters only where it is asked.
    producer = producers.Producer(SIX)
    producer.device = answer
    assert ext.to_bytes(producer) == SIX
    try:
        ext.describe(producer, stream=-1)
    except (TypeError, ValueError, BufferError):
        pass
    expected_once(*producer.tensors)


def test_an_error_of_a_number_of_the_device_is_its_own():
    class Raises:
        # As a member of an `Enum` has one, which is for those that are no number.
        value = 0

        def __index__(self):
            raise OSError("of the number")

    producer = producers.Producer(SIX)
    for answer in ((Raises(), 0), (1, Raises())):
        producer.device = answer
        with pytest.raises(OSError, match="^of the number$"):
            ext.describe(producer, stream=-1)
    assert not producer.tensors


def test_an_object_without_the_device_method():
    class Bare:
        def __init__(self):
            self.producer = producers.Producer(SIX)

        def __dlpack__(self, **given):
            return self.producer.__dlpack__(**given)

    bare = Bare()
    assert ext.to_bytes(bare) == SIX
    expected_once(*bare.producer.tensors)


def test_device_memory_is_handed_on_in_order():
    producer = producers.Producer(device=(abi.CUDA, 0), address=0x1000)
    tensor = ext.hold(producer, stream=7).export(ready=7)
    assert [call["stream"] for call in producer.calls] == [7]
    assert peek(tensor, stream=7)["data"] == 0x1000
    assert peek(tensor, stream=-1)["device"] == (abi.CUDA, 0)
    # Nobody here can have another stream wait.
    with pytest.raises(BufferError, match="streams"):
        tensor.__dlpack__(max_version=(1, 3), stream=1)
    assert producer.deletes == [0]
    del tensor
    expected_once(*producer.tensors)


@pytest.mark.parametrize("stream", [-1, None])
def test_devices_without_streams_in_the_protocol_are_asked_for_none(stream):
    """Those of oneAPI, for example, whose libraries refuse every number."""

    class Queues(producers.Producer):
        def __dlpack__(self, *, max_version=None, dl_device=None, copy=None, stream=None):
            self.calls.append({"stream": stream})
            if stream is not None:
                raise TypeError("expected a queue")
            return self.hand_out(versioned=True)

    for device in [(14, 0), (7, 0), (8, 0)]:
        producer = Queues(SIX, device=device, address=0x1000)
        assert ext.describe(producer, stream=stream)["device"] == device
        assert producer.calls == [{"stream": None}]
        expected_once(*producer.tensors)


def test_the_cpu_is_not_told_that_nobody_waits():
    """NumPy and JAX refuse the word, whatever it says."""
    producer = producers.Producer(SIX)
    assert ext.describe(producer, stream=-1)["numel"] == 6
    assert producer.calls == [{"max_version": CURRENT}]
    expected_once(*producer.tensors)


def test_a_capsule_cannot_be_told_a_stream():
    tensor = producers.Foreign(SIX, device=(abi.CUDA, 0))
    capsule = tensor.capsule()
    with pytest.raises(ValueError, match="expected a producer to tell the stream 5, found a capsule"):
        ext.describe(capsule, device=(abi.CUDA, 0), stream=5)
    # It has not been taken, and can be had without.
    assert tensor.deletes == 0
    assert ext.describe(capsule, device=(abi.CUDA, 0))["device"] == (abi.CUDA, 0)
    expected_once(tensor)


def test_a_buffer_has_no_stream_of_another_device():
    with pytest.raises(ValueError, match="expected a stream of device cpu"):
        ext.describe(b"text", device=(abi.CUDA, 0), stream=5)


@pytest.mark.parametrize(
    ("device", "asked", "is_exclusive"),
    [
        # Code of Python may have it, too.
        ((abi.CPU, 0), {}, False),
        ((abi.CPU, 0), {"copy": True}, False),
        ((abi.CUDA_HOST, 0), {}, False),
        ((abi.CUDA_HOST, 0), {"device": (abi.CPU, 0)}, False),
        ((abi.ROCM_HOST, 0), {"stream": -1}, False),
        # No safe code reaches such memory.
        ((abi.CUDA, 0), {}, True),
    ],
)
def test_a_copy_of_another_library_is_exclusive_where_no_safe_code_reaches_it(device, asked, is_exclusive):
    producer = producers.Producer(flags=abi.IS_COPIED, device=device)
    assert ext.hold(producer, **asked).is_exclusive() == is_exclusive


@pytest.mark.library("numpy")
def test_a_copy_of_numpy_is_exclusive_if_no_code_of_python_can_have_it():
    """A class that is derived from NumPy's sees each copy, and the garbage collector knows it."""
    import numpy as np

    seen = []

    class Derived(np.ndarray):
        def __array_finalize__(self, original):
            seen.append(self)

    class Passing:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **given):
            return self.array.__dlpack__(**given)

    array = np.arange(6.0)
    derived = array.view(Derived)
    for source, is_exclusive in [(array, not FREE_THREADED), (ext.make(SIX, "float32", (6,)), True), (derived, False), (Passing(derived), False)]:
        seen.clear()
        held = ext.hold(source, copy=True)
        assert bool(seen) == (source is not array and not is_exclusive)
        assert held.is_exclusive() == is_exclusive
    for source in (array, derived):
        held = ext.hold(source.__dlpack__(max_version=(1, 3), copy=True))
        assert held.describe()["flags"] == abi.IS_COPIED
        assert not held.is_exclusive()
    tensor = ext.make(SIX, "float32", (6,))
    assert ext.hold(tensor.__dlpack__(max_version=(1, 3), copy=True)).is_exclusive()


@pytest.mark.skipif(sys.platform != "linux" or "LD_PRELOAD" in os.environ, reason="preloads a `malloc` of its own")
def test_a_copy_that_its_device_has_not_written_where_there_is_no_memory():
    """An extension learns what its own tensors are by making some, for which there may be no memory."""
    shim = native.build("failing_malloc.c")
    script = f"""
        import ctypes
        from kit import abi, producers

        shim = ctypes.CDLL({shim!r})
        producer = producers.Producer(flags=abi.IS_COPIED, device=(abi.CUDA_HOST, 0))

        def flags(calls):
            # The description, which the tests' extension makes, ends the process where there is no memory.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            shim.fail_malloc_after(ctypes.c_long(calls))
            try:
                found = ext.describe_managed(producer)["flags"]
            except MemoryError:
                found = 255
            shim.fail_malloc_after(ctypes.c_long(-1))
            os._exit(found)

        # What is known of a class stays in memory.
        ext.describe(producer)
        found = []
        for calls in range(40):
            child = os.fork()
            if not child:
                flags(calls)
            found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(set(found) - {{-6}} == {{0, 255}}, found[-1])
    """
    folder = pathlib.Path(__file__).parent
    assert run(script, folder=folder, LD_PRELOAD=shim) == "True 0\n"
