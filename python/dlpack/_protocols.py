"""Protocols for annotations."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class SupportsDLPack(Protocol):
    """An object that every library with DLPack support can import.

    >>> import dlpack
    >>> isinstance(dlpack.asdlpack(b"abc"), dlpack.SupportsDLPack)
    True
    >>> isinstance(b"abc", dlpack.SupportsDLPack)
    False
    """

    # The standard names the keywords `stream`, `max_version`, `dl_device` and `copy`; older libraries know fewer.
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a capsule of the tensor."""
        ...

    def __dlpack_device__(self) -> tuple[int, int]:
        """Returns the type of the device and its number."""
        ...


SupportsDLPack.__module__ = "dlpack"
