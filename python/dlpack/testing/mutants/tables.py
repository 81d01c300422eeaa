"""The table of the reference, and what tables do wrong."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import dlpack

from .. import abi
from .arrays import Array, Mine, make
from .faults import FOREVER, active, does, fault
from .structs import fresh, native, no_strides, resize, shape_of


class _Leaving(int):
    """A status that leaves an exception of Python set.

    A callback of ctypes cannot leave one by raising it, since ctypes handles what is raised. But ctypes drops the result after
    that, and with it the capsule here, whose destructor is a native function that sets an exception.
    """

    def __init__(self, _: int):
        self.capsule = abi.new_capsule(ctypes.addressof(_byte), "left", native("PyErr_NoMemory"))


_byte = ctypes.c_byte()


class _Table:
    """A copy of this package's table, in which one thing is wrong."""

    def __init__(self) -> None:
        capsule = type(dlpack.asdlpack(b"")).__dlpack_c_exchange_api__
        self.real = abi.ExchangeApi.from_address(abi.pointer_of(capsule))
        self.struct = abi.ExchangeApi()
        ctypes.memmove(ctypes.addressof(self.struct), ctypes.addressof(self.real), ctypes.sizeof(self.struct))
        FOREVER.append(self)
        self.break_it()

    def _replace(self, name: str, kind: Any, function: Any) -> None:
        real = kind(getattr(self.real, name))
        callback = kind(lambda *given: function(real, *given))
        FOREVER.append(callback)
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
            found = active()
            if found is not None and found.name.startswith(f"table-{prefix}-"):
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
            no_strides(struct)
        if does("table-export-flags"):
            struct.flags = 0
        if does("table-export-memory"):
            fresh(struct)
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
        if does("table-import-shape") and shape_of(struct)[:1] == [-1]:
            struct.dl_tensor.shape[0] = 1
        if does("table-import-twice"):
            abi.Deleter(struct.deleter)(tensor)
        if does("table-import-leak"):
            struct.deleter = None
        if does("table-import-minor") and struct.version.minor > 3:
            return -1
        if does("table-import-empty") and 0 in shape_of(struct):
            return -1
        if does("table-import-huge") and shape_of(struct)[:1] == [2**62]:
            for _ in range(2):
                abi.Deleter(struct.deleter)(tensor)
        if does("table-import-lanes") and struct.dl_tensor.dtype.lanes == 4:
            os.abort()
        return int(real(tensor, out))

    def _borrow(self, real: Any, x: Any, out: Any) -> int:
        if does("table-borrow-keeps"):
            FOREVER.append(x)
        code = int(real(x, out))
        if does("table-borrow-shape"):
            shape = (ctypes.c_int64 * 2)(3, 2)
            FOREVER.append(shape)
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
                resize(6, 1)(struct)
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
fault("table-name", _X + "table.capsule")
fault("table-integer", _X + "table.capsule")
fault("table-major", _X + "table.version")
fault("table-cycle", _X + "table.chain")
fault("table-old-name", _X + "table.old-name")
fault("table-new", _X + "table.same")
fault("table-null-managed_tensor_allocator", _X + "table.functions")
fault("table-null-managed_tensor_from_py_object_no_sync", _X + "table.functions")
fault("table-null-managed_tensor_to_py_object_no_sync", _X + "table.functions")
fault("table-null-current_work_stream", _X + "table.functions")
fault("table-export-major", _X + "export.same")
fault("table-export-strides", _X + "export.same")
fault("table-export-flags", _X + "export.read-only")
fault("table-export-memory", _X + "export.same", _X + "export.life")
fault("table-export-status", _X + "export.same")
fault("table-export-lazy", _X + "export.lazy")
fault("table-export-refusal", _X + "export.refusal")
fault("table-export-out", _X + "export.failed-out")
fault("table-export-subclass", _X + "table.subclass")
fault("table-import-major", _X + "import.major")
fault("table-import-flags", _X + "import.read-only")
fault("table-import-ndim", _X + "import.ndim")
fault("table-import-shape", _X + "import.shape")
fault("table-import-twice", _X + "import.round")
fault("table-import-leak", _X + "import.round")
fault("table-borrow-keeps", _X + "borrow.pure")
fault("table-borrow-shape", _X + "borrow.same")
fault("table-allocate-silent", _X + "allocate.negative", _X + "allocate.huge")
fault("table-allocate-twice", _X + "allocate.negative")
fault("table-allocate-noise", _X + "allocate.plain")
fault("table-allocate-shape", _X + "allocate.plain")
fault("table-allocate-read-only", _X + "allocate.plain")
fault("table-import-minor", _X + "import.minor")
fault("table-import-empty", _X + "import.empty")
fault("table-import-huge", _X + "import.huge")
fault("table-import-lanes", _X + "import.lanes")
fault("table-allocate-device", _X + "allocate.device")
fault("table-allocate-thread", _X + "allocate.thread")
fault("table-allocate-python", _X + "allocate.python")
fault("table-allocate-kind", _X + "allocate.kind")
fault("table-allocate-dtype", _X + "allocate.dtype")
fault("table-allocate-scalar", _X + "allocate.empty")
fault("table-allocate-out", _X + "allocate.failed-out")
fault("table-allocate-null", _X + "allocate.no-set-error")
fault("table-stream-untouched", _X + "stream.cpu")
fault("table-stream-number", _X + "stream.cpu")

_tables: list[Any] = []


def table() -> Any:
    """The capsule of the reference's table."""
    if not _tables or does("table-new"):
        _tables.append(_Table())
    if does("table-integer"):
        return ctypes.addressof(_tables[-1].struct)
    name = "dlpack_exchange_table" if does("table-name") else abi.EXCHANGE
    return abi.new_capsule(ctypes.addressof(_tables[-1].struct), name)
