"""Managed tensors made by hand, whose deleters count."""

import ctypes
import mmap

from . import abi, capsules, native

# Structs and callbacks stay until the process ends: a second call of a deleter must be counted, not crash.
FOREVER = []


def aligned(data, alignment=64):
    """A ctypes buffer with a copy of `data` and the address, aligned, where the copy starts."""
    buffer = (ctypes.c_uint8 * (len(data) + alignment))()
    start = -(-ctypes.addressof(buffer) // alignment) * alignment
    ctypes.memmove(start, bytes(data), len(data))
    return buffer, start


def _array(values):
    return (ctypes.c_int64 * max(len(values), 1))(*values)


class Foreign:
    """One managed tensor as another library would hand it out, with any field set to anything.

    `strides` counts elements; "compact" fills them in, None leaves the pointer null. `ndim`, `null_shape` and
    `address` contradict `shape` and `data` on purpose. When its deleter runs, everything it owns is overwritten, so
    that whoever reads afterwards reads nonsense; if it is `guarded`, AddressSanitizer reports the read.
    """

    def __init__(
        self,
        data=bytes(24),
        dtype="float32",
        shape=(2, 3),
        strides="compact",
        *,
        versioned=True,
        version=(1, 3),
        flags=0,
        byte_offset=0,
        device=(abi.CPU, 0),
        ndim=None,
        null_shape=False,
        address="own",
        deleter=True,
        context=0x1234,
        guarded=False,
    ):
        self.versioned = versioned
        self.size = len(data)
        self._buffer, self.start = aligned(data)
        self.shape_array = _array(shape)
        self.count = len(shape)
        if strides == "compact":
            strides = abi.row_major(shape)
        self.strides_array = None if strides is None else _array(strides)
        kind = abi.ManagedTensorVersioned if versioned else abi.ManagedTensor
        self._record = native.Record(magic=native.MAGIC, managed_size=ctypes.sizeof(kind))
        self._record.is_guarded = guarded
        self._own(self.start, self.size)
        self._own(ctypes.addressof(self.shape_array), ctypes.sizeof(self.shape_array))
        if self.strides_array is not None:
            self._own(ctypes.addressof(self.strides_array), ctypes.sizeof(self.strides_array))
        self.struct = kind.from_buffer(self._record, native.Record.managed.offset)
        if versioned:
            self.struct.version = abi.Version(*version)
            self.struct.flags = flags
        self.struct.manager_ctx = context
        if deleter:
            self.struct.deleter = native.DELETE
            self._record.destructor_deleter = native.DELETE
        tensor = self.struct.dl_tensor
        tensor.data = self.start if address == "own" else address
        tensor.device = abi.Device(*device)
        tensor.ndim = len(shape) if ndim is None else ndim
        tensor.dtype = abi.DataType(*abi.triple(dtype))
        if not null_shape:
            tensor.shape = self.shape_array
        if self.strides_array is not None:
            tensor.strides = self.strides_array
        tensor.byte_offset = byte_offset
        FOREVER.append(self)

    @property
    def address(self):
        """Where the managed struct is."""
        return ctypes.addressof(self.struct)

    @property
    def tensor(self):
        """The `DLTensor` inside, live."""
        return self.struct.dl_tensor

    @property
    def standard_name(self):
        return capsules.VERSIONED if self.versioned else capsules.LEGACY

    def bytes(self):
        """What the memory holds now."""
        return ctypes.string_at(self.start, self.size)

    def resize(self, shape):
        """Changes the live shape, as `resize_` of a framework does."""
        for axis, size in enumerate(shape):
            self.shape_array[axis] = size

    def save(self):
        """What all that it owns holds now, for `renew`."""
        return native.save(self._record)

    def renew(self, saved):
        """Makes it what it was when `save` was called, whether its deleter has run or not."""
        native.renew(self._record, saved)

    def capsule(self, name="standard"):
        """A fresh capsule over the struct, with a destructor as the Python specification asks for."""
        name = self.standard_name if name == "standard" else name
        return capsules.new(self.address, name, native.DESTROY)

    @property
    def deletes(self):
        """How often the deleter was called."""
        return self._record.deletes

    @property
    def thread(self):
        """The native id of the thread that called the deleter last."""
        return self._record.thread

    def on_delete(self, function):
        """Has `function()` called at the end of the first deletion, with the interpreter attached."""
        callback = abi.Deleter(lambda _: function())
        FOREVER.append(callback)
        self._record.also = ctypes.cast(callback, ctypes.c_void_p)

    def _own(self, start, size):
        region = self._record.regions[self._record.region_count]
        region.start, region.size = start, size
        self._record.region_count += 1


def expected_once(*tensors):
    """Asserts that the deleter of each ran exactly once."""
    counts = [tensor.deletes for tensor in tensors]
    assert counts == [1] * len(counts), f"deleters ran {counts} times"


class Truncated:
    """A versioned tensor of another major version, of which only the part that never changes can be read.

    What follows `flags` lies in a page that nobody may touch.
    """

    def __init__(self, version, deleter=True):
        page = mmap.PAGESIZE
        self._pages = mmap.mmap(-1, 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0) != 0:
            raise OSError("mprotect failed")
        stable = abi.ManagedTensorVersioned.dl_tensor.offset
        at = page - stable - native.Record.managed.offset
        self._record = native.Record.from_address(start + at)
        self._record.magic, self._record.managed_size = native.MAGIC, stable
        self.address = start + page - stable
        struct = abi.ManagedTensorVersioned.from_address(self.address)
        struct.version = abi.Version(*version)
        if deleter:
            struct.deleter = self._record.destructor_deleter = native.DELETE
        FOREVER.append(self)

    def capsule(self):
        return capsules.new(self.address, capsules.VERSIONED, native.DESTROY)

    @property
    def deletes(self):
        return self._record.deletes
