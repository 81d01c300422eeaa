"""Each library as a producer: every dtype it knows arrives with its values, at its address, or is refused by name."""

import gc

import dlpack_pyo3_tests as ext
import pytest

from adapters.catalogue import LIBRARIES, library
from kit import abi, report, values


def _cells():
    for name, kind in LIBRARIES.items():
        marks = [pytest.mark.library(module) for module in kind.modules]
        for dtype in kind.produces:
            yield pytest.param(name, dtype, id=f"{name}-{dtype}", marks=marks)


def _libraries():
    for name, kind in LIBRARIES.items():
        yield pytest.param(name, id=name, marks=[pytest.mark.library(m) for m in kind.modules])


@pytest.mark.parametrize(("name", "dtype"), [*_cells()])
def test_every_dtype_arrives(name, dtype):
    report.note("producer", name, dtype, "WRONG")
    producer = library(name)
    arrives_as = producer.produces[dtype]
    # Booleans that arrive as uint8 keep their bytes; other types are made of the samples of what they arrive as.
    expected = values.byte_samples(dtype if dtype == "bool" else arrives_as)
    array = producer.array(dtype)

    with_rust = ext.hold(array)
    seen = with_rust.describe()
    assert abi.triple(seen["dtype"]) == abi.triple(arrives_as)
    assert seen["shape"] == producer.shape
    assert seen["strides"] == abi.row_major(producer.shape)
    assert seen["device"] == (abi.CPU, 0)
    assert seen["access"] in producer.access
    assert seen["route"] in producer.routes
    assert seen["numel"] == 6
    assert seen["nbytes"] == abi.nbytes(arrives_as, 6)
    assert seen["data"] == producer.address(array)
    assert with_rust.to_bytes() == expected

    # The memory stays while Rust holds it, whatever becomes of the object.
    del array
    gc.collect()
    assert with_rust.to_bytes() == expected
    with_rust.release()
    report.note("producer", name, dtype, "ok" if arrives_as == dtype else f"as {arrives_as}")


@pytest.mark.parametrize("name", [*_libraries()])
def test_every_refusal_is_named(name):
    producer = library(name)
    for label, (make, refusal) in producer.refuses.items():
        report.note("producer", name, label, "WRONG")
        array = make()
        with pytest.raises(Exception, match=refusal.pattern) as caught:
            ext.describe(array)
        assert refusal.is_kind(caught.value), (label, repr(caught.value))
        report.note("producer", name, label, "refused", report.reason(caught.value))
