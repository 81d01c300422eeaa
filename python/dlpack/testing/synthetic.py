"""Producers made by hand, through the C ABI: tensors with any field set to anything, whose deleter counts."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

from . import abi
from .values import sample_bytes

# Structs and memory stay until the process ends: a second call of a deleter must be counted, and not crash.
_forever: list[Any] = []
# Python would clear the list with this module, before it ends what is kept elsewhere.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_forever))


def _native_counter() -> Any:
    # Deleters run on error paths, while an exception is set, and after the end of Python. A function of Python would disturb the
    # one and not survive the other, a native one does neither. This one adds one to the number at the address that it is given:
    # the version of a managed tensor, or, in legacy ones, the address of the data.
    if not hasattr(sys, "_is_gil_enabled") or sys._is_gil_enabled():
        return ctypes.pythonapi.Py_IncRef
    # Without the lock, objects have other counts. The state of random numbers is as good: no two steps lead to the same one.
    return None if sys.platform == "win32" else getattr(ctypes.CDLL(None), "rand_r", None)


_counter = _native_counter()
COUNT: int | None = None if _counter is None else ctypes.cast(_counter, ctypes.c_void_p).value
_STEPS = _counter is not None and _counter.__name__ == "rand_r"


def _after(first: int, calls: int) -> int:
    """The number at an address after some calls of the native counter, from what it was before."""
    if not _STEPS:
        return first + calls
    number = ctypes.c_uint64(first)
    for _ in range(calls):
        _counter(ctypes.byref(number))
    return number.value


def _calls(first: int, now: int) -> int:
    """How often the native counter was called, from the number that it changes."""
    if not _STEPS:
        return now - first
    return next((calls for calls in range(100) if _after(first, calls) == now), -1)


# It leaves numbers alone whose lower half it takes for the mark of an immortal object.
_LIMIT = 1 << (31 if sys.version_info >= (3, 12) else 32)
_arena: Any = None
_used = 0


def _low(size: int) -> int:
    # Address space in which the lower halves of addresses are small, without the memory: pages appear when they are used.
    global _arena, _used
    if _arena is None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        _arena = mmap.mmap(-1, (1 << 31) + (1 << 24), flags=flags)
    base = ctypes.addressof(ctypes.c_char.from_buffer(_arena))
    if base & 0xFFFF_FFFF >= _LIMIT:
        base = (base | 0xFFFF_FFFF) + 1
    _used += size
    return base + _used - size


# The destructor of capsules: a function without arguments that does nothing. `deletes` counts what a real one would do.
_NOTHING = ctypes.cast(ctypes.pythonapi.PyErr_Occurred, ctypes.c_void_p).value
_get_destructor = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(
    ("PyCapsule_GetDestructor", ctypes.pythonapi)
)
_occurred = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyErr_Occurred", ctypes.pythonapi))


def aligned(data: bytes, alignment: int = 64, offset: int = 0) -> tuple[Any, int]:
    """Returns a buffer and the address in it, aligned and then moved by `offset`, at which a copy of `data` starts."""
    size = len(data) + alignment + offset
    buffer = (ctypes.c_uint8 * size)()
    if ctypes.addressof(buffer) & 0xFFFF_FFFF >= _LIMIT:
        try:
            buffer = (ctypes.c_uint8 * size).from_address(_low(-(-size // 256) * 256))
        except (OSError, AttributeError):
            pass
    start = -(-ctypes.addressof(buffer) // alignment) * alignment + offset
    ctypes.memmove(start, bytes(data), len(data))
    return buffer, start


class Synthetic:
    """One managed tensor as another library would hand it out, with any field set to anything.

    `strides` counts elements; `"compact"` fills them in, None leaves the pointer null. `ndim`, `null_shape` and `address`
    contradict `shape` and the data on purpose. With `python=True`, the deleter is a function of Python that notes its
    thread and overwrites what the tensor owned; otherwise it is a native one that counts.
    """

    def __init__(
        self,
        data: bytes | None = None,
        dtype: Any = "float32",
        shape: tuple[int, ...] = (2, 3),
        strides: Any = "compact",
        *,
        versioned: bool = True,
        version: tuple[int, int] = (1, 3),
        flags: int = 0,
        byte_offset: int = 0,
        device: tuple[int, int] = (abi.CPU, 0),
        ndim: int | None = None,
        null_shape: bool = False,
        address: int | None = -1,
        start: int = 0,
        misalign: int = 0,
        deleter: bool = True,
        context: int = 0x1234,
        python: bool = False,
    ):
        if data is None:
            data = sample_bytes(dtype) if isinstance(dtype, str) else bytes(range(1, 97))
        self.data, self.dtype, self.versioned = data, abi.triple(dtype), versioned
        self._buffer, self.start = aligned(data, 64, misalign)
        self._shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        if strides == "compact":
            strides = abi.row_major(shape)
        self.shape, self.strides = shape, strides
        self._strides = None if strides is None else (ctypes.c_int64 * max(len(strides), 1))(*strides)
        kind: Any = abi.ManagedTensorVersioned if versioned else abi.ManagedTensor
        self.struct = kind()
        if versioned:
            self.struct.version = abi.Version(*version)
            self.struct.flags = flags
        self.struct.manager_ctx = context
        self.calls: list[int] = []
        self.in_exception = False
        tensor = self.struct.dl_tensor
        tensor.data = self.start + start * abi.nbytes(dtype, 1) if address == -1 else address
        tensor.device = abi.Device(*device)
        tensor.ndim = len(shape) if ndim is None else ndim
        tensor.dtype = abi.DataType(*self.dtype)
        if not null_shape:
            tensor.shape = self._shape
        if self._strides is not None:
            tensor.strides = self._strides
        tensor.byte_offset = byte_offset
        self._first = ctypes.c_uint64.from_address(self.address).value
        self.has_deleter = deleter
        self.native = deleter and not python and COUNT is not None and self._first & 0xFFFF_FFFF < _LIMIT
        if self.native:
            self.struct.deleter = COUNT
        elif deleter:
            self._callback = abi.Deleter(self._delete)
            self.struct.deleter = ctypes.cast(self._callback, ctypes.c_void_p)
        self._capsule: Any = None
        _forever.append(self)

    def _delete(self, _: int) -> None:
        import threading

        if _occurred():
            self.in_exception = True
        self.calls.append(threading.get_ident())
        ctypes.memset(self.start, 0xDD, len(self.data))
        for axis in range(len(self.shape)):
            self._shape[axis] = 0x5DD5
            if self._strides is not None:
                self._strides[axis] = 0x5DD5

    @property
    def address(self) -> int:
        """The address of the managed struct."""
        return ctypes.addressof(self.struct)

    def capsule(self, name: str | None = None) -> Any:
        """The capsule of the struct. Its destructor does nothing: `deletes` counts what a real one would have done."""
        name = name or (abi.VERSIONED if self.versioned else abi.LEGACY)
        self._capsule = abi.new_capsule(self.address, name, _NOTHING)
        return self._capsule

    def memory(self) -> bytes:
        """What the memory holds now."""
        return ctypes.string_at(self.start, len(self.data))

    @property
    def taken(self) -> bool:
        """Whether the capsule's destructor would leave the tensor alone, as the capsule was renamed or has none any more."""
        return self._capsule is not None and (
            not (abi.name_of(self._capsule) or "").startswith("dltensor")
            or not _get_destructor(self._capsule)
        )

    @property
    def held(self) -> bool:
        """Whether somebody else keeps the capsule."""
        return self._capsule is not None and sys.getrefcount(self._capsule) > 2

    @property
    def called(self) -> int:
        """How often a consumer called the deleter."""
        if not self.native:
            return len(self.calls)
        return _calls(self._first, ctypes.c_uint64.from_address(self.address).value)

    @property
    def deletes(self) -> int:
        """How often the deleter has run, with the call that the destructor of an unused capsule makes."""
        unused = self._capsule is not None and not self.taken and not self.held and self.has_deleter
        return self.called + unused


class Guarded:
    """A versioned tensor of another major version: all that follows `flags` lies in a page that nobody may touch."""

    versioned = True
    dtype, shape, strides = (2, 32, 1), (2, 3), (3, 1)

    def __init__(self, version: tuple[int, int]):
        page = mmap.PAGESIZE
        self._pages = mmap.mmap(-1, 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0) != 0:
            raise OSError("mprotect failed")
        self.address = start + page - abi.ManagedTensorVersioned.dl_tensor.offset
        struct = abi.ManagedTensorVersioned.from_address(self.address)
        struct.version = abi.Version(*version)
        self.calls: list[int] = []
        self.in_exception = False
        self.native = COUNT is not None
        if COUNT is not None:
            struct.deleter = COUNT
        else:
            self._callback = abi.Deleter(self.calls.append)
            struct.deleter = ctypes.cast(self._callback, ctypes.c_void_p)
        self.has_deleter = True
        self._first = ctypes.c_uint64.from_address(self.address).value
        self._capsule: Any = None
        _forever.append(self)

    capsule, taken, held = Synthetic.capsule, Synthetic.taken, Synthetic.held
    called, deletes = Synthetic.called, Synthetic.deletes


def uncall(address: int) -> None:
    """Forgets one call of the deleter of the tensor at an address, as if nobody had made it."""
    tensor = next((made for made in _forever if made.address == address), None)
    number = ctypes.c_uint64.from_address(address)
    if tensor is None:
        # That of a program, which adds what it finds there to the calls that it has noted.
        number.value -= 1
    elif tensor.native:
        number.value = _after(tensor._first, tensor.called - 1)
    else:
        tensor.calls.pop()


class Producer:
    """An object with the protocol of the array API standard, whose tensors are synthetic.

    `answer` chooses the struct: `"asked"` follows `max_version`, `"legacy"` and `"versioned"` ignore it. `keywords` are those
    that it knows. With `moves`, a request for the CPU is served. `calls` lists what was asked, `tensors` what was handed out.
    """

    def __init__(
        self,
        *,
        answer: str = "asked",
        keywords: tuple[str, ...] = ("stream", "max_version", "dl_device", "copy"),
        capsule_name: str | None = None,
        says_device: Any = None,
        guarded: tuple[int, int] | None = None,
        moves: bool = False,
        **fields: Any,
    ):
        self.moves = moves
        self.fields, self.answer, self.known = fields, answer, keywords
        self.capsule_name, self.guarded = capsule_name, guarded
        self.device = fields.get("device", (abi.CPU, 0)) if says_device is None else says_device
        self.calls: list[dict[str, Any]] = []
        self.tensors: list[Any] = []

    def __dlpack__(self, **given: Any) -> Any:
        self.calls.append(given)
        unknown = [name for name in given if name not in self.known]
        if unknown:
            raise TypeError(f"__dlpack__() got an unexpected keyword argument {unknown[0]!r}")
        version = given.get("max_version")
        versioned = {"legacy": False, "versioned": True}.get(
            self.answer, version is not None and version[0] >= 1
        )
        fields = dict(self.fields)
        if self.moves and tuple(given.get("dl_device") or ()) == (abi.CPU, 0):
            fields["device"] = (abi.CPU, 0)
        if given.get("copy") is True:
            fields["flags"] = fields.get("flags", 0) | abi.IS_COPIED
        made = self.made(versioned=versioned, **fields)
        self.tensors.append(made)
        return made.capsule(self.capsule_name)

    def made(self, **fields: Any) -> Any:
        """The tensor that is handed out."""
        return Guarded(self.guarded) if self.guarded else Synthetic(**fields)

    def __dlpack_device__(self) -> Any:
        return self.device
