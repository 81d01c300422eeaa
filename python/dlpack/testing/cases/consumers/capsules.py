"""Capsules that were used, that have other names, and those that stay."""

from __future__ import annotations

import gc
from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import case, expect, skip_unless, told
from ...snippets import maker
from ...synthetic import Producer
from .common import aliases, attempt, object_with


@case(
    "consumer.capsule.renamed",
    "rename",
    does="Looks at the capsule while the array is alive.",
    expects="the name `used_dltensor` or `used_dltensor_versioned`, unless the elements were copied",
    snippet="{imports}\n" + maker({}) + "\nimport gc\nx = {take}\nx = None\ngc.collect()\n"
    "assert 'used' in repr(producer.capsule) or not runs(), 'the deleter has run, and the capsule looks unused'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    name = abi.name_of(tensor._capsule)
    wanted = "used_" + (abi.VERSIONED if tensor.versioned else abi.LEGACY)
    # Whoever keeps the capsule, or copies and leaves the capsule alone, has not taken the tensor out of it.
    taken = tensor.taken or tensor.called
    expect(
        name == wanted or tensor.held or not taken, f"the name {name!r}, although the tensor was taken out"
    )
    expect(name == wanted or tensor.held or not aliases(lib, x, producer), f"the name {name!r}")


for _id, _label, _what in [
    ("other-name", "tensor", "a capsule with the name `tensor`"),
    ("used", "used_dltensor", "a capsule with the name `used_dltensor`"),
    ("used-versioned", "used_dltensor_versioned", "a capsule with the name `used_dltensor_versioned`"),
]:

    @case(
        f"consumer.capsule.{_id}",
        "consumed-once",
        title=_what,
        does=f"Imports an object that returns {_what}.",
        expects="a refusal, and nobody runs the deleter",
        snippet="{imports}\n"
        + maker({}).replace('b"dltensor_versioned"', f'b"{_label}"').replace('b"dltensor"', f'b"{_label}"')
        + '\ntry:\n    x = {take}\nexcept Exception as error:\n    print(error)\nelse:\n    raise AssertionError("taken")',
    )
    def _(lib: Adapter, label: str = _label) -> None:
        producer = Producer(capsule_name=label)
        x, error = attempt(lib, producer)
        skip_unless(producer.tensors or error is not None, "the library asked for no tensor")
        expect(error is not None, "the tensor is taken")
        expect(not isinstance(error, SystemError), told(error) if error else "")
        gc.collect()
        for tensor in producer.tensors:
            expect(tensor.called == 0, "the deleter of a tensor that was not the library's was called")


@case(
    "consumer.capsule.none",
    "capsule-name",
    "should",
    does="Imports objects whose `__dlpack__` returns no capsule: None, an integer.",
    expects="an exception",
    snippet="class Producer:\n    def __dlpack__(self, **keywords): return None\n    def __dlpack_device__(self): return 1, 0\n"
    "producer = Producer()\ntry:\n    {take}\nexcept Exception as error:\n    assert not isinstance(error, SystemError), error\n"
    "else:\n    raise AssertionError('taken')",
)
def _(lib: Adapter) -> None:
    for value in (None, 7):
        x, error = attempt(
            lib, object_with(__dlpack__=lambda self, v=value, **k: v, __dlpack_device__=lambda self: (1, 0))
        )
        expect(error is not None, f"{type(x).__name__} from {value}")
        expect(not isinstance(error, SystemError), f"for {value}: {told(error) if error else ''}")


for _error in (BufferError, ValueError, RuntimeError, TypeError):

    @case(
        f"consumer.raises.{_error.__name__}",
        "import-propagate",
        "must" if _error is BufferError else "should",
        title=f"a producer that raises {_error.__name__}",
        does=f"Imports an object whose `__dlpack__` raises {_error.__name__}.",
        expects="the same exception",
        snippet=f"class Producer:\n    def __dlpack__(self, **keywords): raise {_error.__name__}('not today')\n"
        "    def __dlpack_device__(self): return 1, 0\nproducer = Producer()\ntry:\n    {take}\n"
        f"except {_error.__name__} as error:\n    assert 'not today' in str(error), error\n",
    )
    def _(lib: Adapter, kind: type[Exception] = _error) -> None:
        def refuse(self: Any, **keywords: Any) -> Any:
            raise kind("not today")

        x, error = attempt(lib, object_with(__dlpack__=refuse, __dlpack_device__=lambda self: (1, 0)))
        expect(error is not None, f"{type(x).__name__}")
        expect(isinstance(error, kind), f"{told(error) if error else ''}")
        expect("not today" in str(error), f"another message: {told(error) if error else ''}")
