"""The import of the reference."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import dlpack

from .. import abi, synthetic
from .arrays import flat
from .faults import FOREVER, active, does
from .structs import struct_of


class Imported:
    """An imported tensor of the reference."""

    def __init__(self, tensor: Any, struct: Any = None):
        self.tensor, self.struct = tensor, struct
        self.thread = threading.get_ident()

    shape = property(lambda self: self.tensor.shape)
    address = property(lambda self: self.tensor.address)

    def tolist(self) -> list[Any]:
        if self.tensor.__dlpack_device__()[0] == abi.METAL:
            raise RuntimeError("no such device")
        found = flat(self.tensor.tolist())
        if does("live-shape-in") and self.struct is not None:
            tensor = self.struct.dl_tensor
            count = 1
            for axis in range(tensor.ndim):
                count *= tensor.shape[axis]
            found = found[:count]
        return found

    def write(self) -> None:
        view: Any = memoryview(self.tensor)
        view[0, 0] = 7.0

    def __dlpack__(self, **given: Any) -> Any:
        return self.tensor.__dlpack__(**given)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()

    def __del__(self) -> None:
        if does("own-thread-only") and threading.get_ident() != self.thread:
            FOREVER.append(self.tensor)


_count = 0


def take(producer: Any, copy: Any = None, device: Any = None) -> Any:
    """The import of the reference."""
    if not hasattr(producer, "__dlpack__") or not hasattr(producer, "__dlpack_device__"):
        raise (TypeError if does("missing-type-error") else AttributeError)("the object has no __dlpack__")
    keywords: dict[str, Any] = {"max_version": (1, 3), "copy": copy}
    if device is not None:
        if does("device-argument-refused"):
            raise ValueError("no devices")
        if not does("device-argument-ignored"):
            keywords["dl_device"] = (1, 1) if does("device-argument-other") else (1, 0)
    if does("asks-old"):
        keywords = {}
    if does("asks-strange"):
        keywords["fast"] = True
    if does("asks-stream"):
        keywords["stream"] = 1
    if does("copy-ignored-in"):
        keywords["copy"] = copy = None
    device = producer.__dlpack_device__()
    if does("device-text-error") and isinstance(device, str):
        raise SystemError("returned NULL without setting an exception")
    if does("device-lie-crash") and device[0] == 2:
        os.abort()
    capsule = _ask(producer, keywords)
    if not abi.is_capsule(capsule):
        if does("none-taken"):
            return Imported(dlpack.asdlpack(b"\0" * 24).view("float32").reshape(2, 3))
        raise TypeError("__dlpack__ returned no capsule")
    return _take(capsule, copy)


def _ask(producer: Any, keywords: dict[str, Any]) -> Any:
    try:
        return producer.__dlpack__(**keywords)
    except TypeError as error:
        if does("other-exception") and "unexpected keyword" not in str(error):
            raise RuntimeError(str(error)) from None
        if type(error) is not TypeError or does("no-retry") or "unexpected keyword" not in str(error):
            raise
        return producer.__dlpack__()
    except Exception as error:
        if does("other-exception"):
            raise RuntimeError(str(error)) from None
        if does("other-exceptions"):
            raise KeyError(str(error)) from None
        if does("other-message"):
            raise BufferError("cannot import") from None
        raise


def _take(capsule: Any, copy: Any) -> Any:
    global _count
    name = abi.name_of(capsule) or ""
    if (does("any-name") and name == "tensor") or (does("used-again") and name.startswith("used_")):
        abi.rename(capsule, abi.VERSIONED)
    if not (abi.name_of(capsule) or "").startswith("dltensor"):
        raise ValueError(f"a capsule with the name {name!r}")
    struct = struct_of(capsule)
    versioned = hasattr(struct, "flags")
    if does("no-versioned") and versioned:
        raise BufferError("no versioned tensors")
    if does("no-legacy") and not versioned:
        raise BufferError("no legacy tensors")
    fault = active()
    if fault is not None and fault.into is not None:
        if not versioned or struct.version.major == 1 or does("major-2-in") or does("major-0-in"):
            fault.into(struct)
    known = not versioned or struct.version.major == 1
    if known and struct.dl_tensor.device.device_type == abi.METAL and not does("metal-taken"):
        raise BufferError("no tensors of Metal")
    deleter = struct.deleter
    if does("never-deletes") or (does("leaks-some") and _count % 100 == 99):
        struct.deleter = None
    _count += 1
    copies = does("copies-always")
    if does("copies-strided") and struct.dl_tensor.ndim == 2 and struct.dl_tensor.strides:
        copies = struct.dl_tensor.strides[1] != 1
    try:
        tensor = dlpack.asdlpack(capsule, copy=True if copy or copies else None)
    except Exception:
        if does("no-delete-on-refusal") and deleter:
            synthetic.uncall(ctypes.addressof(struct))
        if does("two-deletes-on-refusal") and deleter:
            abi.Deleter(deleter)(ctypes.addressof(struct))
        if does("refusal-class-in"):
            raise ValueError("not that") from None
        if does("system-error"):
            raise SystemError("returned NULL without setting an exception") from None
        raise
    if does("end-crash"):
        import atexit

        atexit.register(os.abort)
    if does("deletes-twice"):
        abi.Deleter(deleter)(ctypes.addressof(struct))
    if does("deletes-early"):
        struct.deleter, run = None, struct.deleter
        abi.Deleter(run)(ctypes.addressof(struct))
        FOREVER.append(tensor)
    if does("not-renamed"):
        abi.rename(capsule, name)
    if does("writes-struct"):
        struct.dl_tensor.byte_offset = 0x5DD5
    return Imported(tensor, struct)
