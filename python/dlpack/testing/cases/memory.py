"""What becomes of the memory of arrays that lend it, or give it up, while a consumer holds a struct of it."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

from ..adapters import Adapter
from ..case import Found, Skip, case, expect, note, skip_unless, told
from ..peek import Peek
from .producers.common import churn


def _some(seen: Peek) -> list[bytes]:
    """The first elements, those in the middle, and the last: memory that was given back is gone, or is used again."""
    size = seen.dtype[1] // 8
    places = {0, seen.size // 2, seen.size - 1}
    return [ctypes.string_at(seen.data + place * size, size) for place in sorted(places)]


@case(
    "producer.life.borrowed",
    "keeps-owning",
    does="Exports an array whose memory is that of another object, such as an array of NumPy, and drops both.",
    expects="the elements as long as the capsule is there",
    snippet="x = {borrowed}\ncapsule = x.__dlpack__()\n{struct}\nplaces = [data + i * shape[0] // 2 * 4 for i in (0, 1)]\n"
    "before = [ctypes.string_at(place, 4) for place in places]\ndel x\nimport gc\ngc.collect()\n"
    "kept = [bytes([i % 256]) * 96 for i in range(3000)]\n"
    "assert [ctypes.string_at(place, 4) for place in places] == before, 'other elements'",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.borrowed, "its arrays own their memory, or the adapter does not say how they do not")
    x = lib.evaluate(lib.borrowed)
    seen = lib.look(x)
    before = _some(seen)
    del x
    gc.collect()
    churn()
    expect(_some(seen) == before, "other elements after the array was dropped")


@case(
    "producer.life.resize",
    "both-used",
    does="Makes the array larger in place, while a consumer holds a struct of it.",
    expects="the elements that the struct had, or an exception",
    snippet="import gc\nx = {made}\ncapsule = x.__dlpack__()\n{struct}\nplaces = [data + i * shape[0] // 2 * 4 for i in (0, 1)]\n"
    "before = [ctypes.string_at(place, 4) for place in places]\ntry:\n    {resize}\nexcept Exception as error:\n    print('refused:', error)\n"
    "assert [ctypes.string_at(place, 4) for place in places] == before, 'other elements'",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.resizes, "its arrays keep their size, or the adapter does not say how they do not")
    for label, (expression, statement) in lib.resizes.items():
        space: dict[str, Any] = {**lib.space}
        try:
            exec(f"x = {expression}", space)
        except Exception as error:
            raise Skip(f"it makes no such arrays: {told(error)}") from None
        seen = lib.look(space["x"])
        before = _some(seen)
        note(made=expression, resize=statement)
        try:
            exec(statement, space)
        except Exception:
            continue
        churn()
        if _some(seen) != before:
            raise Found(f"other elements after {label}", made=expression, resize=statement)
