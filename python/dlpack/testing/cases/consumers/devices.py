"""Devices, and objects that say something else about theirs."""

from __future__ import annotations

from ...adapters import Adapter
from ...case import case, expect, told
from ...snippets import maker
from ...synthetic import Producer
from .common import FLOATS, add, attempt, check_refused, check_right, object_with

for _device, _id, _kind, _severity, _what in [
    ((1, 7), "cpu-7", "right", "quirk", "the CPU with the number 7"),
    ((1, -1), "cpu-negative", "right", "quirk", "the CPU with the number -1"),
    ((3, 0), "cuda-host", "right", "should", "pinned memory of CUDA"),
    ((13, 0), "cuda-managed", "right", "should", "managed memory of CUDA"),
    ((2, 0), "cuda", "survive", "should", "CUDA, although nobody may be able to reach it"),
    ((8, 0), "metal", "survive", "should", "Metal"),
    ((12, 0), "extension", "survive", "should", "the extension device"),
    ((0, 0), "zero", "survive", "quirk", "the type 0, which there is not"),
    ((99, 0), "unknown", "survive", "quirk", "the type 99, which there is not"),
    ((-1, 0), "negative", "survive", "quirk", "the type -1"),
]:
    add(
        f"device.{_id}",
        "unsupported-device",
        _kind,
        _severity,
        title=_what,
        does=f"Imports a tensor of the device {_what}.",
        device=_device,
        expects="a refusal that says why, or an array; the deleter runs once" if _kind == "survive" else "",
    )
add("device.lies", "device-pair", "survive", "should", does="Imports a tensor of the CPU whose `__dlpack_device__` says CUDA.",
     says_device=(2, 0), expects="a refusal that says why, or an array; the deleter runs once")  # fmt: skip


@case(
    "consumer.device.missing",
    "import-attribute",
    "quirk",
    does="Imports an object without the DLPack methods.",
    expects="AttributeError",
    snippet="class Producer: pass\nproducer = Producer()\ntry:\n    {take}\nexcept AttributeError:\n    raise SystemExit(0)\n"
    "raise AssertionError('taken')",
)
def _(lib: Adapter) -> None:
    x, error = attempt(lib, object_with())
    expect(error is not None, f"{type(x).__name__}")
    expect(isinstance(error, AttributeError), told(error) if error else "")


@case(
    "consumer.device.garbage",
    "device-pair",
    "should",
    does="Imports an object whose `__dlpack_device__` returns a text.",
    expects="a refusal, or a right array",
    snippet="{imports}\n"
    + maker({"says_device": "cpu"})
    + "\ntry:\n    x = {take}\nexcept SystemError:\n    raise\n"
    "except Exception as error:\n    print(error)",
)
def _(lib: Adapter) -> None:
    producer = Producer(says_device="cpu")
    held = [*attempt(lib, producer)]
    error = held.pop()
    if error is None:
        check_right(lib, producer, held, FLOATS, "float32")
    else:
        check_refused(producer, error)


@case(
    "consumer.refusal.class",
    "import-error",
    "quirk",
    does="Imports a tensor of a type code that there is not.",
    expects="BufferError, if it is refused",
    snippet="{imports}\n"
    + maker({"dtype": (255, 32, 1)})
    + "\ntry:\n    x = {take}\nexcept BufferError as error:\n    print(error)",
)
def _(lib: Adapter) -> None:
    producer = Producer(dtype=(255, 32, 1))
    _, error = attempt(lib, producer)
    expect(error is None or isinstance(error, BufferError), told(error) if error else "")
