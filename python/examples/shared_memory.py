"""Shares a tensor between the processes of one machine, without a copy.

    python shared_memory.py

The memory is a block of `multiprocessing.shared_memory`. What it holds is told by a *manifest*: the name of the block, shape,
strides, dtype, offset, and a checksum of all that. The receiving process believes none of it. It checks every field, as this
package checks the fields of a foreign struct: before an address is made of any of them, and against the size that the block really
has. Copy this file; `create`, `manifest_of` and `attach` are what it offers.

The checksum finds a manifest that was damaged or cut off. It does not say who wrote it. And no check helps against a process that
writes the elements, or shrinks the block, while another one reads them: share memory with processes that you trust to do neither.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import re
import sys
import threading
from multiprocessing import resource_tracker, shared_memory
from typing import Any

import dlpack

VERSION = 1
# The bytes of an element of each dtype that is exchanged.
ITEMSIZES = {
    "bool": 1,
    **{f"{kind}{8 * size}": size for kind in ("int", "uint") for size in (1, 2, 4, 8)},
    **{"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16},
}
FIELDS = {"version", "block", "dtype", "shape", "strides", "offset", "checksum"}
MAX_BYTES = 1 << 14
MAX_AXES = 64
# DLPack's integers have 64 bits. What is larger describes no tensor, and is refused before anything is computed with it.
MAX_INTEGER = (1 << 63) - 1


class ManifestError(ValueError):
    """The manifest does not describe a tensor in its block. Nothing has been made of it."""


def create(shape: tuple[int, ...], dtype: str) -> tuple[shared_memory.SharedMemory, dlpack.Tensor]:
    """Makes a block, and a tensor of zeros in it. The process that creates a block calls `close` and `unlink` when it is done.

    The block cannot be closed while the tensor or an array of it is alive.
    """
    nbytes = math.prod(shape) * ITEMSIZES[dtype]
    # There is no empty block. Systems round the size up.
    block = shared_memory.SharedMemory(create=True, size=max(nbytes, 1))
    return block, dlpack.asdlpack(block.buf)[:nbytes].view(dtype).reshape(*shape)


def manifest_of(block: shared_memory.SharedMemory, t: dlpack.Tensor) -> bytes:
    """Describes a tensor in the block: the one that `create` returned, or a part of it, whatever its strides."""
    fields = {
        "version": VERSION,
        "block": block.name,
        "dtype": t.dtype_name,
        "shape": t.shape,
        "strides": t.strides,
        "offset": t.address - dlpack.asdlpack(block.buf).address if t.size else 0,
    }
    return seal(fields)


def attach(manifest: bytes) -> dlpack.Tensor:
    """Makes a tensor of what a manifest describes. It keeps the block open.

    ManifestError if the manifest does not describe elements within the block; OSError if there is no such block.
    """
    fields = check(manifest)
    block = _open(fields["block"])
    shape, strides, dtype = fields["shape"], fields["strides"], fields["dtype"]
    _check_extents(fields, available=block.size)
    # The first look at an address, of numbers that have all been checked.
    address = dlpack.asdlpack(block.buf).address + fields["offset"]
    return dlpack.from_pointer(address, shape, dtype, strides, device="cpu", owner=block)


def seal(fields: dict[str, Any]) -> bytes:
    """Writes a manifest with its checksum."""
    return json.dumps({**fields, "checksum": _checksum(fields)}).encode()


def check(manifest: bytes) -> dict[str, Any]:
    """Reads the fields of a manifest. All are of the types and in the ranges that they are to have; the block is not opened."""
    if len(manifest) > MAX_BYTES:
        raise ManifestError(f"expected at most {MAX_BYTES} bytes, found {len(manifest)}")
    try:
        fields = json.loads(manifest, object_pairs_hook=_once, parse_constant=_no_number)
    except ManifestError:
        raise
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"expected JSON: {error}") from None
    if not isinstance(fields, dict) or set(fields) != FIELDS:
        raise ManifestError(f"expected the fields {sorted(FIELDS)}")
    if fields["checksum"] != _checksum({name: value for name, value in fields.items() if name != "checksum"}):
        raise ManifestError("the manifest is damaged: its checksum is another one")
    if _integer("the version", fields["version"], 0) != VERSION:
        raise ManifestError(f"expected version {VERSION}, found {fields['version']}")
    if not isinstance(fields["block"], str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", fields["block"]):
        raise ManifestError("expected the name of a block of letters, digits, _ and -")
    if not isinstance(fields["dtype"], str) or fields["dtype"] not in ITEMSIZES:
        raise ManifestError(f"expected a dtype, one of {', '.join(ITEMSIZES)}")
    shape, strides = fields["shape"], fields["strides"]
    if not isinstance(shape, list) or not isinstance(strides, list) or len(shape) != len(strides):
        raise ManifestError("expected a shape and as many strides")
    if len(shape) > MAX_AXES:
        raise ManifestError(f"expected at most {MAX_AXES} axes, found {len(shape)}")
    for size in shape:
        _integer("a size", size, 0)
    for stride in strides:
        _integer("a stride", stride, -MAX_INTEGER)
    _integer("the offset", fields["offset"], 0)
    return fields


def _check_extents(fields: dict[str, Any], available: int) -> None:
    """Checks that all elements lie within as many bytes. Python's integers do not overflow."""
    itemsize = ITEMSIZES[fields["dtype"]]
    first = last = 0
    if 0 not in fields["shape"]:
        reach = [(size - 1) * stride for size, stride in zip(fields["shape"], fields["strides"])]
        first = sum(distance for distance in reach if distance < 0)
        last = sum(distance for distance in reach if distance > 0) + 1
    start, end = (fields["offset"] + itemsize * bound for bound in (first, last))
    if start < 0 or end > available:
        raise ManifestError(f"expected elements within {available} bytes, found them in {start}..{end}")
    # Blocks begin at pages, so that only the offset decides.
    if fields["offset"] % itemsize:
        raise ManifestError(f"expected an offset of whole elements of {itemsize} bytes, found {fields['offset']}")


def _integer(name: str, value: Any, least: int) -> int:
    # `True` is an int, and `1.0` equals one.
    if type(value) is not int or not least <= value <= MAX_INTEGER:
        raise ManifestError(f"expected an integer from {least} to {MAX_INTEGER} as {name}, found {value!r:.30}")
    return value


def _checksum(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ManifestError("expected each field once")
    return fields


def _no_number(text: str) -> None:
    raise ManifestError(f"expected integers, found {text}")


_opening = threading.Lock()


def _open(name: str) -> shared_memory.SharedMemory:
    """Opens a block that another process has created, and will remove."""
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name=name, track=False)
    # Older versions would remove the block when this process ends.
    with _opening:
        register = resource_tracker.register
        resource_tracker.register = lambda *_: None
        try:
            return shared_memory.SharedMemory(name=name)
        finally:
            resource_tracker.register = register


def receive(manifest: bytes) -> None:
    """What the other process does: it doubles each element, and tells nobody."""
    view = memoryview(attach(manifest))
    for i in range(view.shape[0]):
        for j in range(view.shape[1]):
            view[i, j] *= 2


def main() -> None:
    block, t = create((4, 6), "float32")
    try:
        view = memoryview(t)
        for i in range(4):
            for j in range(6):
                view[i, j] = 10 * i + j
        # The second and third row, with every other element of each, from the last to the first.
        part = t[1:3, ::-2]
        other = multiprocessing.get_context("spawn").Process(target=receive, args=(manifest_of(block, part),))
        other.start()
        other.join()
        assert other.exitcode == 0
        assert part.tolist() == [[30.0, 26.0, 22.0], [50.0, 46.0, 42.0]]
        assert t[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        assert t[1].tolist() == [10.0, 22.0, 12.0, 26.0, 14.0, 30.0]
        print("another process has written the elements of this one")
    finally:
        # What uses the block has to be gone before it is closed.
        view = part = t = None
        block.close()
        block.unlink()


if __name__ == "__main__":
    main()
