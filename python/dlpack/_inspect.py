"""What `python -m dlpack inspect` prints: a tensor as a person reads it, or as data."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ._core import ROUTES, Tensor, asdlpack
from ._explain import explain
from ._facts import facts, request
from ._methods import elements
from ._refusals import name_of

# Up to so many elements are shown, and so many places in memory drawn.
_MOST = 64
_PLACES = 96
_WIDTH = 80


def describe(obj: Any, name: str = "") -> dict[str, Any]:
    """Describes the tensor of an object by numbers, strings, lists and dictionaries only."""
    is_capsule = type(obj).__name__ == "PyCapsule"
    if is_capsule:
        obj = asdlpack(obj)
    routes = _routes(obj)
    tensor = asdlpack(obj)
    found: dict[str, Any] = {
        "class": name or ("a capsule" if is_capsule else name_of(obj)),
        "routes": routes,
        "dtype": tensor.dtype_name,
        "itemsize": None if _is_sub_byte(tensor) else tensor.itemsize,
        "shape": list(tensor.shape),
        "strides": list(tensor.strides),
        "order": _order(tensor),
        "size": tensor.size,
        "nbytes": tensor.nbytes,
        "device": tensor.device,
        "readonly": tensor.readonly,
        "address": tensor.address,
        "alignment": _alignment(tensor.address),
        "struct": _struct(obj),
        "adapted": list(tensor.adapted),
        "values": _values(tensor),
        "shown": elements(tensor).strip(),
        "layout": draw(tensor),
        "libraries": {name: answer._asdict() for name, answer in explain(obj).items()},
    }
    return found


def render(found: dict[str, Any]) -> str:
    """Returns the text for a person."""
    size = f"{found['itemsize']} bytes each" if found["itemsize"] else "less than a byte each"
    lines = [found["class"]]

    def line(word: str, text: str) -> None:
        lines.append(f"  {word:9}{text}")

    line("dtype", f"{found['dtype']}, {size.replace('1 bytes', '1 byte')}")
    line("shape", f"{_tuple(found['shape'])}, {found['size']} elements")
    strides = f"{_tuple(found['strides'])} elements"
    if found["itemsize"]:
        strides += f", {_tuple(stride * found['itemsize'] for stride in found['strides'])} bytes"
    line("strides", f"{strides}, {found['order']}")
    line(
        "memory",
        f"{found['nbytes']} bytes on {found['device']}, {'read-only' if found['readonly'] else 'writable'}",
    )
    if found["size"]:
        line("address", f"{found['address']:#x}, a multiple of {found['alignment']}")
    line("offers", ", ".join(found["routes"]) or "a capsule")
    if struct := found["struct"]:
        kind = f"version {struct['version'][0]}.{struct['version'][1]}" if struct["version"] else "legacy"
        offset = f", offset {struct['byte_offset']} bytes" if struct["byte_offset"] else ""
        strides = "" if struct["has_strides"] else ", no strides"
        line("struct", f"{kind}{offset}{strides}")
    if found["adapted"]:
        line("adapted", "; ".join(found["adapted"]))
    if found["shown"]:
        line("values", found["shown"])
    if found["layout"]:
        lines += ["", "In memory, from the first element on, with the index of each element:", ""]
        lines += [f"  {row}" for row in found["layout"]]
    if found["libraries"]:
        lines += ["", "Libraries:", ""]
        for name, answer in found["libraries"].items():
            text = answer["why"] or answer["caution"]
            lines.append(f"  {name:17}{answer['result']:9}{text}".rstrip())
            if answer["why"] and answer["caution"]:
                lines.append(f"{'':28}{answer['caution']}")
            if answer["remedy"]:
                lines.append(f"{'':28}try {answer['remedy']}")
    return "\n".join(lines)


def draw(tensor: Tensor) -> list[str]:
    """Draws where the elements of a small tensor lie: the index of each in the order of memory, and a dot for a gap."""
    if not 0 < tensor.size <= _MOST or tensor.ndim == 0:
        return []
    places: dict[int, str] = {}
    for index in itertools.product(*map(range, tensor.shape)):
        place = sum(i * stride for i, stride in zip(index, tensor.strides))
        # Elements may share a place.
        places[place] = places[place] + "=" + _index(index) if place in places else _index(index)
    low, high = min(places), max(places)
    if high - low >= _PLACES:
        return []
    itemsize = None if _is_sub_byte(tensor) else tensor.itemsize
    cells = [places.get(place, ".") for place in range(low, high + 1)]
    width = max(map(len, cells)) + 1
    most = max(1, (_WIDTH - 8) // width)
    # A row of memory for each of the outer axis, if that is how it lies.
    count = abs(tensor.strides[0]) if tensor.ndim > 1 and 1 < abs(tensor.strides[0]) <= most else most
    rows: list[str] = []
    for start in range(0, len(cells), count):
        at = (low + start) * itemsize if itemsize else low + start
        row = "".join(cell.ljust(width) for cell in cells[start : start + count])
        rows.append(f"{at:+5d}  {row}".rstrip())
    return rows


def _index(index: tuple[int, ...]) -> str:
    return ",".join(map(str, index))


def _tuple(numbers: Any) -> str:
    return repr(tuple(numbers))


def _routes(obj: Any) -> list[str]:
    found: list[str] = []
    for route in ROUTES:
        try:
            asdlpack(obj, route=route)
        except Exception:  # noqa: BLE001 - whatever its library raises.
            continue
        found.append(route)
    return found


def _struct(obj: Any) -> dict[str, Any] | None:
    """Returns what the object's own struct says, in the newest version that it gives."""
    if getattr(obj, "__dlpack__", None) is None:
        return None
    try:
        found = facts(request(obj, ({"max_version": (1, 3)}, {})))
    except Exception:  # noqa: BLE001
        return None
    return {
        "version": list(found.version) if found.version else None,
        "byte_offset": found.byte_offset,
        "has_strides": found.has_strides,
    }


def _order(tensor: Tensor) -> str:
    if tensor.is_contiguous:
        return "row-major"
    if tensor.permute().is_contiguous:
        return "column-major"
    found = facts(tensor.__dlpack__(max_version=(1, 0), stream=-1))
    return "dense" if found.is_dense else "strided"


def _alignment(address: int) -> int:
    return min(address & -address, 4096)


def _is_sub_byte(tensor: Tensor) -> bool:
    try:
        return tensor.itemsize == 0
    except (BufferError, ValueError):
        return True


def _values(tensor: Tensor) -> Any:
    if tensor.size > _MOST or tensor.__dlpack_device__() != (1, 0):
        return None
    try:
        return _plain(tensor.tolist())
    except (BufferError, ValueError):
        return None


def _plain(value: Any) -> Any:
    """Makes numbers that JSON has no word for strings, and complex ones pairs."""
    if isinstance(value, complex):
        return [_plain(value.real), _plain(value.imag)]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value
    return [_plain(item) for item in value]
