"""Producers of structs that are written field by field."""

from __future__ import annotations

import ctypes
from typing import Any

READ_ONLY = 1
IS_COPIED = 2


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Legacy(ctypes.Structure):
    _fields_ = [("tensor", _DLTensor), ("context", ctypes.c_void_p), ("deleter", _Deleter)]


class _Versioned(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("context", ctypes.c_void_p),
        ("deleter", _Deleter),
        ("flags", ctypes.c_uint64),
        ("tensor", _DLTensor),
    ]


# Not as attributes of `pythonapi`, whose types other libraries change.
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
# Consumers may outlive the object, and call its deleters then.
_KEPT: list[Any] = []
_NAMES = {_Legacy: b"dltensor", _Versioned: b"dltensor_versioned"}


class Struct:
    """Eight or more floats from 1 on, in a block that begins at a multiple of 256 bytes.

    What consumers get is never freed, whatever they do with it.
    """

    def __init__(
        self,
        shape: tuple[int, ...] = (8,),
        strides: tuple[int, ...] | None = (1,),
        offset: int = 0,
        start: int = 0,
        device: tuple[int, int | None] = (1, 0),
        keywords: bool = True,
        always: type | None = None,
        flags: int = 0,
        copies: bool = False,
        spelled: Any = None,
    ) -> None:
        self.block = (ctypes.c_float * 256)()
        address = ctypes.addressof(self.block)
        self.data = address + -address % 256 + start
        for i in range(16):
            ctypes.c_float.from_address(self.data + offset + 4 * i).value = i + 1
        self.shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        self.strides = None if strides is None else (ctypes.c_int64 * max(len(strides), 1))(*strides)
        self.ndim, self.offset, self.flags = len(shape), offset, flags
        self.device, self.spelled = device, spelled or device
        self.keywords, self.always, self.copies = keywords, always, copies
        self.deleted = 0
        self.kept: list[Any] = []
        _KEPT.append((self.kept, self.block, self.shape, self.strides))

    def __dlpack__(self, **keywords: Any) -> Any:
        if keywords and not self.keywords:
            raise TypeError("got an unexpected keyword argument")
        version = keywords.get("max_version")
        struct: Any = (self.always or (_Versioned if version and version[0] else _Legacy))()
        struct.deleter = self.count
        if isinstance(struct, _Versioned):
            struct.version[:] = [1, 0]
            struct.flags = self.flags
        data = self.data
        if keywords.get("copy") and self.copies:
            other = (ctypes.c_float * 256).from_buffer_copy(self.block)
            self.kept.append(other)
            data = ctypes.addressof(other) + (self.data - ctypes.addressof(self.block))
        t = struct.tensor
        t.data, t.byte_offset, t.ndim = data, self.offset, self.ndim
        t.device[:] = [self.device[0], self.device[1] or 0]
        t.code, t.bits, t.lanes = 2, 32, 1
        t.shape = self.shape
        if self.strides is not None:
            t.strides = self.strides
        self.kept.append(struct)
        return _new(ctypes.addressof(struct), _NAMES[type(struct)], None)

    def __dlpack_device__(self) -> Any:
        return self.spelled

    @property
    def count(self) -> Any:
        def delete(_: Any) -> None:
            self.deleted += 1

        made = _Deleter(delete)
        self.kept.append(made)
        return made


VERSIONED, LEGACY = _Versioned, _Legacy


def flags_of(capsule: Any) -> int:
    """Returns the flags in a versioned capsule, which stays as it is."""
    flags: int = _Versioned.from_address(_get(capsule, b"dltensor_versioned")).flags
    return flags
