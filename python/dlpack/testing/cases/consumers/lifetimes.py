"""How long an array keeps a tensor, and that it gives it back once."""

from __future__ import annotations

import gc
import threading

from ... import abi
from ...adapters import Adapter
from ...case import Found, Skip, case, expect, skip_unless
from ...snippets import maker
from ...synthetic import Producer
from .common import FLOATS, attempt, check_released

_RELEASED = """x = None
gc.collect()
released = runs() + ("used" not in repr(capsule))
assert released == 1, f"the deleter ran {released} times"
"""


@case(
    "consumer.life.producer",
    "deleter-when",
    does="Drops the producer, and reads the array.",
    expects="the elements; the deleter runs once, when the array is dropped",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc\nx = {take}\ncapsule = producer.capsule\ndel producer\ngc.collect()\n"
    f"found = list({{read}})\nassert found == {FLOATS!r}, found\n" + _RELEASED,
)
def _(lib: Adapter) -> None:
    producer = Producer(python=True)
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    tensors = list(producer.tensors)
    producer.tensors.clear()
    gc.collect()
    expect(lib.elements(x) == FLOATS, f"{lib.elements(x)}")
    producer.tensors.extend(tensors)
    del x
    check_released(producer, "after the array was dropped")


@case(
    "consumer.life.thread",
    "deleter-gil",
    does="Drops the array on another thread.",
    expects="the deleter runs once",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc, threading\nheld = [{take}]\ncapsule, x = producer.capsule, None\n"
    "thread = threading.Thread(target=held.clear)\nthread.start()\nthread.join()\n" + _RELEASED,
)
def _(lib: Adapter) -> None:
    producer = Producer()
    held = [attempt(lib, producer)]
    skip_unless(held[0][1] is None, "refused")
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    check_released(producer, "after the array was dropped on another thread")


@case(
    "consumer.life.many",
    "deleter-when",
    does="Imports two hundred tensors and drops the arrays.",
    expects="the deleter of each runs once",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc\narrays, structs, capsules, first = [], [], [], versioned.raw\nfor i in range(200):\n"
    "    versioned = ctypes.create_string_buffer(first)\n    structs.append(versioned)\n    arrays.append({take})\n"
    "    capsules.append(producer.capsule)\narrays.clear()\ngc.collect()\n"
    "released = len(deleted) + sum(struct.unpack_from('=I', s)[0] - 1 for s in structs)\n"
    "released += sum('used' not in repr(capsule) for capsule in capsules)\n"
    "assert released == 200, f'{released} deleters ran for 200 tensors'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    arrays = []
    for _ in range(200):
        x, error = attempt(lib, producer)
        skip_unless(error is None, "refused")
        arrays.append(x)
    del x
    arrays.clear()
    check_released(producer, "for one of two hundred tensors")


@case(
    "consumer.life.end",
    "deleter-end",
    "should",
    does="Keeps an array until the interpreter ends.",
    expects="the process ends well",
    ends=True,
    # What the producer owns is not freed before the array is.
    snippet="{imports}\n"
    + maker({})
    + "\nfor owned in (data, versioned, legacy, deleter):\n    ctypes.pythonapi.Py_IncRef(ctypes.py_object(owned))\n"
    "sys.kept = {take}",
)
def _(lib: Adapter) -> None:
    import sys

    producer = Producer()
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    sys.kept = x  # type: ignore[attr-defined]


@case(
    "consumer.life.shape",
    "keeps-owning",
    "quirk",
    does="Changes the shape in the struct after the import, as `resize_` of a producer does.",
    expects="an array of the shape that it was imported with",
    snippet="{imports}\n" + maker({}) + "\nx = {take}\nshape[0] = 1\nassert len(list({read})) == 6",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    producer.tensors[-1]._shape[0] = 1
    found = lib.elements(x)
    expect(found == FLOATS, f"{found}")


@case(
    "consumer.life.export",
    "read-only",
    "should",
    does="Imports a tensor with READ_ONLY and exports the array again.",
    expects="READ_ONLY, a copy, or a refusal",
    snippet="{imports}\n"
    + maker({"flags": 1})
    + "\nx = {take}\ntry:\n    capsule = x.__dlpack__(max_version=(1, 3))\n"
    "except BufferError:\n    raise SystemExit(0)\n{struct}\nassert flags & 1 or data != start, 'the flag is lost'",
)
def _(lib: Adapter) -> None:
    producer = Producer(flags=abi.READ_ONLY)
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    skip_unless(tensor.versioned, "the library asks for legacy structs, which have no such field")
    try:
        seen = lib.look(x)
    except (AttributeError, BufferError, Found):
        raise Skip("it exports nothing") from None
    skip_unless(seen.versioned, "it exports legacy structs")
    if tensor.start == seen.data:
        expect(seen.flags & abi.READ_ONLY, f"flags {seen.flags:#x}")
