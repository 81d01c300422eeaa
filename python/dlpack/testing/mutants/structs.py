"""Looks at a struct, and changes it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from .. import abi
from .faults import FOREVER

Patch = Callable[[Any, Any], None]


def struct_of(capsule: Any) -> Any:
    """The struct of a capsule, of the ABI that its name says."""
    kind: Any = (
        abi.ManagedTensorVersioned if "versioned" in (abi.name_of(capsule) or "") else abi.ManagedTensor
    )
    return kind.from_address(abi.pointer_of(capsule))


def native(name: str) -> int:
    """The address of a function of CPython's."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


def set_fields(**fields: Any) -> Patch:
    """Sets fields of the struct or of its tensor."""

    def patch(struct: Any, _: Any) -> None:
        for name, value in fields.items():
            owner = struct if hasattr(struct, name) else struct.dl_tensor
            if name in ("flags", "version") and not hasattr(struct, name):
                continue
            setattr(owner, name, value)

    return patch


def shape_of(struct: Any) -> list[int]:
    """The shape, or nothing where a struct has none that can be read."""
    tensor = struct.dl_tensor
    return [tensor.shape[i] for i in range(tensor.ndim)] if tensor.shape and 0 < tensor.ndim < 100 else []


def resize(*shape: int) -> Callable[[Any], None]:
    """Writes another shape."""

    def change(struct: Any) -> None:
        for axis, size in enumerate(shape):
            struct.dl_tensor.shape[axis] = size

    return change


def no_strides(struct: Any) -> None:
    """Takes the strides away."""
    struct.dl_tensor.strides = ctypes.POINTER(ctypes.c_int64)()


def fresh(struct: Any) -> None:
    """Puts other memory in the place of the data."""
    buffer = ctypes.create_string_buffer(64)
    FOREVER.append(buffer)
    struct.dl_tensor.data = ctypes.addressof(buffer)
