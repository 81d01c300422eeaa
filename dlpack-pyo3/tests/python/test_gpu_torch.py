"""PyTorch's tensors on CUDA devices: skipped by name where there is no device."""

import gc

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, values

pytestmark = pytest.mark.device("torch")

FLOATS = values.samples("float32")
SIX = values.sample_bytes("float32")


def test_torch_on_the_device(torch):
    tensor = torch.tensor(FLOATS, device="cuda").reshape(2, 3)
    held = ext.hold(tensor)
    seen = held.describe()
    assert (seen["device"], seen["shape"], seen["dtype"]) == ((abi.CUDA, 0), (2, 3), "float32")
    assert seen["data"] == tensor.data_ptr()
    with pytest.raises(BufferError, match="expected memory that the host can access, found device cuda:0"):
        held.to_bytes()
    del tensor
    gc.collect()
    # What Rust gives on is the device's memory still.
    again = torch.from_dlpack(held.export(ready=1))
    assert again.data_ptr() == seen["data"]
    assert again.reshape(-1).tolist() == FLOATS


def test_torch_memory_stays_as_long_as_rust_holds_it(torch):
    tensor = torch.ones(1 << 20, device="cuda")
    address = tensor.data_ptr()
    held = ext.hold(tensor)
    before = torch.cuda.memory_allocated()
    del tensor
    gc.collect()
    assert torch.cuda.memory_allocated() == before
    others = [torch.zeros(1 << 20, device="cuda") for _ in range(4)]
    assert address not in [other.data_ptr() for other in others]
    assert torch.from_dlpack(held.export(ready=1)).sum().item() == 1 << 20
    held.release()
    gc.collect()
    assert torch.cuda.memory_allocated() < before + 4 * (1 << 22)


@pytest.mark.parametrize("stream", [None, -1, 1, 2])
def test_torch_is_asked_for_streams(torch, stream):
    tensor = torch.tensor(FLOATS, device="cuda")
    seen = ext.describe(tensor, stream=stream)
    assert seen["device"] == (abi.CUDA, 0)
    with pytest.raises(ValueError, match="stream"):
        ext.describe(tensor, stream=0)


def test_torch_orders_a_stream_of_ours_behind_its_own(torch):
    # The producer's stream has a long queue; what is enqueued on ours afterwards finds the values.
    ours = torch.cuda.Stream()
    tensor = torch.zeros(1 << 20, device="cuda")
    torch.cuda._sleep(200_000_000)
    tensor.fill_(3.0)
    held = ext.hold(tensor, stream=ours.cuda_stream)
    with torch.cuda.stream(ours):
        copy = torch.from_dlpack(held.export(ready=ours.cuda_stream)).clone()
    ours.synchronize()
    assert copy.sum().item() == 3 * (1 << 20)


def test_torch_streams_are_taken_as_objects(torch):
    stream = torch.cuda.Stream()
    if not hasattr(stream, "__cuda_stream__"):
        pytest.skip("this PyTorch's streams have no __cuda_stream__")
    tensor = torch.tensor(FLOATS, device="cuda")
    assert ext.describe(tensor, stream=stream)["device"] == (abi.CUDA, 0)


def test_torch_on_a_stream_of_its_own(torch):
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(100_000_000)
        tensor = torch.full((1 << 18,), 5.0, device="cuda")
        held = ext.hold(tensor)
    # Whatever route was taken, the default stream may use the memory once the producer's stream is done.
    side.synchronize()
    assert torch.from_dlpack(held.export(ready=1)).sum().item() == 5 * (1 << 18)


def test_torch_copies_to_main_memory(torch):
    tensor = torch.tensor(FLOATS, device="cuda").reshape(2, 3)
    held = ext.hold(tensor, device=(abi.CPU, 0))
    assert held.describe()["device"] == (abi.CPU, 0)
    assert held.to_bytes() == SIX
    with pytest.raises((BufferError, ValueError)):
        ext.hold(tensor, device=(abi.CPU, 0), copy=False)


def test_torch_copies_to_main_memory_after_its_work(torch):
    tensor = torch.zeros(1 << 18, device="cuda")
    torch.cuda._sleep(200_000_000)
    tensor.fill_(1.0)
    held = ext.hold(tensor, device=(abi.CPU, 0))
    assert held.to_bytes() == values.encode("float32", [1.0]) * (1 << 18)


def test_torch_copies_to_the_device(torch):
    tensor = torch.tensor(FLOATS)
    try:
        held = ext.hold(tensor, device=(abi.CUDA, 0))
    except (BufferError, RuntimeError, ValueError) as error:
        assert str(error)
        return
    assert held.describe()["device"] == (abi.CUDA, 0)


def test_torch_copies_on_the_device(torch):
    tensor = torch.tensor(FLOATS, device="cuda")
    held = ext.hold(tensor, copy=True)
    assert held.describe()["data"] != tensor.data_ptr()
    tensor.zero_()
    assert torch.from_dlpack(held.export(ready=1)).tolist() == FLOATS


def test_torch_between_devices(torch):
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one CUDA device")
    other = 1
    tensor = torch.tensor(FLOATS, device=f"cuda:{other}")
    held = ext.hold(tensor)
    assert held.describe()["device"] == (abi.CUDA, other)
    again = torch.from_dlpack(held.export(ready=1))
    assert again.device.index == other
    assert again.tolist() == FLOATS


def test_torch_pinned(torch):
    # PyTorch calls pinned memory main memory in DLPack; whichever it is, the host reads it.
    tensor = torch.tensor(FLOATS).pin_memory()
    held = ext.hold(tensor)
    assert held.describe()["device"][0] in (abi.CPU, abi.CUDA_HOST)
    assert held.describe()["data"] == tensor.data_ptr()
    assert held.to_bytes() == SIX


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int64", "float16", "bfloat16", "float64", "complex64", "float8_e4m3fn"]
)
def test_torch_dtypes_on_the_device(torch, dtype):
    tensor = torch.tensor(values.samples(dtype), dtype=getattr(torch, dtype)).cuda()
    seen = ext.describe(tensor)
    assert (seen["dtype"], seen["data"]) == (dtype, tensor.data_ptr())


def test_torch_refuses_on_the_device_as_elsewhere(torch):
    for tensor in (torch.zeros(2, device="cuda", requires_grad=True), torch.zeros(2, device="cuda") * 1j):
        tensor = tensor.conj() if tensor.is_complex() else tensor
        with pytest.raises(BufferError):
            ext.describe(tensor)


def test_torch_results_on_the_device(torch):
    held = ext.hold(torch.tensor(FLOATS, device="cuda"))
    made = ext.like(held.export(), torch.zeros(1))
    assert made.device.type == "cuda"
    assert made.tolist() == FLOATS


def test_torch_deletes_on_a_thread_without_the_interpreter(torch):
    tensor = torch.ones(1 << 20, device="cuda")
    held = ext.hold(tensor)
    del tensor
    gc.collect()
    used = torch.cuda.memory_allocated()
    held.send_to_thread()
    assert torch.cuda.memory_allocated() == used - (1 << 22)


def test_device_memory_is_no_main_memory_for_typed_arguments(torch):
    with pytest.raises((BufferError, ValueError, TypeError)):
        ext.typed_matrix(torch.zeros(2, 3, device="cuda"))
