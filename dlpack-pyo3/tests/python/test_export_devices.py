"""Memory of devices that objects export: who waits for it, on which stream it is ready, and what moves meanwhile."""

import contextlib
import sys
import threading
import types

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi
from kit.peek import peek
from kit.producers import Producer

CPU, CUDA, ROCM = (abi.CPU, 0), (abi.CUDA, 0), (abi.ROCM, 0)
MANAGED, PINNED = (abi.CUDA_MANAGED, 0), (abi.CUDA_HOST, 0)

VALUES = [1.0, 2.0, 3.5]


def test_a_tensor_of_a_device_without_its_runtime():
    tensor = ext.on_device(b"abc", CUDA)
    assert tensor.__dlpack_device__() == CUDA
    # Whoever sees to the order.
    assert peek(tensor, stream=-1)["device"] == CUDA
    for stream in (None, 1, 7):
        with pytest.raises(BufferError, match="serves streams of device cuda:0.*Tensor::ready_on"):
            tensor.__dlpack__(stream=stream)
    with pytest.raises(BufferError, match="Tensor::ready_on"):
        ext.describe(tensor)
    for asked in ({"copy": True}, {"dl_device": CPU}):
        with pytest.raises(BufferError, match="copies to device|host can access"):
            tensor.__dlpack__(**asked)


@pytest.mark.parametrize("ready", [None, 1])
def test_pinned_memory_is_not_copied_before_its_device_is_done(ready):
    tensor = ext.on_device(b"abc", (abi.CUDA_HOST, 0), ready)
    for asked in ({}, {"max_version": (1, 0)}, {"stream": -1}):
        with pytest.raises(BufferError, match="serves streams of device cuda_host"):
            tensor.__dlpack__(dl_device=CPU, **asked)


def test_a_class_with_pinned_memory_that_cannot_wait_makes_no_copy():
    own = ext.OwnPinned()
    for asked in ({"dl_device": CPU}, {"dl_device": CPU, "max_version": (1, 0), "stream": -1}):
        with pytest.raises(BufferError, match="serves streams of device cuda_host"):
            own.__dlpack__(**asked)
    with pytest.raises(BufferError, match="copies to device cuda_host"):
        own.__dlpack__(copy=True)
    with pytest.raises(BufferError, match="host can access|serves streams"):
        np.asarray(own)
    # By default, a class says that such memory can be used on every stream.
    assert peek(own, stream=1)["device"] == (abi.CUDA_HOST, 0)


def test_a_producer_orders_the_streams_itself():
    foreign = [Producer(bytes(8), "uint8", (8,), device=CUDA) for _ in range(2)]
    relay = ext.relay([ext.hold(each) for each in foreign])
    assert peek(relay, stream=7)["device"] == CUDA


@pytest.mark.parametrize("device", [MANAGED, PINNED, (abi.ROCM_HOST, 0)])
def test_numpy_gets_no_memory_before_its_device_is_done(device):
    """NumPy takes such memory, and waits for no device."""
    foreign = Producer(bytes(range(8)), "uint8", (8,), device=device)
    arrays = np.asarray, np.array, lambda it: it.__array__()
    # The library, its arrays, and those of a derived class.
    likes = [lambda it, like=like: ext.like(it, like) for like in (np, np.zeros(1), np.ma.zeros(1), np.float32(1))]
    default = 0 if device[0] == abi.ROCM_HOST else 1
    for tensor in (ext.on_device(b"abc", device, default), ext.hold(foreign).hand_on()):
        for array in (*arrays, type(tensor).numpy, *likes):
            with pytest.raises(BufferError, match="serves streams of device|host can access"):
                array(tensor)
    # For the CPU, its producer waits.
    waited = ext.hold(foreign, device=CPU).hand_on()
    for array in (*arrays, type(waited).numpy, *likes):
        assert array(waited).tolist() == list(range(8))
    # Whoever says that it is ready on a stream has begun more work on it.
    again = ext.hold(foreign, device=CPU).hand_on(ready=default)
    with pytest.raises(BufferError, match="serves streams of device|host can access"):
        np.asarray(again)
    # A class that copies it waits.
    own = ext.OwnDevice(VALUES, device)
    for count, array in enumerate(arrays, 1):
        assert array(own).tolist() == VALUES
        assert [call for call in own.calls if call[0] != "tensor"] == [("copy_to", CPU, None)] * count
    assert np.array(own, "f8", copy=True).tolist() == VALUES
    with pytest.raises(BufferError) as caught:
        own.__array__(copy=False)
    assert isinstance(caught.value, ValueError)


WAYS_TO_NUMPY = {
    "asarray": np.asarray,
    "__array__": lambda it: it.__array__(copy=False),
    "like an array": lambda it: ext.like(it, np.zeros(1)),
    "like the module": lambda it: ext.like(it, np),
}


@pytest.mark.parametrize("way", WAYS_TO_NUMPY.values(), ids=WAYS_TO_NUMPY)
@pytest.mark.parametrize("device", [MANAGED, PINNED, (abi.ROCM_HOST, 0)])
def test_a_class_that_can_wait_waits_for_the_tensor_that_it_has_made(device, way):
    """A class may begin to write the elements when its tensor is asked for."""
    own = ext.OwnDevice(VALUES, device, waits=True)
    array = way(own)
    assert array.tolist() == VALUES
    assert array.ctypes.data == own.address
    names = [call[0] for call in own.calls]
    assert "tensor" in names
    assert names[-1] == "wait_for_host"
    own.raises["wait_for_host"] = KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        way(own)


def by_capsule(own):
    return peek(own)["device"]


def by_table(own):
    return ext.describe(own)["device"]


@pytest.mark.parametrize("way", WAYS_TO_NUMPY.values(), ids=WAYS_TO_NUMPY)
def test_memory_that_moves_from_a_device_while_numpy_asks_is_waited_for(way):
    served = set()
    for stays in range(10):
        own = ext.OwnDevice(VALUES, CPU, before=[PINNED] * stays, waits=True)
        try:
            found = way(own).__dlpack_device__()
        except BufferError:
            continue
        served.add(found)
        if found == PINNED:
            # The class has not waited for other memory.
            assert own.calls[-1][0] == "wait_for_host"
            assert own.asked <= stays
    assert served == {CPU, PINNED}


@pytest.mark.parametrize("way", [by_capsule, by_table])
@pytest.mark.parametrize("device", [CUDA, PINNED])
def test_a_producer_that_moves_from_a_device_while_it_exports_is_refused(device, way):
    def moving(stays, said):
        foreign = [Producer(bytes(8), "uint8", (8,), device=device) for _ in range(3)]
        return ext.relay([ext.hold(each) for each in foreign], stays, said)

    with pytest.raises(BufferError, match="device"):
        moving(0, None)
    is_served = set()
    for stays in range(1, 10):
        said = []
        try:
            found = way(moving(stays, said))
        except BufferError:
            is_served.add(False)
        else:
            is_served.add(True)
            assert (found, said) == (device, [])
    assert is_served == {False, True}


@pytest.mark.parametrize("way", [by_capsule, by_table])
@pytest.mark.parametrize("device", [CUDA, PINNED])
def test_memory_that_moves_from_a_device_while_it_is_exported_is_in_order(device, way):
    served = set()
    for stays in range(10):
        own = ext.OwnDevice(VALUES, CPU, before=[device] * stays)
        try:
            found = way(own)
        except BufferError:
            continue
        served.add(found)
        if found == device:
            # The class has not looked at other memory.
            assert ("synchronize", None, 1) in own.calls
            assert own.asked <= stays
    assert served == {CPU, device}


@pytest.mark.parametrize("device", [MANAGED, PINNED, (abi.ROCM_HOST, 0)])
@pytest.mark.parametrize("waits", [False, True])
def test_a_function_that_calls_numpy_gets_memory_that_is_ready(device, waits, monkeypatch):
    """NumPy's own function is not known where it is not in `sys.modules`, as at the end of the interpreter."""
    namespace = types.SimpleNamespace(from_dlpack=lambda it: np.from_dlpack(it).view(np.ma.MaskedArray))
    calling = type("Calling", (), {"__array_namespace__": lambda _: namespace})()
    last = "wait_for_host" if waits else "copy_to"
    own = ext.OwnDevice(VALUES, device, waits=waits)
    assert ext.like(own, calling).tolist() == VALUES
    assert own.calls[-1][0] == last
    own = ext.OwnDevice(VALUES, device, waits=waits)
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "numpy")
        assert ext.like(own, np).tolist() == VALUES
    assert own.calls[-1][0] == last
    # What is main memory, or no array of NumPy, is left as it is.
    assert type(ext.like(ext.OwnDevice(VALUES, CPU), calling)) is np.ma.MaskedArray
    kept = type("Kept", (), {"__dlpack_device__": lambda _: device})()
    namespace.from_dlpack = lambda it: kept
    assert ext.like(own, calling) is kept
    # NumPy's own function is known before it is called.
    own.raises["synchronize"] = BufferError("on no stream")
    assert ext.like(own, np).tolist() == VALUES


@pytest.mark.parametrize("way", WAYS_TO_NUMPY.values(), ids=WAYS_TO_NUMPY)
@pytest.mark.parametrize("waits", [False, True])
def test_memory_that_moves_to_a_device_while_numpy_asks_is_waited_for(way, waits):
    for stays in range(8):
        own = ext.OwnDevice(VALUES, PINNED, before=[CPU] * stays, waits=waits)
        if not waits and way is WAYS_TO_NUMPY["__array__"]:
            # Where it has moved, only a copy would do.
            with contextlib.suppress(BufferError):
                way(own)
            continue
        array = way(own)
        assert array.tolist() == VALUES
        is_in_place = array.__dlpack_device__() == CPU and array.ctypes.data == own.address
        last = own.calls[-1][0]
        assert last == ("tensor" if is_in_place else "wait_for_host" if waits else "copy_to"), stays


@pytest.mark.parametrize(
    ("device", "ready", "served"),
    [
        (CUDA, 1, [None, 1]),
        (CUDA, 7, [7]),
        (ROCM, 0, [None, 0]),
        # The host may read such memory, but the device may not be done with it.
        (MANAGED, 1, [None, 1]),
        (MANAGED, 7, [7]),
        (PINNED, 7, [7]),
    ],
)
def test_a_tensor_that_is_ready_on_a_stream(device, ready, served):
    tensor = ext.on_device(b"abc", device, ready)
    for stream in [None, -1, 0, 1, 2, 7, 8]:
        if stream == -1 or stream in served:
            assert peek(tensor, stream=stream)["device"] == device
        else:
            with pytest.raises((BufferError, ValueError)):
                tensor.__dlpack__(stream=stream)


@pytest.mark.parametrize("device", [CUDA, MANAGED])
def test_each_thread_has_its_own_per_thread_stream(device):
    tensor = ext.on_device(b"abc", device, 2)
    results = []

    def ask():
        try:
            results.append(peek(tensor, stream=2)["device"])
        except BufferError:
            results.append("refused")

    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert results == [device, "refused"]
    assert peek(tensor, stream=-1)["device"] == device


# Of oneAPI, Vulkan and Metal.
QUEUES = [(14, 0), (7, 1), (8, 0)]


@pytest.mark.parametrize("device", QUEUES)
def test_devices_without_streams_in_the_protocol(device):
    """Nobody names a stream of such a device, and nobody is asked to wait for one."""
    own = ext.OwnDevice([1.0], device)
    for tensor in (ext.on_device(b"abc", device), own):
        for asked in ({}, {"stream": None}, {"stream": -1}, {"max_version": (1, 0)}, {"dl_device": device, "copy": None}):
            assert peek(tensor, **asked)["device"] == device
        assert ext.describe(tensor)["device"] == device
    # The class is told, as it may have a runtime.
    assert ("synchronize", None, None) in own.calls
    tensor = ext.on_device(b"abc", device)
    with pytest.raises(BufferError, match="serves streams of device"):
        tensor.__dlpack__(stream=7)
    for asked in ({"copy": True}, {"dl_device": CPU}):
        with pytest.raises(BufferError):
            tensor.__dlpack__(**asked)


@pytest.mark.parametrize("device", QUEUES)
def test_what_came_in_without_a_stream_goes_out_without_one(device):
    """As dpnp does it: it gives and takes memory of oneAPI, and names no stream."""
    producer = Producer(bytes(24), device=device, address=0x1000)
    wrapped = ext.hold(producer).hand_on()
    seen = peek(wrapped, dl_device=device, copy=None)
    assert (seen["data"], seen["device"]) == (0x1000, device)
    assert ext.describe(ext.hold(wrapped).export())["device"] == device


@pytest.mark.parametrize(
    ("device", "stream", "served", "refused"),
    [
        (CUDA, None, [None, 1, -1], [2, 7]),
        (CUDA, 1, [None, 1, -1], [2, 7]),
        (CUDA, 7, [7, -1], [None, 1, 8]),
        (CUDA, -1, [-1], [None, 1, 7]),
        (ROCM, None, [None, 0, -1], [7]),
        (ROCM, 7, [7, -1], [None, 0]),
    ],
)
def test_what_came_in_ready_on_a_stream_goes_out_ready_on_it(device, stream, served, refused):
    producer = Producer(bytes(24), device=device, address=0x1000)
    wrapped = ext.hold(producer, stream=stream).hand_on()
    for asked in served:
        assert peek(wrapped, stream=asked)["data"] == 0x1000
    for asked in refused:
        with pytest.raises(BufferError, match="serves streams of device"):
            wrapped.__dlpack__(max_version=(1, 3), stream=asked)


@pytest.mark.parametrize("device", [CUDA, ROCM, MANAGED, PINNED, (abi.ROCM_HOST, 0)])
@pytest.mark.parametrize("way", ["capsule", "no sync"])
def test_what_does_not_say_on_which_stream_it_is_ready_waits_for_none(device, way):
    """The host can access some of this memory, but its device may be at work on it."""
    producer = Producer(bytes(24), device=device)
    held = ext.hold(producer.__dlpack__(max_version=(1, 3))) if way == "capsule" else ext.hold(producer, stream=-1)
    wrapped = held.hand_on()
    for asked in (None, 7):
        with pytest.raises(BufferError, match="serves streams of device"):
            wrapped.__dlpack__(stream=asked)
        with pytest.raises(BufferError, match="serves streams of device"):
            wrapped.__dlpack__(max_version=(1, 3), stream=asked)
    assert peek(wrapped, stream=-1)["device"] == device
    assert peek(ext.hold(wrapped, stream=-1).export(ready=7), stream=7)["device"] == device
