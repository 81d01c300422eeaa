"""Memory of one's own extension as a tensor."""

from __future__ import annotations

import sys

from ._core import from_pointer as _from_pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, SupportsIndex

    from ._core import Tensor


def from_pointer(
    address: SupportsIndex,
    shape: SupportsIndex | Iterable[SupportsIndex],
    dtype: Any,
    strides: SupportsIndex | Iterable[SupportsIndex] | None = None,
    *,
    device: Any,
    owner: object | None = None,
    deleter: Callable[[int], object] | None = None,
    readonly: bool = False,
    stream: Any = None,
) -> Tensor:
    """A tensor of the memory at an address, such as that of one's own extension by ctypes or cffi.

    `strides` count elements, as those of DLPack do; without them the elements are contiguous. The memory is kept by exactly one of

    - `owner`: any object, which is kept alive until no consumer is left;
    - `deleter`: a function that is called with the address, once, when no consumer is left, on whatever thread that is, and at
      the end of the interpreter at the latest, when all modules have been cleared;
    - neither, for memory that is never freed.

    If this function raises, the memory is still the caller's, and the deleter is not called.

    `stream` is the stream of the device, as `__dlpack__` takes it, on which the elements are written; None if they are written.

    The numbers are believed: a wrong address or shape is as bad as in C.

    >>> import ctypes, dlpack
    >>> block = (ctypes.c_float * 6)(*range(6))
    >>> t = dlpack.from_pointer(ctypes.addressof(block), (2, 3), "float32", device="cpu", owner=block)
    >>> t[1].tolist()
    [3.0, 4.0, 5.0]
    """
    if deleter is None:
        return _from_pointer(address, shape, dtype, strides, device=device, owner=owner, readonly=readonly, stream=stream)
    if owner is not None:
        raise ValueError("expected an owner or a deleter, found both")
    if not callable(deleter):
        raise TypeError("expected a deleter that can be called with the address")
    made = _Owner(_at_the_end())
    t = _from_pointer(address, shape, dtype, strides, device=device, owner=made, readonly=readonly, stream=stream)
    # Only now is the memory the tensor's.
    made.calls[id(made)] = _Call(deleter, int(address))
    return t


# The deleters are called by Python alone, without a function of the extension in between: a daemon thread that Python ends in
# the middle of one leaves nothing unfinished there.


class _Call:
    """Calls a deleter when it is dropped. What the deleter raises is reported as Python does for `__del__`."""

    __slots__ = ("address", "deleter")

    def __init__(self, deleter: Callable[[int], object], address: int) -> None:
        self.deleter, self.address = deleter, address

    def __del__(self) -> None:
        self.deleter(self.address)


class _Owner:
    """What a tensor keeps. When it is dropped, so is the call, unless that was before."""

    __slots__ = ("calls",)

    def __init__(self, calls: dict[int, _Call]) -> None:
        self.calls = calls

    def __del__(self) -> None:
        self.calls.pop(id(self), None)


class _AtTheEnd:
    """Calls all deleters that are left when the interpreter ends: those of tensors in cycles that Python's garbage collector cannot
    see, such as a global variable of a script whose deleter is a function of that script.
    """

    def __init__(self) -> None:
        self.calls: dict[int, _Call] = {}

    def __del__(self) -> None:
        while self.calls:
            self.calls.popitem()


def _at_the_end() -> dict[int, _Call]:
    # Python clears `sys` last, and in it the names that begin so first, when it can still do nearly everything.
    kept = sys.__dict__
    found: _AtTheEnd = kept.get("_dlpack_at_the_end") or kept.setdefault("_dlpack_at_the_end", _AtTheEnd())
    return found.calls
