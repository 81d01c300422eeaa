"""A reference that follows the standard, and copies of it with one deliberate fault each, for the tests of the suite itself.

The reference is this package behind a thin class. A fault changes what passes through the class: a field of a struct on its way
out or in, a keyword, a function of the table. Every fault names the cases that are meant to find it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dlpack

from . import abi, synthetic
from .adapters import Adapter
from .values import encode

Patch = Callable[[Any, "Array"], None]
_forever: list[Any] = []
_active: Fault | None = None


@dataclass(frozen=True)
class Fault:
    """One fault, and the cases that are meant to find it."""

    name: str
    finds: tuple[str, ...]
    # What is done to a struct that is handed out, or that comes in.
    out: Any = None
    into: Any = None
    # What the classes below do otherwise.
    does: str = ""


FAULTS: dict[str, Fault] = {}


def _fault(name: str, *finds: str, out: Any = None, into: Any = None, does: str = "") -> None:
    assert name not in FAULTS and finds
    FAULTS[name] = Fault(name, finds, out, into, does or name)


def does(name: str) -> bool:
    """Whether the fault that is active is this one."""
    return _active is not None and _active.does == name


def _struct(capsule: Any) -> Any:
    kind: Any = (
        abi.ManagedTensorVersioned if "versioned" in (abi.name_of(capsule) or "") else abi.ManagedTensor
    )
    return kind.from_address(abi.pointer_of(capsule))


def _native(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


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
        found = _flat(self.tensor.tolist())
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
        struct = _struct(capsule)
        if _active is not None and _active.out is not None:
            _active.out(struct, self)
        self.last, self.versioned = struct, isinstance(struct, abi.ManagedTensorVersioned)
        return self._wrapped(capsule, struct)

    def _wrapped(self, capsule: Any, struct: Any) -> Any:
        name = abi.name_of(capsule) or ""
        if does("reuses-struct"):
            _forever.append(capsule)
        if does("frees-used-capsule") or does("python-destructor"):
            abi.rename(capsule, "kept")
            _forever.append(capsule)
            callback = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(
                lambda _: abi.call_deleter(struct) if does("frees-used-capsule") else None
            )
            _forever.append(callback)
            return abi.new_capsule(
                ctypes.addressof(struct), name, ctypes.cast(callback, ctypes.c_void_p).value
            )
        if does("leaks-unused"):
            _forever.append(capsule)
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
    old = _struct(capsule)
    made = abi.ManagedTensor()
    made.dl_tensor, made.manager_ctx, made.deleter = old.dl_tensor, 1, _native("PyErr_Occurred")
    _forever.extend((capsule, made))
    return abi.new_capsule(ctypes.addressof(made), abi.LEGACY)


def _flat(found: Any) -> list[Any]:
    return [x for part in found for x in _flat(part)] if isinstance(found, list) else [found]


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
        _forever.append(buffer)
        address = ctypes.addressof(buffer)
        array = Array(dlpack.from_pointer(address, (64,), "float32", device="cpu", owner=buffer))
        array.guard = _Guard(buffer)
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


# What producers do wrong.


def _set(**fields: Any) -> Patch:
    """Sets fields of the struct or of its tensor."""

    def patch(struct: Any, _: Any) -> None:
        for name, value in fields.items():
            owner = struct if hasattr(struct, name) else struct.dl_tensor
            if name in ("flags", "version") and not hasattr(struct, name):
                continue
            setattr(owner, name, value)

    return patch


def _flag(bit: int, only_alias: bool = True) -> Patch:
    def patch(struct: Any, array: Any) -> None:
        if hasattr(struct, "flags") and not (only_alias and struct.flags & abi.IS_COPIED):
            struct.flags |= bit

    return patch


def _clear(bit: int) -> Patch:
    def patch(struct: Any, array: Any) -> None:
        if hasattr(struct, "flags"):
            struct.flags &= ~bit

    return patch


def _dtype(wanted: str, found: Any) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        dtype = struct.dl_tensor.dtype
        if dtype.triple() == abi.triple(wanted):
            struct.dl_tensor.dtype = abi.DataType(*abi.triple(found))

    return patch


def _dtype_fault(wanted: str) -> Patch:
    return _dtype(wanted, (3, abi.triple(wanted)[1], 1))


def _empty_one(struct: Any, _: Any) -> None:
    if _shape_of(struct) == [0]:
        struct.dl_tensor.shape[0] = 1


def _strides(change: Callable[[int, int], int]) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        tensor = struct.dl_tensor
        for axis in range(tensor.ndim):
            tensor.strides[axis] = change(tensor.strides[axis], tensor.dtype.bits // 8)

    return patch


def _null_strides(when: Callable[[Any], bool]) -> Patch:
    def patch(struct: Any, _: Any) -> None:
        if when(struct):
            struct.dl_tensor.strides = ctypes.POINTER(ctypes.c_int64)()

    return patch


def _base(struct: Any, array: Any) -> None:
    # Forgets where a part starts.
    tensor = struct.dl_tensor
    if tensor.ndim == 2 and tensor.shape[0] == 1 and tensor.shape[1] == 2:
        tensor.data -= 16


def _one_axis(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if tensor.ndim == 0:
        one = (ctypes.c_int64 * 1)(1)
        _forever.append(one)
        tensor.ndim, tensor.shape, tensor.strides = 1, one, one


def _lost_shape(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if tensor.ndim > 1 and 0 in [tensor.shape[i] for i in range(tensor.ndim)]:
        for axis in range(tensor.ndim):
            tensor.shape[axis] = 0


def _size_one(struct: Any, _: Any) -> None:
    for axis, extent in enumerate(_shape_of(struct)):
        if extent == 1:
            struct.dl_tensor.strides[axis] = 99


def _offset(struct: Any, _: Any) -> None:
    if struct.dl_tensor.data:
        struct.dl_tensor.data -= 8
        struct.dl_tensor.byte_offset = 8


def _dangling(struct: Any, _: Any) -> None:
    tensor = struct.dl_tensor
    if 0 in [tensor.shape[i] for i in range(tensor.ndim)]:
        tensor.data = 8


def _callback_deleter(struct: Any, _: Any) -> None:
    callback = abi.Deleter(lambda _: None)
    _forever.append(callback)
    struct.deleter = ctypes.cast(callback, ctypes.c_void_p)


def _early(struct: Any, array: Any) -> None:
    # The memory is the array's, and goes with it.
    tensor = struct.dl_tensor
    size = 4 * 6
    buffer = (ctypes.c_char * size).from_buffer_copy(ctypes.string_at(tensor.data, size))
    _forever.append(buffer)
    tensor.data = ctypes.addressof(buffer)
    array.guard = _Guard(buffer)


class _Guard:
    def __init__(self, buffer: Any):
        self.buffer = buffer

    def __del__(self) -> None:
        ctypes.memset(self.buffer, 0xDD, len(self.buffer))


def _many_axes(struct: Any, _: Any) -> None:
    if struct.dl_tensor.ndim > 6:
        struct.dl_tensor.ndim = 6


_fault("no-device-method", "producer.methods")
_fault("device-text", "producer.device.pair")
_fault("device-no-number", "producer.device.pair")
_fault("device-list", "producer.device.pair")
_fault("device-disagrees", "producer.device.agrees")
_fault("cpu-number", "producer.device.cpu-number", out=_set(device=abi.Device(1, 1)))
_fault("default-versioned", "producer.capsule.default")
_fault("default-error", "producer.capsule.default")
_fault("legacy-only", "producer.max-version.1.0", "producer.max-version.1.3")
_fault("refuses-minor", "producer.max-version.newer-minor")
_fault("refuses-major", "producer.max-version.newer-major")
_fault("old-versioned", "producer.max-version.old")
_fault("old-error", "producer.max-version.old")
_fault("no-stream", "producer.keyword.stream")
_fault("no-max_version", "producer.keyword.max-version")
_fault("no-dl_device", "producer.keyword.dl-device")
_fault("no-copy", "producer.keyword.copy")
_fault("unknown-keyword", "producer.keyword.unknown")
_fault("positional", "producer.keyword.positional")
_fault("stream", "producer.stream.cpu")
_fault("reuses-struct", "producer.reuse")
_fault("major-2", "producer.max-version.1.2", "producer.version", out=_set(version=abi.Version(2, 0)))
_fault("major-0", "producer.max-version.1.1", "producer.version", out=_set(version=abi.Version(0, 8)))
_fault("unknown-flag", "producer.flags.none", out=_flag(1 << 20))
_fault("false-copy-flag", "producer.flags.none", out=_flag(abi.IS_COPIED))
_fault("false-padded-flag", "producer.flags.none", out=_flag(abi.PADDED))
_fault("buffer-read-only", "producer.agrees.buffer", out=_flag(abi.READ_ONLY))
_fault("false-read-only", "producer.flags.writable", out=_flag(abi.READ_ONLY))
_fault("read-only-copy", "producer.copy.flag", out=_flag(abi.READ_ONLY, False))
_fault("no-read-only", "producer.read-only.versioned", out=_clear(abi.READ_ONLY))
_fault("read-only-legacy", "producer.read-only.legacy")
_fault("copy-ignored", "producer.copy.true")
_fault("copy-shared", "producer.copy.true")
_fault("no-copy-flag", "producer.copy.flag", out=_clear(abi.IS_COPIED))
_fault("copy-ignored-legacy", "producer.copy.legacy")
_fault("copy-false-copies", "producer.copy.false")
_fault("always-copies", "producer.copy.none", "producer.agrees.address")
_fault("no-cpu", "producer.dl-device.cpu")
_fault("device-value-error", "producer.dl-device.other", "producer.dl-device.cuda")
_fault("device-ignored", "producer.dl-device.other", "producer.dl-device.no-copy")
_fault("device-no-copy-error", "producer.dl-device.no-copy")
_fault("bool-as-byte", "producer.dtype.bool", out=_dtype("bool", "uint8"))
_fault("bits-as-bytes", "producer.dtype.float32", out=_dtype("float32", (2, 4, 1)))
_fault("no-lanes", "producer.dtype.int16", out=_dtype("int16", (0, 16, 0)))
_fault("complex-component", "producer.dtype.complex64", out=_dtype("complex64", (5, 32, 1)))
_fault("bfloat16-as-float16", "producer.dtype.bfloat16", out=_dtype("bfloat16", "float16"))
_fault("unsigned-as-signed", "producer.dtype.uint64", out=_dtype("uint64", "int64"))
_fault("float8-other", "producer.dtype.float8_e4m3fn", out=_dtype("float8_e4m3fn", "float8_e4m3"))
_fault("refusal-class", "producer.refusal.class")
_fault("no-refusal", "producer.refusal.needed")
_fault("negation-ignored", "producer.lazy")
_fault("strides-in-bytes", "producer.strides.compact", out=_strides(lambda stride, size: stride * size))
_fault(
    "strides-forgotten",
    *(f"producer.layout.{name}" for name in "transposed step broadcast diagonal window".split()),
    out=_null_strides(lambda s: True),
)
_fault("strides-null", "producer.strides.present", out=_null_strides(lambda s: hasattr(s, "flags")))
_fault("strides-null-legacy", "producer.strides.legacy", out=_null_strides(lambda s: not hasattr(s, "flags")))
_fault(
    "strides-positive",
    "producer.layout.reversed",
    "producer.layout.size-one",
    out=_strides(lambda stride, _: abs(stride)),
)
_fault("start-forgotten", "producer.layout.offset", out=_base)
_fault("scalar-axis", "producer.scalar", out=_one_axis)
_fault("empty-shape", "producer.empty.shape-0x3", "producer.empty.shape-2x0x3", out=_lost_shape)
_fault("empty-dangling", "producer.empty.data", out=_dangling)
_fault("size-one", "producer.strides.size-one", out=_size_one)
_fault("six-axes", "producer.many-axes", out=_many_axes)
_fault("misaligned", "producer.data.aligned")
_fault("byte-offset", "producer.data.offset", out=_offset)
_fault("deleter-null", "producer.deleter.present", out=_set(deleter=None))
_fault("context-null", "producer.context.present", out=_set(manager_ctx=None))
_fault("address", "producer.agrees.address")
_fault("array-interface", "producer.agrees.array-interface")
_fault("frees-used-capsule", "producer.life.twice")
_fault("python-destructor", "producer.life.error")
_fault("leaks-unused", "producer.life.unused")
_fault("leaks-used", "producer.life.used", out=_set(deleter=_native("PyErr_Occurred")))
_fault(
    "deleter-without-gil",
    "producer.life.thread",
    "producer.life.taken",
    out=_set(deleter=_native("PyErr_Clear")),
)
for _each in abi.DTYPES:
    _fault(f"opaque-{_each}", f"producer.dtype.{_each}", out=_dtype_fault(_each))
_fault("empty-one", "producer.empty.shape-0", out=_empty_one)
_fault("deleter-at-end", "producer.life.end", out=_callback_deleter)
_fault("memory-with-array", "producer.life.taken", out=_early)
_fault("thread-only", "producer.life.threads")
_fault("live-shape", "producer.life.shape")
_fault("borrowed-not-kept", "producer.life.borrowed")
_fault("frees-on-grow", "producer.life.resize")
_fault("narrow-as-bytes", "producer.dtype.narrow-integers")
_fault(
    "narrow-shifted",
    "producer.dtype.narrow-integers",
    out=lambda struct, _: setattr(struct.dl_tensor, "data", struct.dl_tensor.data + 1),
)


# What consumers do wrong.


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
        found = _flat(self.tensor.tolist())
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
            _forever.append(self.tensor)


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
    struct = _struct(capsule)
    versioned = hasattr(struct, "flags")
    if does("no-versioned") and versioned:
        raise BufferError("no versioned tensors")
    if does("no-legacy") and not versioned:
        raise BufferError("no legacy tensors")
    if _active is not None and _active.into is not None:
        if not versioned or struct.version.major == 1 or does("major-2-in") or does("major-0-in"):
            _active.into(struct)
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
        _forever.append(tensor)
    if does("not-renamed"):
        abi.rename(capsule, name)
    if does("writes-struct"):
        struct.dl_tensor.byte_offset = 0x5DD5
    return Imported(tensor, struct)


def _refuse(when: Callable[[Any], bool]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            raise BufferError("not that")

    return patch


def _crash(when: Callable[[Any], bool]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            os.abort()

    return patch


def _mend(when: Callable[[Any], bool], change: Callable[[Any], None]) -> Any:
    def patch(struct: Any) -> None:
        if when(struct):
            change(struct)

    return patch


def _put(**fields: Any) -> Callable[[Any], None]:
    patch: Any = _set(**fields)
    return lambda struct: patch(struct, None)


def _has(flag: int) -> Callable[[Any], bool]:
    return lambda s: bool(hasattr(s, "flags") and s.flags & flag)


def _major(number: int) -> Callable[[Any], bool]:
    return lambda s: bool(hasattr(s, "version") and s.version.major == number)


def _shape_of(struct: Any) -> list[int]:
    tensor = struct.dl_tensor
    return [tensor.shape[i] for i in range(tensor.ndim)] if tensor.shape and 0 < tensor.ndim < 100 else []


def _first_stride(struct: Any) -> int:
    return struct.dl_tensor.strides[0] if struct.dl_tensor.strides and struct.dl_tensor.ndim > 0 else 0


def _resize(*shape: int) -> Callable[[Any], None]:
    def change(struct: Any) -> None:
        for axis, size in enumerate(shape):
            struct.dl_tensor.shape[axis] = size

    return change


def _each_stride(change: Callable[[int], int]) -> Callable[[Any], None]:
    def apply(struct: Any) -> None:
        for axis in range(struct.dl_tensor.ndim):
            struct.dl_tensor.strides[axis] = change(struct.dl_tensor.strides[axis])

    return apply


def _no_strides(struct: Any) -> None:
    struct.dl_tensor.strides = ctypes.POINTER(ctypes.c_int64)()


def _null_data(struct: Any) -> bool:
    return not struct.dl_tensor.data and 0 not in _shape_of(struct)


def _fresh(struct: Any) -> None:
    buffer = ctypes.create_string_buffer(64)
    _forever.append(buffer)
    struct.dl_tensor.data = ctypes.addressof(buffer)


def _is(triple: Any) -> Callable[[Any], bool]:
    def check(struct: Any) -> bool:
        dtype = struct.dl_tensor.dtype
        return bool(dtype.triple() == abi.triple(triple))

    return check


def _becomes(triple: Any) -> Callable[[Any], None]:
    def change(struct: Any) -> None:
        struct.dl_tensor.dtype = abi.DataType(*abi.triple(triple))

    return change


def _always(_: Any) -> bool:
    return True


def _times_four(struct: Any) -> None:
    struct.dl_tensor.byte_offset *= 4


def _round_down(struct: Any) -> None:
    if struct.dl_tensor.data:
        struct.dl_tensor.data &= ~3


_C = "consumer."
_fault(
    "major-2-in",
    _C + "version.major",
    _C + "version.major-guarded",
    into=_mend(_major(2), _put(version=abi.Version(1, 3))),
)
_fault("major-0-in", _C + "version.zero", into=_mend(_major(0), _put(version=abi.Version(1, 3))))
_fault(
    "minor-refused",
    _C + "version.minor",
    into=_refuse(lambda s: hasattr(s, "version") and s.version.minor > 3),
)
_fault(
    "old-minor-refused",
    _C + "version.first",
    into=_refuse(lambda s: hasattr(s, "version") and s.version.minor == 0),
)
_fault("flag-refused", _C + "flags.unknown", into=_refuse(_has(1 << 40)))
_fault("copied-refused", _C + "flags.copied", into=_refuse(_has(abi.IS_COPIED)))
_fault("read-only-refused", _C + "flags.read-only", into=_refuse(_has(abi.READ_ONLY)))
_fault("padded-refused", _C + "flags.padded", into=_refuse(_has(abi.PADDED)))
_fault(
    "read-only-dropped",
    _C + "flags.read-only-written",
    _C + "life.export",
    into=_mend(_has(1), _put(flags=0)),
)
_fault("ndim-negative", _C + "ndim.negative", into=_mend(lambda s: s.dl_tensor.ndim < 0, _put(ndim=0)))
_fault("ndim-crash", _C + "ndim.negative", _C + "ndim.minimum", into=_crash(lambda s: s.dl_tensor.ndim < 0))
_fault(
    "shape-null",
    _C + "shape.null",
    into=_mend(lambda s: s.dl_tensor.ndim and not s.dl_tensor.shape, _put(ndim=0)),
)
_fault(
    "shape-null-crash", _C + "shape.null", into=_crash(lambda s: s.dl_tensor.ndim and not s.dl_tensor.shape)
)
_fault("shape-negative", _C + "shape.negative", into=_mend(lambda s: _shape_of(s)[:1] == [-1], _resize(1)))
_fault(
    "shape-minimum", _C + "shape.minimum", into=_mend(lambda s: _shape_of(s)[:1] == [-(2**63)], _resize(0))
)
_fault("shape-huge", _C + "shape.huge", into=_mend(lambda s: _shape_of(s)[:1] == [2**32], _resize(0, 0)))
_fault("shape-huge-crash", _C + "shape.huge-empty", into=_crash(lambda s: _shape_of(s)[:1] == [2**62]))
_fault(
    "shape-negative-empty",
    _C + "shape.negative-empty",
    into=_mend(lambda s: -2 in _shape_of(s), _resize(0, 0)),
)
_fault("scalar-refused", _C + "ndim.zero", into=_refuse(lambda s: s.dl_tensor.ndim == 0))
_fault("axes-refused", _C + "ndim.seven", into=_refuse(lambda s: s.dl_tensor.ndim > 4))
_fault("empty-refused", _C + "empty.null", into=_refuse(lambda s: 0 in _shape_of(s)))
_fault("dangling-refused", _C + "empty.dangling", into=_refuse(lambda s: s.dl_tensor.data == 8))
_fault("null-data", _C + "data.null", into=_mend(_null_data, _fresh))
_fault(
    "null-strides-refused",
    _C + "strides.null-old",
    into=_refuse(lambda s: s.dl_tensor.ndim and not s.dl_tensor.strides),
)
_fault(
    "strides-ignored",
    *(
        _C + f"strides.{name}"
        for name in "transposed step gap overlap diagonal negative negative-both".split()
    ),
    into=_mend(_always, _no_strides),
)
_fault(
    "strides-absolute",
    _C + "strides.negative",
    into=_mend(lambda s: bool(s.dl_tensor.strides), _each_stride(abs)),
)
_fault(
    "stride-zero",
    _C + "strides.zero",
    into=_mend(lambda s: bool(s.dl_tensor.strides), _each_stride(lambda x: x or 1)),
)
_fault(
    "offset-ignored",
    _C + "data.offset-4",
    _C + "data.offset-16",
    _C + "data.offset-64",
    _C + "data.offset-scalar",
    into=_mend(_always, _put(byte_offset=0)),
)
_fault("offset-in-elements", _C + "data.offset-4", into=_mend(_always, _times_four))
_fault("address-rounded", _C + "data.misaligned", into=_mend(_always, _round_down))
_fault(
    "alignment-refused",
    _C + "data.aligned-4",
    into=_refuse(lambda s: bool(s.dl_tensor.data) and s.dl_tensor.data % 64 != 0),
)
_fault("null-deleter-crash", _C + "deleter.null", into=_crash(lambda s: not s.deleter))
_fault("null-context-leak", _C + "context.null", into=_mend(lambda s: not s.manager_ctx, _put(deleter=None)))
_fault("never-deletes", _C + "struct.asked", _C + "struct.legacy", _C + "life.producer")
_fault("deletes-twice", _C + "struct.asked")
_fault("deletes-early", _C + "struct.asked")
_fault("no-delete-on-refusal", _C + "ndim.negative")
_fault("two-deletes-on-refusal", _C + "shape.negative")
_fault("system-error", _C + "ndim.negative")
_fault("lanes-ignored", _C + "dtype.lanes", into=_mend(_is((2, 32, 4)), _becomes("float32")))
_fault("bits-zero", _C + "dtype.bits-zero", into=_mend(_is((2, 0, 1)), _becomes("float32")))
_fault("bits-24", _C + "dtype.bits-24", into=_mend(_is((2, 24, 1)), _becomes("float16")))
_fault("lanes-zero", _C + "dtype.lanes-zero", into=_mend(_is((2, 32, 0)), _becomes("float32")))
_fault("refusal-class-in", _C + "refusal.class", into=_mend(_is((255, 32, 1)), _becomes((2, 32, 0))))
_fault("code-255", _C + "dtype.code-255", into=_mend(_is((255, 32, 1)), _becomes("float32")))
_fault("float4-8", _C + "dtype.float4-8", into=_mend(_is((17, 8, 1)), _becomes("float8_e5m2")))
_fault("float6-8", _C + "dtype.float6-8", into=_mend(_is((15, 8, 1)), _becomes("float8_e5m2")))
_fault("bool-1", _C + "dtype.bool-1", into=_mend(_is((6, 1, 1)), _becomes("bool")))
_fault("bfloat16-in", _C + "dtype.bfloat16", into=_mend(_is("bfloat16"), _becomes("float16")))
_fault("signed-in", _C + "dtype.uint8", into=_mend(_is("uint8"), _becomes("int8")))
_fault("dtype-refused", _C + "dtype.complex128", into=_refuse(_is("complex128")))
_fault("device-crash", _C + "device.cuda", into=_crash(lambda s: s.dl_tensor.device.device_type == 2))
_fault(
    "managed-crash", _C + "device.cuda-managed", into=_crash(lambda s: s.dl_tensor.device.device_type == 13)
)
_fault("asks-old", _C + "asks.versioned")
_fault("asks-strange", _C + "asks.keywords")
_fault("asks-stream", _C + "asks.keywords")
_fault("copies-always", _C + "copy.none", _C + "copy.false")
_fault("copies-strided", _C + "copy.false")
_fault("copy-ignored-in", _C + "copy.true")
_fault("not-renamed", _C + "capsule.renamed", _C + "struct.asked")
_fault("any-name", _C + "capsule.other-name")
_fault("used-again", _C + "capsule.used-versioned", _C + "capsule.used")
_fault("none-taken", _C + "capsule.none")
_fault("other-exception", *(_C + f"raises.{kind}" for kind in ("BufferError", "ValueError", "TypeError")))
_fault("other-exceptions", _C + "raises.RuntimeError")
_fault("other-message", _C + "raises.BufferError")
_fault("no-retry", _C + "struct.old-producer", _C + "struct.first-producer")
_fault("no-versioned", _C + "struct.versioned")
_fault("no-legacy", _C + "struct.ignores-version")
_fault("missing-type-error", _C + "device.missing")
_fault("own-thread-only", _C + "life.thread")
_fault("leaks-some", _C + "life.many")
_fault("live-shape-in", _C + "life.shape")
_fault("end-crash", _C + "life.end")
_fault("device-text-error", _C + "device.garbage")
_fault("device-lie-crash", _C + "device.lies")
_fault("device-argument-refused", _C + "device.asked")
_fault("device-argument-other", _C + "device.asked")
_fault("device-argument-ignored", _C + "device.moved")
_fault("metal-taken", _C + "device.metal-read")
_fault("writes-struct", _C + "struct.untouched")


def _narrow(strides: list[int]) -> Callable[[Any], bool]:
    def check(struct: Any) -> bool:
        tensor = struct.dl_tensor
        return tensor.dtype.bits == 4 and [tensor.strides[i] for i in range(tensor.ndim)] == strides

    return check


_fault(
    "padded-ignored",
    _C + "dtype.padded",
    _C + "life.export-padded",
    into=_mend(_has(abi.PADDED), _put(flags=0)),
)
_fault("packed-compact", _C + "dtype.packed-transposed", into=_mend(_narrow([1, 3]), _no_strides))
_fault("packed-in-bytes", _C + "dtype.packed-step", into=_mend(_narrow([2]), _no_strides))


def _on(field: str, number: int) -> Callable[[Any], bool]:
    return lambda s: bool(getattr(s.dl_tensor.device, field) == number)


for _number, _id in [
    (3, "cuda-host"),
    (8, "metal"),
    (12, "extension"),
    (0, "zero"),
    (99, "unknown"),
    (-1, "negative"),
]:
    _fault(f"device-{_id}-crash", _C + f"device.{_id}", into=_crash(_on("device_type", _number)))
for _number, _id in [(7, "cpu-7"), (-1, "cpu-negative")]:
    _fault(f"device-{_id}", _C + f"device.{_id}", into=_mend(_on("device_id", _number), _fresh))
for _each in abi.DTYPES:
    if _each not in abi.SUB_BYTE:
        _fault(f"refused-{_each}", _C + f"dtype.{_each}", into=_refuse(_is(_each)))
_fault("float4-as-int4", _C + "dtype.float4_e2m1fn", into=_mend(_is("float4_e2m1fn"), _becomes((0, 4, 1))))
for _each in ("float6_e2m3fn", "float6_e3m2fn"):
    _fault(f"{_each}-crash", _C + f"dtype.{_each}", into=_crash(_is(_each)))
_fault("bits-128", _C + "dtype.bits-128", into=_mend(_is((0, 128, 1)), _becomes("int64")))
_fault("opaque-crash", _C + "dtype.opaque", into=_crash(_is((3, 64, 1))))
_fault(
    "axes-dropped", _C + "ndim.64", _C + "ndim.65", into=_mend(lambda s: s.dl_tensor.ndim > 60, _put(ndim=3))
)
_fault(
    "zero-strides-refused",
    _C + "empty.strides",
    into=_refuse(lambda s: _shape_of(s) == [0, 3] and s.dl_tensor.strides[1] == 0),
)
_fault(
    "empty-offset-crash",
    _C + "empty.offset",
    into=_crash(lambda s: _shape_of(s) == [0] and s.dl_tensor.byte_offset),
)
_fault(
    "null-strides-crash",
    _C + "strides.null",
    into=_crash(lambda s: s.dl_tensor.ndim and not s.dl_tensor.strides),
)
_fault("size-one-stride", _C + "strides.size-one", into=_mend(lambda s: _first_stride(s) == -999, _fresh))
_fault(
    "size-one-minimum",
    _C + "strides.size-one-minimum",
    into=_mend(lambda s: _first_stride(s) == -(2**63), _fresh),
)
_fault("huge-stride-crash", _C + "strides.huge", into=_crash(lambda s: _first_stride(s) == 2**62))


# What tables do wrong.


class _Leaving(int):
    """A status that leaves an exception of Python set.

    A callback of ctypes cannot leave one by raising it, since ctypes handles what is raised. But ctypes drops the result after
    that, and with it the capsule here, whose destructor is a native function that sets an exception.
    """

    def __init__(self, _: int):
        self.capsule = abi.new_capsule(ctypes.addressof(_byte), "left", _native("PyErr_NoMemory"))


_byte = ctypes.c_byte()


class _Table:
    """A copy of this package's table, in which one thing is wrong."""

    def __init__(self) -> None:
        capsule = type(dlpack.asdlpack(b"")).__dlpack_c_exchange_api__
        self.real = abi.ExchangeApi.from_address(abi.pointer_of(capsule))
        self.struct = abi.ExchangeApi()
        ctypes.memmove(ctypes.addressof(self.struct), ctypes.addressof(self.real), ctypes.sizeof(self.struct))
        _forever.append(self)
        self.break_it()

    def _replace(self, name: str, kind: Any, function: Any) -> None:
        real = kind(getattr(self.real, name))
        callback = kind(lambda *given: function(real, *given))
        _forever.append(callback)
        setattr(self.struct, name, ctypes.cast(callback, ctypes.c_void_p))

    def break_it(self) -> None:
        header = self.struct.header
        if does("table-major"):
            header.version.major = 2
        if does("table-cycle"):
            header.prev_api = ctypes.addressof(self.struct)
        for name in abi.FUNCTIONS:
            if does(f"table-null-{name}"):
                setattr(self.struct, name, None)
        for prefix, name, kind in [
            ("export", "managed_tensor_from_py_object_no_sync", abi.FromPython),
            ("import", "managed_tensor_to_py_object_no_sync", abi.ToPython),
            ("borrow", "dltensor_from_py_object_no_sync", abi.Borrow),
            ("allocate", "managed_tensor_allocator", abi.Allocate),
            ("stream", "current_work_stream", abi.Stream),
        ]:
            if _active is not None and _active.name.startswith(f"table-{prefix}-"):
                self._replace(name, kind, getattr(self, f"_{prefix}"))

    def _export(self, real: Any, x: Any, out: Any) -> int:
        if does("table-export-out"):
            out[0] = 0xBEE0
            return _Leaving(-1)
        if isinstance(x, Mine):
            x = make("float32", [9.0] * 6, (2, 3)).tensor
        if does("table-export-lazy") and isinstance(x, Array):
            x = x.tensor
        if does("table-export-refusal"):
            x = dlpack.asdlpack(bytearray(4))
        code = int(real(x, out))
        struct = abi.ManagedTensorVersioned.from_address(out[0])
        if does("table-export-major"):
            struct.version.major = 2
        if does("table-export-strides"):
            _no_strides(struct)
        if does("table-export-flags"):
            struct.flags = 0
        if does("table-export-memory"):
            _fresh(struct)
        if does("table-export-status"):
            out[0] = None
        return code

    def _import(self, real: Any, tensor: Any, out: Any) -> int:
        struct = abi.ManagedTensorVersioned.from_address(tensor)
        if does("table-import-major"):
            struct.version = abi.Version(1, 3)
        if does("table-import-flags"):
            struct.flags = 0
        if does("table-import-ndim") and struct.dl_tensor.ndim < 0:
            struct.dl_tensor.ndim = 0
        if does("table-import-shape") and _shape_of(struct)[:1] == [-1]:
            struct.dl_tensor.shape[0] = 1
        if does("table-import-twice"):
            abi.Deleter(struct.deleter)(tensor)
        if does("table-import-leak"):
            struct.deleter = None
        if does("table-import-minor") and struct.version.minor > 3:
            return -1
        if does("table-import-empty") and 0 in _shape_of(struct):
            return -1
        if does("table-import-huge") and _shape_of(struct)[:1] == [2**62]:
            for _ in range(2):
                abi.Deleter(struct.deleter)(tensor)
        if does("table-import-lanes") and struct.dl_tensor.dtype.lanes == 4:
            os.abort()
        return int(real(tensor, out))

    def _borrow(self, real: Any, x: Any, out: Any) -> int:
        if does("table-borrow-keeps"):
            _forever.append(x)
        code = int(real(x, out))
        if does("table-borrow-shape"):
            shape = (ctypes.c_int64 * 2)(3, 2)
            _forever.append(shape)
            out[0].shape = shape
        return code

    def _allocate(self, real: Any, prototype: Any, out: Any, context: Any, set_error: Any) -> int:
        if does("table-allocate-null") and not set_error:
            os.abort()
        if does("table-allocate-device"):
            prototype[0].device = abi.Device(1, 0)
        if does("table-allocate-thread") and threading.current_thread() is not threading.main_thread():
            set_error(context, b"RuntimeError", b"not on this thread")
            return -1
        calls: list[Any] = []
        silent = abi.SetError(lambda *given: calls.append(given))
        code = int(real(prototype, out, context, silent))
        times = 0 if does("table-allocate-silent") else 2 if does("table-allocate-twice") else 1
        for _ in range(times):
            for given in calls:
                set_error(given[0], b"MemoryError" if does("table-allocate-kind") else given[1], given[2])
        if does("table-allocate-out") and code != 0:
            out[0] = 0xBEE0
        if does("table-allocate-python") and code != 0:
            return _Leaving(code)
        if code == 0:
            struct = abi.ManagedTensorVersioned.from_address(out[0])
            if does("table-allocate-noise"):
                set_error(context, b"RuntimeError", b"nothing is wrong")
            if does("table-allocate-dtype"):
                struct.dl_tensor.dtype = abi.DataType(2, 32, 1)
            if does("table-allocate-scalar") and struct.dl_tensor.ndim == 0:
                struct.dl_tensor.ndim = 1
            if does("table-allocate-shape") and struct.dl_tensor.ndim == 2:
                _resize(6, 1)(struct)
            if does("table-allocate-read-only"):
                struct.flags |= abi.READ_ONLY
        return code

    def _stream(self, real: Any, kind: Any, number: Any, out: Any) -> int:
        if does("table-stream-untouched"):
            return 0
        if does("table-stream-number"):
            out[0] = 7
            return 0
        return int(real(kind, number, out))


_X = "exchange."
_fault("table-name", _X + "table.capsule")
_fault("table-integer", _X + "table.capsule")
_fault("table-major", _X + "table.version")
_fault("table-cycle", _X + "table.chain")
_fault("table-old-name", _X + "table.old-name")
_fault("table-new", _X + "table.same")
_fault("table-null-managed_tensor_allocator", _X + "table.functions")
_fault("table-null-managed_tensor_from_py_object_no_sync", _X + "table.functions")
_fault("table-null-managed_tensor_to_py_object_no_sync", _X + "table.functions")
_fault("table-null-current_work_stream", _X + "table.functions")
_fault("table-export-major", _X + "export.same")
_fault("table-export-strides", _X + "export.same")
_fault("table-export-flags", _X + "export.read-only")
_fault("table-export-memory", _X + "export.same", _X + "export.life")
_fault("table-export-status", _X + "export.same")
_fault("table-export-lazy", _X + "export.lazy")
_fault("table-export-refusal", _X + "export.refusal")
_fault("table-export-out", _X + "export.failed-out")
_fault("table-export-subclass", _X + "table.subclass")
_fault("table-import-major", _X + "import.major")
_fault("table-import-flags", _X + "import.read-only")
_fault("table-import-ndim", _X + "import.ndim")
_fault("table-import-shape", _X + "import.shape")
_fault("table-import-twice", _X + "import.round")
_fault("table-import-leak", _X + "import.round")
_fault("table-borrow-keeps", _X + "borrow.pure")
_fault("table-borrow-shape", _X + "borrow.same")
_fault("table-allocate-silent", _X + "allocate.negative", _X + "allocate.huge")
_fault("table-allocate-twice", _X + "allocate.negative")
_fault("table-allocate-noise", _X + "allocate.plain")
_fault("table-allocate-shape", _X + "allocate.plain")
_fault("table-allocate-read-only", _X + "allocate.plain")
_fault("table-import-minor", _X + "import.minor")
_fault("table-import-empty", _X + "import.empty")
_fault("table-import-huge", _X + "import.huge")
_fault("table-import-lanes", _X + "import.lanes")
_fault("table-allocate-device", _X + "allocate.device")
_fault("table-allocate-thread", _X + "allocate.thread")
_fault("table-allocate-python", _X + "allocate.python")
_fault("table-allocate-kind", _X + "allocate.kind")
_fault("table-allocate-dtype", _X + "allocate.dtype")
_fault("table-allocate-scalar", _X + "allocate.empty")
_fault("table-allocate-out", _X + "allocate.failed-out")
_fault("table-allocate-null", _X + "allocate.no-set-error")
_fault("table-stream-untouched", _X + "stream.cpu")
_fault("table-stream-number", _X + "stream.cpu")

_tables: list[Any] = []


def table() -> Any:
    """The capsule of the reference's table."""
    if not _tables or does("table-new"):
        _tables.append(_Table())
    if does("table-integer"):
        return ctypes.addressof(_tables[-1].struct)
    name = "dlpack_exchange_table" if does("table-name") else abi.EXCHANGE
    return abi.new_capsule(ctypes.addressof(_tables[-1].struct), name)


class Reference(Adapter):
    """The reference, as an adapter."""

    name = "reference"
    modules = ("dlpack",)
    distribution = "dlpack-py"
    imports = "import dlpack\nfrom dlpack.testing.mutants import Array, Mine, Refused, borrowed, make, narrow, strided, table, take\nfrom dlpack.testing.values import encode"
    array = "make('{dtype}', {values}, {shape})"
    dtypes = {dtype: dtype for dtype in abi.DTYPES}
    read = "x.tolist()"
    reads = dict.fromkeys(abi.SUB_BYTE, read)
    layouts = {
        "transposed": "x.view(lambda t: t.permute(1, 0))",
        "step": "x.view(lambda t: t[:, ::2])",
        "reversed": "x.view(lambda t: t[::-1])",
        "offset": "x.view(lambda t: t[1:, 1:])",
        "size one": "x.view(lambda t: t[:1, None, ::-1])",
        "broadcast": "x.view(lambda t: strided(t, (4, 3), (0, 1)))",
        "diagonal": "x.view(lambda t: strided(t, (2,), (4,)))",
        "window": "x.view(lambda t: strided(t, (4, 3), (1, 1)))",
    }
    readonly = (
        "Array(dlpack.asdlpack(encode('float32', [0, 1, -2, 1.5, 4, -3])).view('float32').reshape(2, 3))"
    )
    unexportable = {"other byte order": "Refused()"}
    lazy = {"negative": "Array(make('float32', [1.0, 2.0], (2,)).tensor, negated=True)"}
    mutations = {"set_shape": "x.set_shape((3, 2))"}
    resizes = {"grow": ("make('float32', [1.0] * 64, (64,))", "x.grow()")}
    borrowed = "borrowed()"
    narrow = {"uint4": "narrow()"}
    big = "Array(dlpack.asdlpack(bytearray(b'1' * (4 << 20))).view('float32'))"
    take = "take({x})"
    take_copy = "take({x}, copy={copy})"
    take_device = "take({x}, device='cpu')"
    write = "x.write()"
    address = "x.address"


class Tensors(Reference):
    """The reference whose table is looked at: arrays are those of the package, and the table is a copy of its own."""

    array = "make('{dtype}', {values}, {shape}).tensor"
    read = "(lambda f: f(f, x.tolist()))(lambda f, y: [z for row in y for z in f(f, row)] if isinstance(y, list) else [y])"
    readonly = "dlpack.asdlpack(encode('float32', [0, 1, -2, 1.5, 4, -3])).view('float32').reshape(2, 3)"
    layouts = {}
    subclass = "Mine(x)"
    table_of = "table()"
    resizes = {}
    narrow = {}
    borrowed = ""
    lazy = {"negative": "Array(make('float32', [1.0, 2.0], (2,)).tensor, negated=True)"}
    mutations = {}
    write = "memoryview(x)[0, 0] = 7.0"

    def table(self, x: Any) -> Any:
        return table()

    def export(self, x: Any, **keywords: Any) -> Any:
        capsule = x.__dlpack__(**keywords)
        if _active is not None and _active.out is not None:
            _active.out(_struct(capsule), None)
        return capsule


def adapter(fault: str) -> type[Adapter]:
    """The reference with a fault, or without one."""
    global _active
    if fault == "":
        _active = None
        return Reference
    if fault == "table":
        _active = None
        return Tensors
    _active = FAULTS[fault]
    return Tensors if fault.startswith(("table-", "buffer-")) else Reference
