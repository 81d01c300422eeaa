"""Protocols for annotations: those of the routes by which `asdlpack` finds the memory of an object, but for buffers.

The type of an object with a buffer is `collections.abc.Buffer`, or that of `typing_extensions` before Python 3.12.
"""

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


@runtime_checkable
class SupportsArrayStruct(Protocol):
    """An object that describes its memory by NumPy's array interface as a struct of C.

    >>> import dlpack
    >>> isinstance(b"abc", dlpack.SupportsArrayStruct)
    False
    """

    @property
    def __array_struct__(self) -> Any:
        """A capsule of the struct."""
        ...


@runtime_checkable
class SupportsArrayInterface(Protocol):
    """An object that describes its memory by NumPy's array interface.

    >>> import dlpack
    >>> isinstance(dlpack.asdlpack(b"abc"), dlpack.SupportsArrayInterface)
    True
    """

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """The shape, the dtype and the address."""
        ...


@runtime_checkable
class SupportsCudaArrayInterface(Protocol):
    """An object that describes its memory on a CUDA device, as arrays of CuPy and Numba do.

    >>> import dlpack
    >>> t = dlpack.from_pointer(4096, (2,), "float32", device="cuda:0")
    >>> isinstance(t, dlpack.SupportsCudaArrayInterface)
    True
    """

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The shape, the dtype, the address and the stream."""
        ...


@runtime_checkable
class SupportsArrowArray(Protocol):
    """An object that exports an array by Arrow's C data interface.

    >>> import dlpack
    >>> isinstance(b"abc", dlpack.SupportsArrowArray)
    False
    """

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Returns a capsule of the schema and one of the array."""
        ...


for _protocol in (
    SupportsArrayInterface,
    SupportsArrayStruct,
    SupportsArrowArray,
    SupportsCudaArrayInterface,
    SupportsDLPack,
):
    _protocol.__module__ = "dlpack"
del _protocol
