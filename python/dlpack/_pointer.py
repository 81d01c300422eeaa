"""Memory of one's own extension as a tensor."""

from __future__ import annotations

import sys

from ._core import from_pointer as _from_pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, SupportsIndex

    from ._core import Tensor

    # The deleters that are to be called, each with its address.
    _Calls = dict[object, tuple[Callable[[int], object], int]]


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
      the end of the interpreter at the latest, when all modules have been cleared: whoever still has the tensor then, as a daemon
      thread may, must not use it any more. Memory of an `owner` stays;
    - neither, for memory that is never freed.

    If this function raises, the memory is still the caller's, and the deleter is not called. A function of `sys.setprofile`,
    `sys.settrace` or `sys.monitoring` that raises when this one returns loses the tensor, and the deleter is called.

    `stream` is the stream of the device, as `__dlpack__` takes it, on which the elements are written, and not -1; None if they are
    written.

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
    calls, key = _at_the_end(), object()
    owner = _Owner((calls, key))
    t = _from_pointer(address, shape, dtype, strides, device=device, owner=owner, readonly=readonly, stream=stream)
    address = int(address)
    # Only now is the memory the tensor's. Python handles signals after calls, and traces lines, so that nothing is raised in between.
    calls[key] = deleter, address; return t  # fmt: skip


# The deleters are called by Python alone, without a function of the extension in between: a daemon thread that Python ends in
# the middle of one leaves nothing unfinished there. The classes are tuples, which are made by one call: a signal never finds half
# of one. What a `__del__` needs of this module are its defaults, since modules are cleared when Python ends.


def _has_room(again: Callable[..., None], frames: int, through: type[map[None]] = map) -> None:
    # By way of C, whose calls CPython counts apart from 3.12 on.
    if frames:
        for _ in through(again, (again,), (frames - 1,)):
            pass


class _Owner(tuple["_Calls", object]):
    """What a tensor keeps. When it is dropped, the deleter under its key is called, unless that was before.

    What the deleter raises is reported as Python does for `__del__`.
    """

    __slots__ = ()

    def __del__(self, has_room: Callable[..., None] = _has_room) -> None:
        # Where the stack ends, a signal comes, or a trace function raises at a line, the exception is raised before anything is taken:
        # the deleter is called later, at the end of the interpreter.
        has_room(has_room, 8)
        calls, key = self
        if key in calls:
            deleter, address = calls[key]
            del calls[key]; deleter(address)  # fmt: skip


class _Last(tuple["Callable[[int], object]", int]):
    """Calls a deleter when it is dropped, which is at once. An exception of it is reported, and the next one is called."""

    __slots__ = ()

    def __del__(self) -> None:
        deleter, address = self; deleter(address)  # fmt: skip


class _AtTheEnd(tuple["_Calls"]):
    """Calls all deleters that are left when the interpreter ends: those of tensors in cycles that Python's garbage collector cannot
    see, such as a global variable of a script whose deleter is a function of that script.
    """

    __slots__ = ()

    def __del__(self, last: type[_Last] = _Last) -> None:
        (calls,) = self
        while calls:
            last(calls.popitem()[1])


def _at_the_end() -> _Calls:
    # Python clears `sys` last, and in it the names that begin so first, when it can still do nearly everything.
    kept = sys.__dict__
    found: _AtTheEnd = kept.get("_dlpack_at_the_end") or kept.setdefault("_dlpack_at_the_end", _AtTheEnd(({},)))
    return found[0]
