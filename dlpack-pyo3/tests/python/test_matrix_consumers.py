"""Each library as a consumer of tensors from Rust: values, addresses, release, and refusals by name."""

import gc

import dlpack_pyo3_tests as ext
import pytest

from adapters.catalogue import DTYPES, LIBRARIES, library
from kit import report, values
from kit.peek import peek


def _cells():
    for name, kind in LIBRARIES.items():
        marks = [pytest.mark.library(module) for module in kind.modules]
        if kind.consumes:
            for dtype in DTYPES:
                yield pytest.param(name, dtype, id=f"{name}-{dtype}", marks=marks)


def _settle(live):
    """Lets libraries that release late do so."""
    for _ in range(5):
        if ext.live() == live:
            break
        gc.collect()


@pytest.mark.parametrize(("name", "dtype"), [*_cells()])
def test_every_dtype_is_taken_or_refused(name, dtype):
    report.note("consumer", name, dtype, "WRONG")
    consumer = library(name)
    gc.collect()
    live = ext.live()
    data = values.byte_samples(dtype)
    tensor = ext.make(data, dtype, (2, 3))
    address = peek(tensor)["data"]
    if dtype in consumer.mistakes:
        cell = "mistaken", f"{name} {consumer.mistakes[dtype]}"
        assert consumer.take(tensor) is not None
    elif dtype in consumer.consumes:
        cell = _taken(consumer, tensor, address, data, dtype), ""
    else:
        cell = "refused", _refused(consumer, tensor)
    # A refusal leaves the tensor as it was.
    assert peek(tensor)["data"] == address
    del tensor
    _settle(live)
    assert ext.live() == live
    report.note("consumer", name, dtype, *cell)


def _taken(consumer, tensor, address, data, dtype):
    array = consumer.take(tensor)
    kept_as = consumer.narrows.get(dtype, dtype)
    assert consumer.to_bytes(array) == (data if kept_as == dtype else values.encode(kept_as, values.samples(dtype)))
    if kept_as != dtype:
        return f"as {kept_as}"
    if dtype in consumer.copies:
        return "copied"
    assert consumer.address(array) == address
    return "ok"


def _refused(consumer, tensor):
    with pytest.raises(Exception, match=consumer.refusal.pattern) as caught:
        consumer.take(tensor)
    assert consumer.refusal.is_kind(caught.value), repr(caught.value)
    return report.reason(caught.value)


def _consumers():
    for name, kind in LIBRARIES.items():
        if kind.consumes and "float32" not in kind.copies:
            yield pytest.param(name, marks=[pytest.mark.library(module) for module in kind.modules])


@pytest.mark.parametrize("name", [*_consumers()])
def test_memory_lives_as_long_as_its_consumer(name):
    consumer = library(name)
    gc.collect()
    live = ext.live()
    data = values.sample_bytes("float32")
    array = consumer.take(ext.make(data, "float32", (2, 3)))
    gc.collect()
    assert ext.live() == live + 1
    assert consumer.to_bytes(array) == data
    del array
    _settle(live)
    assert ext.live() == live
