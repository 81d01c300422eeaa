"""The arrays of the reference, and what stands for them."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import dlpack

from .. import abi
from ..values import encode
from .faults import FOREVER, active, does
from .structs import native, struct_of


class Array:
    """An array of the reference."""

    def __init__(self, tensor: Any, negated: bool = False):
        self.tensor, self.negated = tensor, negated
        self.last: Any = None
        self.guard: Any = None
        self.shared: Any = None
        self.versioned = True

    shape = property(lambda self: self.tensor.shape)
    address = property(lambda self: self.tensor.address + 8 * does("address"))

    def tolist(self) -> list[Any]:
        """The elements, flat."""
        found = flat(self.tensor.tolist())
        return [-x for x in found] if self.negated else found

    def view(self, change: Callable[[Any], Any]) -> Array:
        return Array(change(self.tensor))

    def write(self) -> None:
        view: Any = memoryview(self.tensor)
        view[0, 0] = 7.0

    def set_shape(self, shape: tuple[int, ...]) -> None:
        if does("live-shape") and self.last is not None:
            for axis, size in enumerate(shape):
                self.last.dl_tensor.shape[axis] = size
        self.tensor = self.tensor.reshape(*shape)

    def grow(self) -> None:
        if does("frees-on-grow"):
            memoryview(self.tensor).cast("B")[:] = b"\xdd" * 256
        self.tensor = dlpack.asdlpack(bytearray(1024)).view("float32")

    @property
    def __array_interface__(self) -> Any:
        found = dict(self.tensor.__array_interface__)
        if does("array-interface"):
            found["shape"] = found["shape"][::-1]
        return found

    def __dlpack_device__(self) -> Any:
        if does("device-text"):
            return ("cpu", 0)
        if does("device-no-number"):
            return (1, None)
        if does("device-list"):
            return [1, 0]
        return (2, 0) if does("device-disagrees") else (1, 1) if does("cpu-number") else (1, 0)

    def __dlpack__(self, *positional: Any, **given: Any) -> Any:
        if positional and not does("positional"):
            raise TypeError("__dlpack__() takes no positional arguments")
        known = {"stream", "max_version", "dl_device", "copy"}
        for name in given:
            if (name not in known and not does("unknown-keyword")) or does(f"no-{name}"):
                raise TypeError(f"__dlpack__() got an unexpected keyword argument {name!r}")
        return self._export(**{name: value for name, value in given.items() if name in known})

    def _export(
        self, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        tensor = self.tensor
        if does("thread-only") and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("not on this thread")
        if does("stream"):
            stream = None
        if does("legacy-only"):
            max_version = None
        if does("default-error") and max_version is None:
            raise RuntimeError("versioned tensors only")
        if does("default-versioned") and max_version is None:
            max_version = (1, 3)
        if max_version is not None and max_version[0] == 0:
            if does("old-versioned"):
                max_version = (1, 3)
            if does("old-error"):
                raise AttributeError("no such thing")
        if max_version is not None and (
            (does("refuses-minor") and max_version > (1, 3)) or (does("refuses-major") and max_version[0] > 1)
        ):
            raise BufferError("too new")
        if does("copy-ignored") or (does("copy-ignored-legacy") and max_version is None):
            copy = None
        if does("copy-shared") and copy:
            self.shared = dlpack.from_dlpack(tensor, copy=True) if self.shared is None else self.shared
            tensor, copy = self.shared, None
        if does("copy-false-copies") and copy is False:
            copy = True
        if does("always-copies"):
            copy = True
        if dl_device is not None:
            if does("no-cpu") and tuple(dl_device) == (1, 0):
                raise BufferError("no copy to the CPU")
            if tuple(dl_device) != (1, 0):
                if does("device-value-error"):
                    raise ValueError("no such device")
                if does("device-ignored"):
                    dl_device = None
                if does("device-no-copy-error") and copy is False:
                    raise RuntimeError("no such device")
        if self.negated and not does("negation-ignored"):
            raise BufferError("the elements are negated when they are read")
        if does("reuses-struct") and self.last is not None:
            return abi.new_capsule(
                ctypes.addressof(self.last), abi.VERSIONED if self.versioned else abi.LEGACY
            )
        if does("read-only-legacy") and tensor.readonly and not (max_version and max_version[0] >= 1):
            capsule = tensor.__dlpack__(max_version=(1, 3))
            return _legacy(capsule)
        capsule = tensor.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)
        struct = struct_of(capsule)
        fault = active()
        if fault is not None and fault.out is not None:
            fault.out(struct, self)
        self.last, self.versioned = struct, isinstance(struct, abi.ManagedTensorVersioned)
        return self._wrapped(capsule, struct)

    def _wrapped(self, capsule: Any, struct: Any) -> Any:
        name = abi.name_of(capsule) or ""
        if does("reuses-struct"):
            FOREVER.append(capsule)
        if does("frees-used-capsule") or does("python-destructor"):
            abi.rename(capsule, "kept")
            FOREVER.append(capsule)
            callback = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(
                lambda _: abi.call_deleter(struct) if does("frees-used-capsule") else None
            )
            FOREVER.append(callback)
            return abi.new_capsule(
                ctypes.addressof(struct), name, ctypes.cast(callback, ctypes.c_void_p).value
            )
        if does("leaks-unused"):
            FOREVER.append(capsule)
            return abi.new_capsule(ctypes.addressof(struct), name)
        return capsule


class WithoutDevice:
    """An array without `__dlpack_device__`."""

    def __init__(self, array: Array):
        self.array = array
        self.shape = array.shape

    def tolist(self) -> Any:
        return self.array.tolist()

    def __dlpack__(self, **given: Any) -> Any:
        return self.array.__dlpack__(**given)


def _legacy(capsule: Any) -> Any:
    # A legacy struct of a versioned one, by hand.
    old = struct_of(capsule)
    made = abi.ManagedTensor()
    made.dl_tensor, made.manager_ctx, made.deleter = old.dl_tensor, 1, native("PyErr_Occurred")
    FOREVER.extend((capsule, made))
    return abi.new_capsule(ctypes.addressof(made), abi.LEGACY)


def flat(found: Any) -> list[Any]:
    return [x for part in found for x in flat(part)] if isinstance(found, list) else [found]


def make(dtype: str, values: list[Any], shape: tuple[int, ...]) -> Any:
    """An array of the reference."""
    if dtype in abi.SUB_BYTE:
        base = dlpack.asdlpack(bytearray(encode(dtype, values)))
        return Array(dlpack.from_pointer(base.address, shape, dtype, device="cpu", owner=base))
    array = Array(dlpack.asdlpack(bytearray(encode(dtype, values))).view(dtype).reshape(*shape))
    if does("misaligned"):
        data = bytearray(1) + bytearray(encode(dtype, values))
        array = Array(dlpack.asdlpack(data)[1:])
        array.tensor = _misaligned(data, dtype, shape)
    if does("table-old-name"):
        array.tensor = OldName()
    if does("table-export-refusal") or does("table-export-out"):
        array.tensor = Refused()
    return WithoutDevice(array) if does("no-device-method") else array


def borrowed() -> Array:
    """An array of the reference over memory of something else."""
    array: Array = make("float32", [1.0] * 64, (64,))
    if does("borrowed-not-kept"):
        buffer = (ctypes.c_char * 256).from_buffer_copy(encode("float32", [1.0] * 64))
        FOREVER.append(buffer)
        address = ctypes.addressof(buffer)
        array = Array(dlpack.from_pointer(address, (64,), "float32", device="cpu", owner=buffer))
        array.guard = Guard(buffer)
    return array


def narrow() -> Array:
    """Integers of four bits."""
    array = Array(dlpack.from_pointer(_NARROW.address, (6,), "uint4", device="cpu", owner=_NARROW))
    return Array(_NARROW.view("uint8").reshape(3)) if does("narrow-as-bytes") else array


_NARROW = dlpack.asdlpack(bytearray(b"\x10\x32\x54"))


class Mine:
    """What stands for a subclass, since the package's own class has none."""

    def __init__(self, tensor: Any):
        self.tensor = tensor


class OldName:
    """An array whose class has its table under the name of version 1.2 alone."""

    __c_dlpack_exchange_api__ = None


def strided(tensor: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """The same memory with other strides."""
    return dlpack.from_pointer(tensor.address, shape, "float32", strides, device="cpu", owner=tensor)


def _misaligned(data: bytearray, dtype: str, shape: tuple[int, ...]) -> Any:
    base = dlpack.asdlpack(data)
    return dlpack.from_pointer(base.address + 1, shape, dtype, device="cpu", owner=base)


class Refused:
    """What cannot be described."""

    def __dlpack__(self, **given: Any) -> Any:
        if does("refusal-class"):
            raise ValueError("it has another byte order")
        if does("no-refusal"):
            return dlpack.asdlpack(b"abcd").__dlpack__(**given)
        raise BufferError("it has another byte order")

    def __dlpack_device__(self) -> Any:
        return (1, 0)


class Guard:
    def __init__(self, buffer: Any):
        self.buffer = buffer

    def __del__(self) -> None:
        ctypes.memset(self.buffer, 0xDD, len(self.buffer))
