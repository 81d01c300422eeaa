"""What an object gives to a library that asks it for a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ._consumers import Consumer
from ._core import Tensor, asdlpack, look, look_by_table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Facts(NamedTuple):
    """The tensor in a capsule."""

    # None for the legacy struct, which has neither.
    version: tuple[int, int] | None
    readonly: bool | None
    device: tuple[int, int]
    dtype_name: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    has_strides: bool
    # Of the first element; None for a copy that is yet to be made.
    address: int | None
    byte_offset: int
    is_row_major: bool
    is_dense: bool
    # From the exchange table of the object's class.
    by_table: bool = False

    @property
    def size(self) -> int:
        size = 1
        for count in self.shape:
            size *= count
        return size


class Subject(NamedTuple):
    """An object that libraries import, and what is known of it without them."""

    # What libraries get, which is a `Tensor` if the object gives none itself.
    producer: Any
    # How a program spells it.
    spelling: str
    # The tensor of the object, or why it has none.
    tensor: Tensor | None
    raised: Exception | None


def subject(obj: Any) -> Subject:
    """Looks at an object. Raises for one that nobody imports, not even this package."""
    if type(obj).__name__ == "PyCapsule":
        raise TypeError(
            "a capsule can be imported once only: pass dlpack.asdlpack(capsule), or the array it comes from"
        )
    if getattr(obj, "__dlpack__", None) is None:
        return Subject(tensor := asdlpack(obj), "dlpack.asdlpack(x)", tensor, None)
    try:
        return Subject(obj, "x", asdlpack(obj), None)
    except Exception as raised:  # noqa: BLE001 - libraries have exceptions of their own.
        return Subject(obj, "x", None, raised)


def ask(consumer: Consumer, producer: Any) -> Facts:
    """Asks an object for a tensor, as the library would. What the object raises is passed on."""
    if consumer.uses_table and has_table(producer):
        return _of(look_by_table(producer))._replace(by_table=True)
    if isinstance(producer, Tensor) and producer.__dlpack_device__() == (1, 0):
        return _of_tensor(consumer, producer)
    if consumer.needs_device:
        producer.__dlpack_device__()
    return facts(request(producer, consumer.asks, consumer.retries_on))


def has_table(producer: object) -> bool:
    """Returns True if the class of an object has an exchange table."""
    return hasattr(type(producer), "__dlpack_c_exchange_api__")


def request(producer: Any, asks: Sequence[dict[str, Any]], retries_on: type[Exception] = TypeError) -> Any:
    """Asks for a capsule, with other keywords after an exception."""
    for keywords in asks[:-1]:
        try:
            return producer.__dlpack__(**keywords)
        except retries_on:
            continue
    return producer.__dlpack__(**asks[-1])


def facts(capsule: Any) -> Facts:
    """Takes a capsule, and says what is in it."""
    return _of(look(capsule))


def _of(found: dict[str, Any]) -> Facts:
    device, data, offset = found["device"], found["data"], found["byte_offset"]
    return Facts(
        version=found["version"],
        readonly=found["readonly"],
        device=device,
        dtype_name=found["dtype_name"],
        shape=found["shape"],
        strides=found["strides"],
        has_strides=found["has_strides"],
        address=data + offset,
        byte_offset=offset,
        is_row_major=found["is_row_major"],
        is_dense=found["is_dense"],
    )


def _of_tensor(consumer: Consumer, tensor: Tensor) -> Facts:
    """Returns what a tensor of this package answers, without the copy that it may make for that."""
    versioned = "max_version" in consumer.asks[0]
    found = facts(tensor.__dlpack__(max_version=(1, 0)))
    if versioned:
        return found
    if not tensor.readonly:
        return found._replace(version=None, readonly=None)
    strides: list[int] = []
    step = 1
    for count in reversed(found.shape):
        strides.append(step)
        step *= count
    return found._replace(
        version=None,
        readonly=None,
        strides=tuple(reversed(strides)),
        address=None,
        is_row_major=True,
        is_dense=True,
    )
