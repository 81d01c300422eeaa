"""Streams as arguments, by the rules of the array API standard and of `__cuda_stream__`."""

import enum
import sys

import dlpack_pyo3_tests as ext
import pytest

CPU, CUDA, CUDA_HOST, ROCM, ROCM_HOST, CUDA_MANAGED, METAL = 1, 2, 3, 10, 11, 13, 8
ADDRESS = 0x7F12_3456_7890


class Cuda:
    """An object of a library for CUDA."""

    def __init__(self, *pair):
        self.pair = pair

    def __cuda_stream__(self):
        return self.pair


class Number:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Named(enum.IntEnum):
    LEGACY = 1


@pytest.mark.parametrize("device", [CPU, CUDA, CUDA_HOST, ROCM, ROCM_HOST, CUDA_MANAGED, METAL, 99])
def test_nothing_and_no_sync_are_for_all_devices(device):
    assert ext.stream(None, (device, 0)) is None
    assert ext.stream(-1, (device, 0)) == "no sync"
    assert ext.stream(Number(-1), (device, 0)) == "no sync"


@pytest.mark.parametrize(
    ("device", "number"),
    [
        (CUDA, 1),
        (CUDA, 2),
        (CUDA, 3),
        (CUDA, ADDRESS),
        (CUDA_HOST, 1),
        (CUDA_MANAGED, 2),
        (ROCM, 0),
        (ROCM, 3),
        (ROCM, ADDRESS),
        (ROCM_HOST, 0),
        (METAL, ADDRESS),
        (CUDA, sys.maxsize),
        (CUDA, sys.maxsize + 1),
        (CUDA, 2 * sys.maxsize),
    ],
)
def test_a_number_is_a_handle(device, number):
    assert ext.stream(number, (device, 0)) == number
    assert ext.stream(Number(number), (device, 0)) == number


def test_a_number_with_a_name_is_a_handle():
    assert ext.stream(Named.LEGACY, (CUDA, 0)) == 1


@pytest.mark.parametrize(
    ("device", "number"),
    [
        (CPU, 0),
        (CPU, 1),
        (CPU, ADDRESS),
        (CUDA, 0),
        (CUDA_HOST, 0),
        (CUDA_MANAGED, 0),
        (ROCM, 1),
        (ROCM, 2),
        (ROCM_HOST, 1),
        (METAL, 0),
        (METAL, 1),
        (CUDA, -2),
        (CUDA, -sys.maxsize - 1),
        (CUDA, -sys.maxsize - 2),
        (CUDA, -(2**64)),
        (CUDA, 2 * sys.maxsize + 1),  # -1, if it were taken for unsigned.
        (CUDA, 2 * sys.maxsize + 2),
        (CUDA, 2**64),
        (CUDA, 10**40),
    ],
)
def test_a_number_that_is_no_stream_of_the_device(device, number):
    with pytest.raises(ValueError, match="expected a stream of device"):
        ext.stream(number, (device, 0))


@pytest.mark.parametrize("value", [True, False, 1.0, "1", b"1", (0, 1), [], object(), Cuda, int])
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_what_is_no_stream_at_all(value, device):
    with pytest.raises(TypeError, match="expected a stream as None, an int or an object with __cuda_stream__, found|missing"):
        ext.stream(value, (device, 0))


@pytest.mark.parametrize("device", [CUDA, CUDA_HOST, CUDA_MANAGED])
def test_a_pair_of_version_and_handle(device):
    assert ext.stream(Cuda(0, ADDRESS), (device, 0)) == ADDRESS
    assert ext.stream(Cuda(0, 1), (device, 0)) == 1
    assert ext.stream(Cuda(0, 2), (device, 0)) == 2
    assert ext.stream(Cuda(0, Number(ADDRESS)), (device, 0)) == ADDRESS


def test_a_null_handle_in_a_pair_is_the_default_stream():
    assert ext.stream(Cuda(0, 0), (CUDA, 0)) == 1


@pytest.mark.parametrize("version", [1, -1, 2**70, -(2**70)])
def test_an_unknown_version(version):
    with pytest.raises(ValueError, match="expected version 0 of __cuda_stream__, found"):
        ext.stream(Cuda(version, ADDRESS), (CUDA, 0))


@pytest.mark.parametrize("handle", [-1, -2, 2**64 - 1, 2**64])
def test_a_pair_without_a_handle(handle):
    with pytest.raises(ValueError, match="expected a stream of device cuda"):
        ext.stream(Cuda(0, handle), (CUDA, 0))


@pytest.mark.parametrize("device", [CPU, ROCM, METAL])
def test_a_stream_of_cuda_on_another_device(device):
    with pytest.raises(ValueError, match="found one of CUDA"):
        ext.stream(Cuda(0, ADDRESS), (device, 0))


@pytest.mark.parametrize(
    "pair", [(), (0,), (0, 1, 2), ("0", ADDRESS), (0, None), (0, True), (0, 1.5), (True, ADDRESS)]
)
def test_a_pair_that_is_none(pair):
    with pytest.raises(TypeError, match="expected a"):
        ext.stream(Cuda(*pair), (CUDA, 0))


def test_a_list_is_no_pair():
    class Listed:
        def __cuda_stream__(self):
            return [0, ADDRESS]

    with pytest.raises(TypeError, match="expected a version and a handle from __cuda_stream__, found list"):
        ext.stream(Listed(), (CUDA, 0))


def test_errors_of_the_object_come_through():
    class Lost:
        def __cuda_stream__(self):
            raise ConnectionError("lost")

    class Broken:
        def __index__(self):
            raise ConnectionError("lost")

    class Hidden:
        @property
        def __cuda_stream__(self):
            raise ConnectionError("lost")

    for value in (Lost(), Broken(), Hidden()):
        with pytest.raises(ConnectionError, match="lost"):
            ext.stream(value, (CUDA, 0))


def test_nothing_leaks():
    handle, pair = ADDRESS, Cuda(0, ADDRESS)
    before = sys.getrefcount(pair), sys.getrefcount(pair.pair), sys.getrefcount(handle)
    for _ in range(1000):
        ext.stream(pair, (CUDA, 0))
        ext.stream(handle, (CUDA, 0))
        for wrong in (pair, handle, True):
            with pytest.raises((TypeError, ValueError)):
                ext.stream(wrong, (CPU, 0))
    assert (sys.getrefcount(pair), sys.getrefcount(pair.pair), sys.getrefcount(handle)) == before
