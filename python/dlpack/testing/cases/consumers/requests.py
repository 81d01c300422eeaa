"""The keywords that a library passes."""

from __future__ import annotations

from ...adapters import Adapter
from ...case import case, expect, skip_unless
from ...snippets import maker
from ...synthetic import Producer
from .common import attempt


@case(
    "consumer.asks.versioned",
    "ask-versioned",
    "should",
    does="Notes which keywords the library passes to `__dlpack__`.",
    expects="`max_version` of at least (1, 0)",
    snippet="{imports}\n"
    + maker({}).replace(
        "        self.capsule", "        global asked; asked = max_version\n        self.capsule", 1
    )
    + "\ntry:\n    x = {take}\nexcept Exception as error: print(error)\nassert asked and asked[0] >= 1, asked",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    attempt(lib, producer)
    skip_unless(producer.calls, "`__dlpack__` was not called")
    versions = [call.get("max_version") for call in producer.calls]
    found = next((version for version in versions if version is not None), None)
    expect(
        found is not None, f"the keywords {sorted(producer.calls[0])}, by which producers make legacy structs"
    )
    expect(isinstance(found, tuple) and found[0] >= 1, f"max_version={found!r}")


@case(
    "consumer.asks.keywords",
    "keywords",
    does="Notes which keywords the library passes to `__dlpack__`.",
    expects="those of the standard, and no others",
    snippet="{imports}\n"
    + maker({}).replace(
        "copy=None):\n", "copy=None, **others):\n        global asked; asked = others, stream\n", 1
    )
    + "\ntry:\n    x = {take}\nexcept Exception as error: print(error)\n"
    "assert not asked[0] and asked[1] in (None, -1), asked",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    attempt(lib, producer)
    skip_unless(producer.calls, "`__dlpack__` was not called")
    strange = {name for call in producer.calls for name in call} - {
        "stream",
        "max_version",
        "dl_device",
        "copy",
    }
    expect(not strange, f"{sorted(strange)}")
    stream = producer.calls[0].get("stream")
    expect(stream in (None, -1), f"stream={stream!r} for a producer on the CPU")
