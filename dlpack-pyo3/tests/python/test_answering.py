"""What our classes answer: the checklist of the Python specification for producers, point by point."""

import ctypes
import gc
import threading

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules, report, values
from kit.builds import exports_buffers
from kit.foreign import Foreign
from kit.peek import peek, peek_capsule, read

SIX = values.sample_bytes("float32")
OWN = [1.0, -2.0, 0.5, 4.0]
OWN_BYTES = values.encode("float32", OWN)


def ready():
    return ext.make(SIX, "float32", (2, 3))


def own():
    return ext.Own(OWN)


def shared():
    return ext.OwnShared(OWN)


# Each class, its bytes and its flags.
CLASSES = {
    "ready-made": (ready, SIX, 0),
    "own": (own, OWN_BYTES, abi.READ_ONLY),
    "shared": (shared, OWN_BYTES, abi.READ_ONLY),
}
each = pytest.mark.parametrize(("make", "data", "flags"), CLASSES.values(), ids=CLASSES)


@each
def test_p1_keyword_only(make, data, flags):
    tensor = make()
    with pytest.raises(TypeError):
        tensor.__dlpack__(None)
    with pytest.raises(TypeError):
        tensor.__dlpack__(1)
    with pytest.raises(TypeError):
        tensor.__dlpack__(unknown=1)
    with pytest.raises(TypeError):
        tensor.__dlpack__(max_version=(1, 3), streams=None)
    with pytest.raises(TypeError):
        tensor.__dlpack_device__(0)
    everything = tensor.__dlpack__(stream=None, max_version=(1, 3), dl_device=None, copy=None)
    assert peek_capsule(everything)["bytes"] == data


@each
@pytest.mark.parametrize("version", [None, (0, 0), (0, 8), (0, 99)])
def test_p2_legacy(make, data, flags, version):
    seen = peek(make(), max_version=version)
    assert seen["name"] == capsules.LEGACY
    assert seen["bytes"] == data


@each
@pytest.mark.parametrize("version", [(1, 0), (1, 3), (1, 99), (2, 0), (7, 1), [1, 0], (True, 0)])
def test_p2_versioned(make, data, flags, version):
    seen = peek(make(), max_version=version)
    assert (seen["name"], seen["version"], seen["flags"]) == (capsules.VERSIONED, (1, 3), flags)
    assert seen["bytes"] == data


@each
@pytest.mark.parametrize("version", [7, "1.3", (1,), (1, 2, 3), ("1", "3"), (1.0, 3.0), (None, None)])
def test_p2_versions_that_are_none(make, data, flags, version):
    with pytest.raises((TypeError, ValueError)):
        make().__dlpack__(max_version=version)


@each
@pytest.mark.parametrize("version", [(-1, 0), (2**40, 0), (2**200, 0), (1, 2**40)])
def test_p2_versions_beyond_all_bounds(make, data, flags, version):
    try:
        seen = peek(make(), max_version=version)
    except (OverflowError, ValueError, TypeError):
        return
    assert seen["bytes"] == data


@each
def test_p4_p5_deleters_and_contexts(make, data, flags):
    for version in (None, (1, 3)):
        seen = peek(make(), max_version=version)
        assert seen["deleter"] and seen["context"]


@each
def test_p4_released_on_any_thread(make, data, flags):
    gc.collect()
    live = ext.live()
    for version in (None, (1, 3)):
        capsule = make().__dlpack__(max_version=version)
        held = ext.hold(capsule)
        held.send_to_thread()
        boxed = [make().__dlpack__(max_version=version)]
        worker = threading.Thread(target=boxed.clear)
        worker.start()
        worker.join()
    del capsule
    gc.collect()
    assert ext.live() == live


@each
def test_p6_p8_p9_layout(make, data, flags):
    for version in (None, (1, 3)):
        seen = peek(make(), max_version=version)
        assert seen["strides"] == abi.row_major(seen["shape"])
        assert seen["byte_offset"] == 0
        assert seen["device"] == (abi.CPU, 0)


def test_p9_memory_is_aligned():
    assert all(peek(ready())["data"] % 64 == 0 for _ in range(20))
    # NumPy's and PyTorch's memory is aligned alike; JAX aliases no less.
    copies = [ready().__dlpack__(max_version=(1, 3), copy=True) for _ in range(20)]
    assert all(peek_capsule(copy)["data"] % 64 == 0 for copy in copies)


@each
@pytest.mark.parametrize("copy", [None, True])
def test_p10_read_only_as_legacy(make, data, flags, copy):
    tensor = make()
    original = peek(tensor)["data"]
    capsule = tensor.__dlpack__(copy=copy)
    seen = peek_capsule(capsule)
    assert seen["bytes"] == data
    assert (seen["data"] != original) == (copy is True or flags == abi.READ_ONLY)


def test_p10_policies():
    copies = ext.OwnShared(OWN, "copy")
    with pytest.raises(BufferError):
        copies.__dlpack__(copy=False)
    refuses = ext.OwnShared(OWN, "error")
    with pytest.raises(BufferError):
        refuses.__dlpack__()
    assert peek(refuses)["bytes"] == OWN_BYTES
    assert peek(refuses, max_version=None, copy=True)["bytes"] == OWN_BYTES
    aliases = ext.OwnShared(OWN, "alias")
    seen = peek(aliases, max_version=None)
    assert (seen["name"], seen["data"]) == (capsules.LEGACY, peek(aliases)["data"])


@each
@pytest.mark.parametrize("version", [None, (1, 3)])
def test_p11_copies(make, data, flags, version):
    tensor = make()
    original = peek(tensor)["data"]
    one, two = (tensor.__dlpack__(max_version=version, copy=True) for _ in range(2))
    first, second = peek_capsule(one), peek_capsule(two)
    assert len({original, first["data"], second["data"]}) == 3
    assert first["flags"] == (abi.IS_COPIED if version else 0)
    assert first["bytes"] == second["bytes"] == data
    # A copy outlives what it was made of.
    del tensor, one
    gc.collect()
    assert read(second) == data


def test_p11_copies_of_padded_elements_are_packed():
    # Two elements of four bits, each in a byte of its own, or both in one.
    for flags, data in ((abi.PADDED, b"\x01\x02"), (0, b"\x21")):
        tensor = ext.hold(Foreign(data, "uint4", (2,), flags=flags).capsule()).export()
        copy = tensor.__dlpack__(max_version=(1, 3), copy=True)
        seen = peek_capsule(copy)
        assert (seen["dtype"], seen["flags"], seen["shape"]) == (abi.triple("uint4"), abi.IS_COPIED, (2,))
        assert ctypes.string_at(seen["data"], 1) == b"\x21"
        assert tensor.tolist() == [1, 2]


@each
def test_p11_no_copy(make, data, flags):
    tensor = make()
    seen = peek(tensor, copy=False)
    assert seen["data"] == peek(tensor)["data"]
    assert not seen["flags"] & abi.IS_COPIED


@each
@pytest.mark.parametrize("copy", ["yes", 1, 0, object()])
def test_p11_copy_is_a_bool(make, data, flags, copy):
    try:
        seen = peek(make(), copy=copy)
    except (TypeError, ValueError):
        return
    assert seen["bytes"] == data


@each
@pytest.mark.parametrize("device", [(1, 0), [1, 0], (True, False)])
def test_p12_the_own_device(make, data, flags, device):
    tensor = make()
    try:
        seen = peek(tensor, dl_device=device)
    except TypeError:
        assert type(device) is not tuple or type(device[0]) is bool
        return
    assert seen["data"] == peek(tensor)["data"]
    assert not seen["flags"] & abi.IS_COPIED


@each
@pytest.mark.parametrize("device", [(2, 0), (13, 0), (99, 0), (-1, 0)])
def test_p12_other_devices(make, data, flags, device):
    for copy in (None, True, False):
        with pytest.raises(BufferError):
            make().__dlpack__(max_version=(1, 3), dl_device=device, copy=copy)


@each
@pytest.mark.parametrize("device", [7, "cpu", (1,), (1, 2, 3), ("cpu", 0)])
def test_p12_devices_that_are_none(make, data, flags, device):
    with pytest.raises((TypeError, ValueError)):
        make().__dlpack__(max_version=(1, 3), dl_device=device)


@each
@pytest.mark.parametrize("stream", [None, -1])
def test_p13_streams_on_the_processor(make, data, flags, stream):
    assert peek(make(), stream=stream)["bytes"] == data


@each
@pytest.mark.parametrize("stream", [0, 1, 2, 77, -2, 2**70])
def test_p13_streams_that_make_no_sense(make, data, flags, stream):
    with pytest.raises((ValueError, BufferError)):
        make().__dlpack__(max_version=(1, 3), stream=stream)


@each
@pytest.mark.parametrize("stream", ["1", 1.5, object(), True])
def test_p13_streams_of_other_types(make, data, flags, stream):
    with pytest.raises((TypeError, ValueError)):
        make().__dlpack__(max_version=(1, 3), stream=stream)


@each
def test_p15_the_device(make, data, flags):
    answer = make().__dlpack_device__()
    assert type(answer) is tuple
    assert tuple(map(int, answer)) == (1, 0)


@pytest.mark.parametrize("dtype", report.DTYPES)
def test_p16_every_dtype(dtype):
    data = values.byte_samples(dtype)
    seen = peek(ext.make(data, dtype, (2, 3)))
    assert seen["dtype"] == abi.triple(dtype)
    _, bits, lanes = seen["dtype"]
    if bits * lanes % 8 == 0:
        assert seen["bytes"] == data


@each
def test_p17_fresh_each_time(make, data, flags):
    tensor = make()
    one, two = tensor.__dlpack__(max_version=(1, 3)), tensor.__dlpack__(max_version=(1, 3))
    assert one is not two
    assert capsules.pointer(one) != capsules.pointer(two)
    assert peek_capsule(one)["data"] == peek_capsule(two)["data"]
    ext.hold(one).release()
    assert peek_capsule(two)["bytes"] == data
    assert peek(tensor)["bytes"] == data


@each
def test_the_memory_outlives_the_object(make, data, flags):
    capsule = make().__dlpack__(max_version=(1, 3))
    gc.collect()
    assert peek_capsule(capsule)["bytes"] == data


@exports_buffers
@each
def test_the_buffer_protocol(make, data, flags):
    tensor = make()
    view = memoryview(tensor)
    assert view.tobytes() == data
    assert (view.format, view.itemsize) == ("f", 4)
    assert view.readonly == bool(flags & abi.READ_ONLY)
    assert view.shape == peek(tensor)["shape"]
    del tensor
    gc.collect()
    assert view.tobytes() == data


@pytest.mark.library("numpy")
@each
def test_h127_numpy_writes_only_what_may_be_written(make, data, flags):
    import numpy as np

    tensor = make()
    array = np.from_dlpack(tensor)
    assert array.tobytes() == data
    assert array.flags.writeable == (flags != abi.READ_ONLY)
    if array.flags.writeable:
        array.flat[0] = 77.0
        assert peek(tensor)["bytes"][:4] == values.encode("float32", [77.0])
    else:
        with pytest.raises(ValueError, match="read-only"):
            array.flat[0] = 77.0


@pytest.mark.library("torch")
@each
def test_h127_torch_ignores_that_data_is_read_only(make, data, flags):
    import torch

    tensor = make()
    array = torch.from_dlpack(tensor)
    assert array.data_ptr() == peek(tensor)["data"]
    array.reshape(-1)[0] = 77.0
    assert peek(tensor)["bytes"][:4] == values.encode("float32", [77.0])


@pytest.mark.library("pyarrow")
@each
def test_h127_arrow_knows_what_is_read_only(make, data, flags):
    import pyarrow as pa

    array = pa.Tensor.from_dlpack(make())
    assert array.is_mutable == (flags != abi.READ_ONLY)
    assert array.to_numpy().tobytes() == data


@pytest.mark.library("jax")
@each
def test_h127_jax_gets_a_copy_of_what_is_read_only(make, data, flags):
    import jax.numpy as jnp
    import numpy as np

    tensor = make()
    array = jnp.from_dlpack(tensor)
    assert np.asarray(array).tobytes() == data
    if flags & abi.READ_ONLY:
        assert array.unsafe_buffer_pointer() != peek(tensor)["data"]


@pytest.mark.library("tvm_ffi")
@each
def test_h127_tvm_takes_the_memory_itself(make, data, flags):
    import tvm_ffi

    tensor = make()
    array = tvm_ffi.from_dlpack(tensor)
    original = peek(tensor)
    assert peek(array)["bytes"] == data
    # By the exchange table it sees the versioned tensor, otherwise it asks for a legacy one.
    if not flags & abi.READ_ONLY:
        assert array.data_ptr() == original["data"]


@pytest.mark.library("numpy")
def test_libraries_ask_our_tensor_for_copies():
    import numpy as np

    tensor = ready()
    original = peek(tensor)["data"]
    copy = np.from_dlpack(tensor, copy=True)
    alias = np.from_dlpack(tensor, copy=False)
    assert copy.__array_interface__["data"][0] != original
    assert alias.__array_interface__["data"][0] == original
    assert np.from_dlpack(tensor, device="cpu").tobytes() == SIX


# Memory that says it is a device's.


def test_p12_p13_a_device_class_is_asked_for_streams():
    tensor = ext.OwnDevice(OWN)
    assert tuple(map(int, tensor.__dlpack_device__())) == (abi.CUDA, 0)
    for stream in (None, -1, 1, 2, 0x7000):
        seen = peek(tensor, stream=stream)
        assert seen["device"] == (abi.CUDA, 0)
    for stream in (0, -2):
        with pytest.raises((ValueError, BufferError)):
            tensor.__dlpack__(max_version=(1, 3), stream=stream)


def test_p12_a_device_class_copies_to_main_memory():
    tensor = ext.OwnDevice(OWN)
    for keywords in ({"dl_device": (1, 0)}, {"dl_device": (1, 0), "copy": True}):
        capsule = tensor.__dlpack__(max_version=(1, 3), **keywords)
        seen = peek_capsule(capsule)
        assert (seen["device"], seen["flags"]) == ((abi.CPU, 0), abi.IS_COPIED)
        assert seen["bytes"] == OWN_BYTES
    with pytest.raises((BufferError, ValueError)):
        tensor.__dlpack__(max_version=(1, 3), dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError):
        tensor.__dlpack__(max_version=(1, 3), dl_device=(2, 1))


@pytest.mark.parametrize("said, device", [((1, 0), (2, 0)), ((2, 0), (1, 0)), ((2, 1), (2, 0))])
def test_p12_a_class_that_says_another_device_than_its_tensor_is_told_so(said, device):
    names = {(1, 0): "cpu", (2, 0): "cuda:0", (2, 1): "cuda:1"}
    text = f"^expected a tensor on device {names[said]}, as `Export::device` of the class says, found one on {names[device]}$"
    tensor = ext.OwnDevice(OWN, device, said)
    for keywords in ({}, {"max_version": (1, 3)}, {"max_version": (1, 3), "dl_device": said}):
        with pytest.raises(BufferError, match=text):
            tensor.__dlpack__(**keywords)


@pytest.mark.library("numpy")
def test_p12_numpy_does_not_read_a_device():
    import numpy as np

    with pytest.raises((BufferError, RuntimeError, ValueError)):
        np.from_dlpack(ext.OwnDevice(OWN))
    assert np.from_dlpack(ext.OwnDevice(OWN), device="cpu").tolist() == OWN
