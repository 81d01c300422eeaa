"""What the extension does, with each library that is installed."""

import array

import numpy as np
import pytest

import pyo3_module

LIBRARIES = ["numpy", "torch", "jax.numpy"]


@pytest.fixture(params=LIBRARIES)
def library(request):
    return pytest.importorskip(request.param)


def made(library, rows):
    make = getattr(library, "tensor", None) or library.array
    return make(rows, dtype=library.float32)


def test_rows_are_normalized(library):
    matrix = made(library, [[1.0, 3.0], [2.0, 2.0]])
    result = library.from_dlpack(pyo3_module.normalize(matrix))
    assert result.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert matrix.tolist() == [[1.0, 3.0], [2.0, 2.0]]


def test_columns_are_read_where_they_are():
    matrix = np.array([[1.0, 2.0], [3.0, 2.0]], dtype=np.float32).T
    assert np.from_dlpack(pyo3_module.normalize(matrix)).tolist() == [[0.25, 0.75], [0.5, 0.5]]


def unaligned(numbers, dtype):
    memory = np.frombuffer(b"\0" + np.array(numbers, dtype).tobytes(), np.uint8)[1:]
    array = memory.view(dtype).reshape(np.shape(numbers))
    assert not array.flags.aligned
    return array


def test_arrays_need_not_be_aligned():
    matrix = unaligned([[1.0, 3.0], [2.0, 2.0]], np.float32)
    assert np.from_dlpack(pyo3_module.normalize(matrix)).tolist() == [[0.25, 0.75], [0.5, 0.5]]
    for dtype in (np.float32, np.float64):
        assert pyo3_module.total(unaligned([1.0, 2.0], dtype)) == 3.0


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0)])
def test_matrices_without_elements(shape):
    assert np.from_dlpack(pyo3_module.normalize(np.zeros(shape, np.float32))).shape == shape


def test_other_arguments_are_refused():
    with pytest.raises(TypeError, match="expected dtype float32, found int64"):
        pyo3_module.normalize(np.zeros((2, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="expected 2 dimensions, found 1"):
        pyo3_module.normalize(np.zeros(3, dtype=np.float32))
    with pytest.raises(TypeError):
        pyo3_module.normalize([[1.0, 2.0]])


def test_an_image_is_an_array_of_every_library(library):
    image = pyo3_module.Image(2, 3)
    pixels = library.from_dlpack(image)
    assert (image.height, image.width) == (2, 3)
    del image
    assert pixels.tolist() == [[0, 127, 255], [0, 127, 255]]


def test_an_image_is_not_copied():
    image = pyo3_module.Image(2, 3)
    one, other = np.from_dlpack(image), np.from_dlpack(image)
    assert one.ctypes.data == other.ctypes.data
    assert not one.flags.writeable


def test_totals(library):
    assert pyo3_module.total(made(library, [[1.0, 2.0], [3.0, 4.0]])) == 10.0
    assert pyo3_module.total(array.array("d", [0.5, 0.25])) == 0.75
    with pytest.raises(TypeError, match="expected float32 or float64, found uint8"):
        pyo3_module.total(b"text")


def test_sizes(library):
    assert pyo3_module.nbytes(made(library, [[1.0, 2.0], [3.0, 4.0]])) == 16
    assert pyo3_module.nbytes(b"text") == 4


@pytest.mark.parametrize("sizes", [(2, 2**62), (2**62, 2), (2**63, 2**63), (2**32, 2**32), (2, 2**64 - 1)])
def test_an_image_for_which_there_is_no_memory(sizes):
    with pytest.raises(MemoryError):
        pyo3_module.Image(*sizes)


def test_an_image_without_rows():
    assert memoryview(pyo3_module.Image(0, 2)).shape == (0, 2)
