"""CuPy's arrays on CUDA devices: skipped by name where there is no device."""

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, values
from kit.peek import peek

pytestmark = pytest.mark.device("cupy")

FLOATS = values.samples("float32")
SIX = values.sample_bytes("float32")


@pytest.fixture(scope="module")
def cupy():
    import cupy

    return cupy



def test_cupy_on_the_device(cupy):
    array = cupy.array(FLOATS, "float32").reshape(2, 3)
    held = ext.hold(array)
    seen = held.describe()
    assert (seen["device"], seen["shape"], seen["dtype"]) == ((abi.CUDA, 0), (2, 3), "float32")
    assert seen["data"] == array.data.ptr
    again = cupy.from_dlpack(held.export(ready=1))
    assert again.data.ptr == array.data.ptr
    assert again.ravel().get().tolist() == FLOATS


@pytest.mark.parametrize("stream", ["null", "per thread", "own"])
def test_cupy_is_asked_for_streams(cupy, stream):
    own = cupy.cuda.Stream(non_blocking=True)
    handle = {"null": 1, "per thread": 2, "own": own.ptr}[stream]
    array = cupy.zeros(1 << 18, "float32")
    array += 2
    held = ext.hold(array, stream=handle)
    if stream == "own":
        with own:
            total = float(cupy.from_dlpack(held.export(ready=own.ptr)).sum())
        assert total == 2 * (1 << 18)


def test_cupy_layouts(cupy):
    array = cupy.arange(24, dtype="int32").reshape(4, 6)[::2, 1::2]
    seen = ext.describe(array)
    assert (seen["shape"], seen["strides"], seen["data"]) == ((2, 3), (12, 2), array.data.ptr)


def test_cupy_managed(cupy):
    with cupy.cuda.using_allocator(cupy.cuda.MemoryPool(cupy.cuda.malloc_managed).malloc):
        array = cupy.array(FLOATS, "float32")
    cupy.cuda.Device().synchronize()
    held = ext.hold(array)
    kind = held.describe()["device"][0]
    assert kind in (abi.CUDA, abi.CUDA_MANAGED)
    # Managed memory is read by the host only where somebody promises that the device is done with it.
    with pytest.raises(BufferError, match="expected memory that the host can access"):
        held.to_bytes()


def test_cupy_pinned(cupy):
    import numpy

    pinned = cupy.cuda.alloc_pinned_memory(24)
    array = numpy.frombuffer(pinned, "float32", 6)
    array[:] = FLOATS
    held = ext.hold(array)
    assert held.to_bytes() == SIX


def test_cupy_copies_to_main_memory(cupy):
    array = cupy.array(FLOATS, "float32")
    try:
        held = ext.hold(array, device=(abi.CPU, 0))
    except (BufferError, TypeError) as error:
        # CuPy may answer such a request with managed memory, which is not what was asked for.
        assert str(error)
        return
    assert held.to_bytes() == SIX


def test_cupy_between_devices(cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one CUDA device")
    other = 1
    with cupy.cuda.Device(other):
        array = cupy.array(FLOATS, "float32")
    held = ext.hold(array)
    assert held.describe()["device"] == (abi.CUDA, other)
    with cupy.cuda.Device(other):
        assert cupy.from_dlpack(held.export(ready=1)).get().tolist() == FLOATS


@pytest.mark.device("torch")
def test_cupy_and_torch_by_way_of_rust(cupy):
    import torch

    array = cupy.array(FLOATS, "float32")
    tensor = torch.from_dlpack(ext.hold(array).export(ready=1))
    assert tensor.data_ptr() == array.data.ptr
    tensor += 1
    torch.cuda.synchronize()
    assert array.get().tolist() == [value + 1 for value in FLOATS]
    assert peek(tensor)["data"] == array.data.ptr
