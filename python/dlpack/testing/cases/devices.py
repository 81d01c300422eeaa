"""What a library's import does with devices: with that which it is asked for, and with those that it cannot reach."""

from __future__ import annotations

import sys
from typing import Any

from .. import abi
from ..adapters import Adapter
from ..case import Found, case, expect, skip_unless, told
from ..snippets import maker
from ..synthetic import Producer
from .consumers.common import FLOATS, attempt, check_refused, check_right

_ASKED = maker({}).replace(
    "        self.capsule", "        global asked; asked = dl_device\n        self.capsule", 1
)
# In structs with a version, the type of the device is 40 bytes after the start, in others 8.
_MOVED = maker({"device": (4, 0)}).replace(
    "        self.capsule",
    "        if dl_device and tuple(dl_device) == (1, 0):\n            struct.pack_into('=i', versioned, 40, 1)\n"
    "            struct.pack_into('=i', legacy, 8, 1)\n        self.capsule",
    1,
)


def _asked_for(lib: Adapter, producer: Producer) -> tuple[Any, Any]:
    """The array, or the exception, of an import with `device=` the CPU."""
    skip_unless(lib.take_device, "the import cannot be asked for the CPU, or the adapter does not say how")
    try:
        return lib.evaluate(lib.take_device.format(x="x"), x=producer), None
    except BaseException as error:
        # What follows an older version of the standard knows no such argument.
        skip_unless("unexpected keyword" not in str(error), "the import cannot be asked for a device")
        error.__traceback__ = None
        return None, error


@case(
    "consumer.device.asked",
    "import-device",
    since="2023.12",
    does="Imports a tensor of the CPU with `device=`: the library's own name of the CPU.",
    expects="the right elements; `dl_device` is (1, 0), if it is passed on",
    snippet="{imports}\nasked = None\n"
    + _ASKED
    + "\nx = {take_device}\nassert asked is None or tuple(asked) == (1, 0), asked\nfound = list({read})\n"
    f"assert found == {FLOATS!r}, found",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = _asked_for(lib, producer)
    if error is not None:
        raise Found(f"refused: {told(error)}")
    held = [x]
    del x
    for call in producer.calls:
        passed = call.get("dl_device")
        expect(passed is None or tuple(passed) == (abi.CPU, 0), f"dl_device={passed!r}")
    check_right(lib, producer, held, FLOATS, "float32")


@case(
    "consumer.device.moved",
    "import-device",
    "should",
    since="2023.12",
    does="Imports with `device=` the CPU from a producer on OpenCL, which copies to the CPU if `dl_device` asks for it.",
    expects="`dl_device=(1, 0)` is passed on, and the elements are right; or BufferError",
    snippet="{imports}\n"
    + _MOVED
    + "\ntry:\n    x = {take_device}\nexcept BufferError as error:\n    print('refused:', error)\n    raise SystemExit(0)\n"
    f"found = list({{read}})\nassert found == {FLOATS!r}, found",
)
def _(lib: Adapter) -> None:
    producer = Producer(device=(abi.OPENCL, 0), moves=True)
    x, error = _asked_for(lib, producer)
    if isinstance(error, BufferError):
        check_refused(producer, error)
        return
    passed = [call.get("dl_device") for call in producer.calls]
    asked = any(found is not None and tuple(found) == (abi.CPU, 0) for found in passed)
    if error is not None:
        raise Found(
            f"{told(error)}; `dl_device` was {passed[-1] if passed else 'not asked for'!r}",
            severity="" if asked else "quirk",
        )
    held = [x]
    del x
    expect(asked, f"taken, although `dl_device` was {passed[-1]!r}")
    check_right(lib, producer, held, FLOATS, "float32")


@case(
    "consumer.device.metal-read",
    "unsupported-device",
    "should",
    does="Imports a tensor of Metal where there is none, and reads the array.",
    expects="a refusal by the import: what is taken can be used",
    snippet="{imports}\n"
    + maker({"device": (8, 0)})
    + "\ntry:\n    x = {take}\nexcept Exception as error:\n    print('refused:', error)\n    raise SystemExit(0)\nprint({read})",
)
def _(lib: Adapter) -> None:
    skip_unless(sys.platform != "darwin", "there may be Metal")
    skip_unless(lib.shows and not lib.carries, "it passes on tensors of devices that it cannot reach itself")
    producer = Producer(device=(abi.METAL, 0))
    x, error = attempt(lib, producer)
    if error is not None:
        check_refused(producer, error)
        return
    try:
        lib.elements(x)
    except Exception as failure:
        raise Found(f"the tensor is taken, and cannot be read: {told(failure)}") from None
