"""Reads the tensor that a capsule carries, without taking it over."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

from . import abi


@dataclass
class Peek:
    """What the struct said when it was read, and the capsule, which keeps the memory alive."""

    name: str
    version: tuple[int, int] | None
    flags: int
    deleter: int
    context: int
    raw: int
    byte_offset: int
    device: tuple[int, int]
    ndim: int
    dtype: tuple[int, int, int]
    shape: tuple[int, ...] | None
    strides: tuple[int, ...] | None
    struct: Any = field(repr=False)
    capsule: Any = field(repr=False)

    @property
    def versioned(self) -> bool:
        return self.version is not None

    @property
    def data(self) -> int:
        """The address of the first element."""
        return self.raw + self.byte_offset

    @property
    def size(self) -> int:
        """The number of elements."""
        product = 1
        for extent in self.shape or ():
            product *= extent
        return product

    def read(self) -> bytes:
        """The elements in row-major order. Only for elements of whole bytes that the host can read."""
        _, bits, lanes = self.dtype
        size = bits * lanes // 8
        shape = self.shape or ()
        places = [self.data]
        for extent, stride in zip(shape, self.strides or abi.row_major(shape)):
            places = [place + index * stride * size for place in places for index in range(extent)]
        return b"".join(ctypes.string_at(place, size) for place in places)

    def read_packed(self) -> bytes:
        """The bytes of a compact tensor, also of elements smaller than a byte."""
        return ctypes.string_at(self.data, abi.nbytes(self.dtype, self.size))

    def take(self) -> Any:
        """Takes the tensor over as a consumer does, and returns the struct, whose deleter is then the caller's."""
        abi.rename(self.capsule, f"used_{self.name}")
        self.capsule = None
        return self.struct


def describe(struct: Any, name: str, capsule: Any = None) -> Peek:
    """Reads a managed tensor."""
    versioned = isinstance(struct, abi.ManagedTensorVersioned)
    tensor = struct.dl_tensor
    ndim = tensor.ndim
    axes = range(ndim if 0 <= ndim <= 1024 else 0)
    return Peek(
        name=name,
        version=(struct.version.major, struct.version.minor) if versioned else None,
        flags=struct.flags if versioned else 0,
        deleter=struct.deleter or 0,
        context=struct.manager_ctx or 0,
        raw=tensor.data or 0,
        byte_offset=tensor.byte_offset,
        device=(tensor.device.device_type, tensor.device.device_id),
        ndim=ndim,
        dtype=tensor.dtype.triple(),
        shape=tuple(tensor.shape[i] for i in axes) if tensor.shape or ndim == 0 else None,
        strides=tuple(tensor.strides[i] for i in axes) if tensor.strides or ndim == 0 else None,
        struct=struct,
        capsule=capsule,
    )


def peek(capsule: Any) -> Peek:
    """Reads the tensor of a capsule, by the capsule's name. The capsule stays unconsumed."""
    from .case import expect

    expect(abi.is_capsule(capsule), f"{type(capsule).__name__} instead of a capsule")
    name = abi.name_of(capsule)
    expect(name in (abi.LEGACY, abi.VERSIONED), f"a capsule with the name {name!r}")
    kind = abi.ManagedTensorVersioned if name == abi.VERSIONED else abi.ManagedTensor
    return describe(kind.from_address(abi.pointer_of(capsule)), str(name), capsule)
