"""The table of C functions that a class carries as `__dlpack_c_exchange_api__`."""

from __future__ import annotations

import ctypes
import gc
import threading
from typing import Any

from .. import abi
from ..adapters import Adapter
from ..case import NO_TABLE, Found, case, expect, skip_unless, told
from ..peek import describe
from ..snippets import maker
from ..synthetic import Synthetic
from ..values import encode, samples
from .producers.common import Several, arrays_of

ATTRIBUTE = "__dlpack_c_exchange_api__"
FLOATS = samples("float32")

_TABLE = """
x = {x}
get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
table = get({table_of}, b"dlpack_exchange_api")
allocate, export, make, borrow, stream = (ctypes.c_void_p * 5).from_address(table + 16)
"""
_EXPORT = (
    _TABLE
    + "out = ctypes.c_void_p()\nexport = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(export)\n"
)
# The first element of what was exported. A managed tensor has its DLTensor 32 bytes after its start.
_DATA = """data = (ctypes.c_void_p.from_address(out.value + 32).value or 0) + ctypes.c_uint64.from_address(out.value + 72).value
"""
_SHOWN = 'shown = __import__("struct").pack("=6f", *{read})\n'
_BORROW = (
    _TABLE
    + "tensor = ctypes.create_string_buffer(48)  # a DLTensor\n"
    + "borrow = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(borrow)\n"
)
_MAKE = (
    _TABLE
    + "import gc\nout = ctypes.c_void_p()\nmake = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(make)\n"
)
# The object that was made, without the reference that the function returned.
_MADE = """x = ctypes.cast(out, ctypes.py_object).value
ctypes.pythonapi.Py_DecRef(ctypes.py_object(x))
"""


def _making(fields: dict[str, Any], after: str, made: str = "") -> str:
    """A program that makes an object of a tensor that is made by hand."""
    attempt = "try:\n    code = make(at(versioned), at(out))\nexcept SystemError: raise\nexcept Exception as error:\n"
    attempt += "    print('refused:', error)\n    code = -1\nelse:\n    assert code == 0, f'status {code} without an exception'\n"
    return (
        "{imports}\n" + maker(fields) + _MAKE + attempt + after + (f"if code == 0:\n{made}" if made else "")
    )


class Table:
    """The table of a library, and its functions as ctypes."""

    def __init__(self, lib: Adapter):
        self.x = lib.make()
        capsule = lib.table(self.x)
        skip_unless(capsule is not None, NO_TABLE)
        expect(abi.is_capsule(capsule), f"the attribute is a {type(capsule).__name__}")
        self.name = abi.name_of(capsule)
        self.address = abi.pointer_of(capsule)
        self.struct = abi.ExchangeApi.from_address(self.address)
        self.left = ""

    def function(self, name: str, kind: Any) -> Any:
        address = getattr(self.struct, name)
        skip_unless(address, f"`{name}` is NULL")
        return kind(address)

    def export(self, x: Any) -> Any:
        """The managed tensor of an object."""
        out = ctypes.c_void_p()
        code = self.function("managed_tensor_from_py_object_no_sync", abi.FromPython)(x, ctypes.byref(out))
        expect(code == 0, f"status {code} without an exception")
        expect(out.value, "status 0, and no tensor")
        return abi.ManagedTensorVersioned.from_address(out.value or 0)

    def borrow(self, x: Any) -> Any:
        out = abi.Tensor()
        code = self.function("dltensor_from_py_object_no_sync", abi.Borrow)(x, ctypes.byref(out))
        expect(code == 0, f"status {code} without an exception")
        return out

    def make(self, tensor: Any) -> Any:
        """The object of a managed tensor, or the exception."""
        out = ctypes.c_void_p()
        function = self.function("managed_tensor_to_py_object_no_sync", abi.ToPython)
        try:
            code = function(tensor.address, ctypes.byref(out))
        except BaseException as error:
            error.__traceback__ = None
            return None, error
        expect(code == 0, f"status {code} without an exception")
        expect(out.value, "status 0, and no object")
        made = ctypes.cast(out, ctypes.py_object).value
        # The function returns a reference, and the line above has added another one.
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(made))
        return made, None

    def allocate(
        self,
        shape: tuple[int, ...],
        dtype: Any = "float32",
        device: tuple[int, int] = (1, 0),
        ndim: Any = None,
        *,
        mark: int = 0,
        report: bool = True,
    ) -> Any:
        """The status, the tensor and the errors that were set."""
        prototype = abi.Tensor()
        # Only four fields are to be looked at: the others are nonsense.
        prototype.data, prototype.byte_offset = 0x10, 77
        extents = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        prototype.shape, prototype.ndim = extents, len(shape) if ndim is None else ndim
        prototype.device, prototype.dtype = abi.Device(*device), abi.DataType(*abi.triple(dtype))
        out = ctypes.c_void_p(mark)
        errors: list[tuple[str | None, str | None]] = []

        def note_error(context: Any, kind: bytes | None, message: bytes | None) -> None:
            errors.append((_text(kind), _text(message)))

        callback = abi.SetError(note_error) if report else abi.SetError()
        function = self.function("managed_tensor_allocator", abi.Allocate)
        try:
            code = function(ctypes.byref(prototype), ctypes.byref(out), None, callback)
        except BaseException as error:
            # What the function returned is lost when it leaves an exception behind.
            self.left = told(error.__cause__ or error)
            code = -1
        return code, out.value, errors


def _text(found: bytes | None) -> str | None:
    return None if found is None else found.decode(errors="replace")


def _wrap(tensor: Any) -> Any:
    made = abi.ManagedTensorVersioned()
    made.dl_tensor = tensor
    return made


# The table.


@case(
    "exchange.table.capsule",
    "table-type",
    since="1.3",
    does=f"Looks for `{ATTRIBUTE}` on the class.",
    expects="a capsule with the name `dlpack_exchange_api`",
    snippet='x = {x}\nassert "\\"dlpack_exchange_api\\"" in repr({table_of})',
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    expect(table.name == abi.EXCHANGE, f"the name {table.name!r}")


@case(
    "exchange.table.version",
    "table-header",
    since="1.3",
    does="Looks at the version of the table.",
    expects="major version 1, or an older table behind it",
    snippet=_TABLE + "assert ctypes.c_uint32.from_address(table).value == 1",
)
def _(lib: Adapter) -> None:
    header, seen = Table(lib).struct.header, 0
    while header.version.major != 1:
        expect(
            header.prev_api and seen < 16,
            f"version {header.version.major}.{header.version.minor}, and no other",
        )
        header, seen = abi.ExchangeHeader.from_address(header.prev_api), seen + 1


@case(
    "exchange.table.chain",
    "table-chain",
    since="1.3",
    does="Follows `prev_api`.",
    expects="a chain that ends, with an older major version at each step",
    snippet=_TABLE + "assert not ctypes.c_void_p.from_address(table + 8).value, 'look at the chain'",
)
def _(lib: Adapter) -> None:
    header, seen = Table(lib).struct.header, 0
    while header.prev_api:
        older = abi.ExchangeHeader.from_address(header.prev_api)
        expect(older.version.major < header.version.major, "an older table whose version is not older")
        header, seen = older, seen + 1
        expect(seen < 64, "a chain of more than 64 tables")


@case(
    "exchange.table.functions",
    "table-functions",
    since="1.3",
    does="Looks at the pointers of the table.",
    expects="all but `dltensor_from_py_object_no_sync` are not NULL",
    snippet=_TABLE + "assert allocate and export and make and stream, (allocate, export, make, stream)",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    for name in abi.FUNCTIONS:
        if name != "dltensor_from_py_object_no_sync":
            expect(getattr(table.struct, name), f"`{name}` is NULL")


@case(
    "exchange.table.same",
    "table-alive",
    since="1.3",
    does="Looks at the attribute of the class twice, and of an instance.",
    expects="the same address each time",
    snippet=_TABLE + "assert get({table_of}, b'dlpack_exchange_api') == table, 'two tables'",
)
def _(lib: Adapter) -> None:
    first, second = Table(lib), Table(lib)
    expect(first.address == second.address, "two tables")
    capsule = getattr(first.x, ATTRIBUTE, None) if not lib.name.startswith("reference") else None
    if abi.is_capsule(capsule):
        expect(abi.pointer_of(capsule) == first.address, "another table at the instance")


@case(
    "exchange.table.old-name",
    "table-type",
    "quirk",
    since="1.3",
    does="Looks for `__c_dlpack_exchange_api__`, as the attribute was called in version 1.2.",
    expects="the present name as well, if the old one is there",
    snippet='x = {x}\nassert hasattr(type(x), "__dlpack_c_exchange_api__") or not hasattr(type(x), "__c_dlpack_exchange_api__")',
)
def _(lib: Adapter) -> None:
    kind = type(lib.make())
    skip_unless(hasattr(kind, "__c_dlpack_exchange_api__"), "the class has no attribute of that name")
    expect(hasattr(kind, ATTRIBUTE), "the old name only")


@case(
    "exchange.table.subclass",
    "table-lookup",
    "should",
    since="1.3",
    does="Exports an instance of a subclass, written in Python, by the table that the subclass inherits.",
    expects="the memory of the array, or an exception",
    snippet=_EXPORT.replace(
        "x = {x}\n",
        "x = {x}\ncapsule = x.__dlpack__(max_version=(1, 3))\n{struct}\nfirst, x = data, {subclass}\n",
    )
    + "try:\n    code = export(x, ctypes.addressof(out))\nexcept Exception as error:\n    print('refused:', error)\n"
    "    raise SystemExit(0)\n" + _DATA + "assert code == 0 and data == first, (code, data, first)",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.subclass, "it has no subclasses, or the adapter does not say how they are made")
    x = lib.evaluate(lib.subclass, x=table.x)
    expect(type(x) is not type(table.x), f"no subclass: {type(x).__name__}")
    capsule = lib.table(x)
    expect(abi.is_capsule(capsule), "the subclass inherits no table")
    expect(abi.pointer_of(capsule) == table.address, "the subclass has another table")
    try:
        struct = table.export(x)
    except Found:
        raise
    except Exception:
        return
    seen, other = describe(struct, abi.VERSIONED), lib.look(table.x)
    expect(seen.data == other.data, f"other memory: {seen.data:#x} instead of {other.data:#x}")
    expect(seen.shape == other.shape and seen.dtype == other.dtype, f"{seen.shape} and {seen.dtype}")
    abi.call_deleter(struct)


# Export.


@case(
    "exchange.export.same",
    "from-object",
    since="1.3",
    does="Exports an array by the table and by `__dlpack__`, and compares the structs.",
    expects="the same memory, shape, dtype and device, and a version of 1",
    snippet=_EXPORT + "assert export(x, ctypes.addressof(out)) == 0 and out.value\n"
    "assert ctypes.c_uint32.from_address(out.value).value == 1\n"
    + _DATA
    + _SHOWN
    + "assert ctypes.c_void_p.from_address(out.value + 64).value, 'strides are NULL'\n"
    "assert ctypes.string_at(data, 24) == shown, 'other elements'\n"
    "capsule, first = x.__dlpack__(max_version=(1, 3)), data\n{struct}\nassert first == data, 'other memory'",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    struct = table.export(table.x)
    seen, other = describe(struct, abi.VERSIONED), lib.look(table.x)
    expect(seen.version and seen.version[0] == 1, f"version {seen.version}")
    expect(seen.shape == other.shape and seen.dtype == other.dtype, f"{seen.shape} and {seen.dtype}")
    expect(seen.device == other.device, f"device {seen.device} instead of {other.device}")
    expect(seen.data == other.data, f"other memory: {seen.data:#x} instead of {other.data:#x}")
    expect(seen.strides is not None, "strides are NULL")
    expect(seen.read() == encode("float32", FLOATS), "other elements")
    abi.call_deleter(struct)


@case(
    "exchange.export.life",
    "deleter",
    since="1.3",
    does="Exports by the table, drops the array, reads the memory and calls the deleter on another thread.",
    expects="the elements until the deleter has run",
    snippet=_EXPORT
    + _SHOWN
    + "assert export(x, ctypes.addressof(out)) == 0\n"
    + _DATA
    + "import gc, threading\nx = None\ngc.collect()\nkept = [bytes([i % 256]) * 96 for i in range(3000)]\n"
    "assert ctypes.string_at(data, 24) == shown, 'other elements'\n"
    "free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.c_void_p.from_address(out.value + 16).value)\n"
    "thread = threading.Thread(target=free, args=(out.value,))\nthread.start()\nthread.join()",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    struct = table.export(table.x)
    seen = describe(struct, abi.VERSIONED)
    del table.x
    gc.collect()
    keep = [bytes([i % 256]) * 96 for i in range(3000)]
    expect(seen.read() == encode("float32", FLOATS), "other elements after the array was dropped")
    del keep
    thread = threading.Thread(target=abi.call_deleter, args=(struct,))
    thread.start()
    thread.join()


@case(
    "exchange.export.read-only",
    "read-only",
    since="1.3",
    does="Exports by the table an array that must not be written.",
    expects="READ_ONLY, a copy, or BufferError",
    snippet=_EXPORT.replace("x = {x}", "x = {readonly}") + "assert export(x, ctypes.addressof(out)) == 0\n"
    "assert ctypes.c_uint64.from_address(out.value + 24).value & 3, 'no flag'",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.readonly, "it has no read-only arrays")
    x = lib.evaluate(lib.readonly)
    try:
        seen = describe(table.export(x), abi.VERSIONED)
    except BufferError:
        return
    expect(seen.flags & 3, f"flags {seen.flags:#x}")


@case(
    "exchange.export.lazy",
    "from-object",
    since="1.3",
    does="Exports by the table arrays whose elements are computed when they are read, or that `__dlpack__` refuses.",
    expects="the elements that the array shows, or an exception",
    snippet=_EXPORT.replace("x = {x}", "x = {expression}")
    + "try:\n    code = export(x, ctypes.addressof(out))\nexcept Exception as error:\n    raise SystemExit(0)\n"
    "data = ctypes.c_void_p.from_address(out.value + 32).value\nassert data, 'no memory'\n"
    "found = ctypes.string_at(data, {count}).hex()\nassert found == {shown}, (found, 'instead of', {shown})",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.lazy, "the adapter names no such arrays")
    found = Several()
    for label, x, expression in arrays_of(lib, lib.lazy):
        try:
            seen = describe(table.export(x), abi.VERSIONED)
        except Found:
            raise
        except Exception:
            continue
        if not seen.raw and seen.size:
            words = f"of {label}: no memory, for {seen.size} elements"
            found.add(words, expression=expression, shown="''", count="0")
            continue
        name = abi.name_dtype(seen.dtype)
        try:
            shown = encode(name, lib.elements(x, name))
        except Exception:
            continue
        fill = {"expression": expression, "shown": repr(shown.hex()), "count": str(len(shown))}
        if seen.read() != shown:
            found.add(f"of {label}: other elements than the array shows", **fill)
    found.tell()


@case(
    "exchange.export.refusal",
    "from-object",
    "should",
    since="1.3",
    does="Exports by the table what `__dlpack__` refuses.",
    expects="a refusal, with BufferError",
    snippet=_EXPORT.replace("x = {x}", "x = {expression}")
    + "try:\n    code = export(x, ctypes.addressof(out))\nexcept BufferError:\n    raise SystemExit(0)\n"
    "raise AssertionError('a tensor')",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.unexportable, "the adapter names nothing that it cannot export")
    several = Several()
    for label, x, expression in arrays_of(lib, lib.unexportable):
        if type(x) is not type(table.x):
            continue
        try:
            lib.export(x)
            continue
        except Exception:
            pass
        try:
            table.export(x)
        except BufferError:
            continue
        except (Exception, Found) as error:
            several.add(f"for {label}: {told(error)}", expression=expression)
        else:
            several.add(f"for {label}: a tensor, although `__dlpack__` refuses", expression=expression)
    several.tell()


@case(
    "exchange.export.failed-out",
    "from-object",
    "quirk",
    since="1.3",
    does="Exports by the table what cannot be exported, with a mark in `out`.",
    expects="the mark, or NULL: some callers look at `out` alone",
    snippet=_EXPORT.replace("x = {x}", "x = {expression}").replace("c_void_p()", "c_void_p(0xDEAD)")
    + "try:\n    code = export(x, ctypes.addressof(out))\nexcept Exception:\n    code = -1\n"
    "assert code == 0 or out.value in (None, 0xDEAD), hex(out.value)",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.unexportable, "the adapter names nothing that it cannot export")
    function = table.function("managed_tensor_from_py_object_no_sync", abi.FromPython)
    several, failed = Several(), 0
    for label, x, expression in arrays_of(lib, lib.unexportable):
        if type(x) is not type(table.x):
            continue
        out = ctypes.c_void_p(0xDEAD)
        try:
            if function(x, ctypes.byref(out)) == 0:
                continue
        except Exception:
            pass
        failed += 1
        if out.value not in (None, 0xDEAD):
            several.add(f"for {label}: a failure, and {out.value:#x} in `out`", expression=expression)
    several.tell()
    skip_unless(failed, "nothing that the adapter names is refused by the table")


@case(
    "exchange.borrow.same",
    "borrowed",
    since="1.3",
    does="Borrows the tensor of an array twice, and compares it with `__dlpack__`.",
    expects="the same memory, shape and dtype",
    snippet=_BORROW + _SHOWN + "assert borrow(x, ctypes.addressof(tensor)) == 0\n"
    "data, _, _, shape, strides, offset = __import__('struct').unpack('=3Q3Q', tensor.raw)\n"
    "assert shape and strides, 'NULL'\nshape = (ctypes.c_int64 * 2).from_address(shape)[:]\n"
    "assert shape == [2, 3], shape\nassert ctypes.string_at(data + offset, 24) == shown, 'other elements'",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    other = lib.look(table.x)
    for _ in range(2):
        tensor = table.borrow(table.x)
        seen = describe(_wrap(tensor), "")
        expect(seen.shape == other.shape and seen.dtype == other.dtype, f"{seen.shape} and {seen.dtype}")
        expect(seen.data == other.data, f"other memory: {seen.data:#x}")
        expect(seen.strides is not None, "strides are NULL")
        expect(seen.read() == encode("float32", FLOATS), "other elements")


@case(
    "exchange.borrow.pure",
    "borrowed",
    "should",
    since="1.3",
    does="Borrows the tensor of an array a thousand times.",
    expects="no reference to the array is kept",
    snippet=_BORROW
    + "import sys\nbefore = sys.getrefcount(x)\nfor i in range(1000): borrow(x, ctypes.addressof(tensor))\n"
    "more = sys.getrefcount(x) - before\nassert more < 10, f'{more} references more'",
)
def _(lib: Adapter) -> None:
    import sys

    table = Table(lib)
    before = sys.getrefcount(table.x)
    for _ in range(1000):
        table.borrow(table.x)
    after = sys.getrefcount(table.x)
    expect(after - before < 10, f"{after - before} references more")


# Import.


@case(
    "exchange.import.round",
    "to-object",
    since="1.3",
    does="Makes an object of a tensor by the table, reads it and drops it.",
    expects="the class that has the table, the elements, and a deleter that runs once",
    snippet=_making({}, "assert code == 0 and out.value\n" + _MADE)
    + f"found = list({{read}})\nassert found == {FLOATS!r}, found\nassert runs() == 0, 'the deleter ran'\n"
    "x = None\ngc.collect()\nassert runs() == 1, f'the deleter ran {runs()} times'",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    tensor = Synthetic()
    made, error = table.make(tensor)
    expect(error is None, told(error) if error else "")
    if lib.read and lib.shows:
        expect(lib.elements(made) == FLOATS, f"{lib.elements(made)}")
    expect(tensor.called == 0, "the deleter ran while the object was alive")
    del made
    gc.collect()
    expect(tensor.called == 1, f"the deleter ran {tensor.called} times after the object was dropped")


def _hostile(
    id: str, clause: str, severity: str, does: str, expects: str, refused: bool, **fields: Any
) -> None:
    def check(lib: Adapter) -> None:
        table = Table(lib)
        tensor = Synthetic(**fields)
        made, error = table.make(tensor)
        if error is None:
            expect(not refused, "an object")
            del made
            gc.collect()
            expect(tensor.called == 1, f"the deleter ran {tensor.called} times")
            return
        expect(not isinstance(error, SystemError), told(error))
        gc.collect()
        # Who owns the tensor after a failure is not written: nobody, or the caller.
        expect(tensor.called <= 1, f"the deleter ran {tensor.called} times after the failure")

    after = "assert code != 0, 'an object'\n" if refused else ""
    freed = "    " + _MADE.replace("\n", "\n    ", 1) + "    x = None\n    gc.collect()\n"
    freed += "    assert runs() == 1, f'the deleter ran {runs()} times'\n"
    snippet = (
        _making(fields, after, "" if refused else freed)
        + "assert runs() <= 1, f'the deleter ran {runs()} times'"
    )
    case(f"exchange.import.{id}", clause, severity, since="1.3", does=does, expects=expects, snippet=snippet)(
        check
    )


_hostile(
    "major",
    "major",
    "must",
    "Makes an object of a tensor of version 2.0.",
    "an exception",
    True,
    version=(2, 0),
)
_hostile(
    "minor",
    "minor",
    "must",
    "Makes an object of a tensor of version 1.99.",
    "an object",
    False,
    version=(1, 99),
)
_hostile("ndim", "ndim", "should", "Makes an object of a tensor with ndim -1.", "an exception", True, ndim=-1)
_hostile("shape", "shape", "should", "Makes an object of a tensor of shape (-1, 3).", "an exception", True,
         shape=(-1, 3), strides=(3, 1))  # fmt: skip
_hostile("huge", "to-object", "must", "Makes an object of a tensor of shape (2**62, 4, 0).",
         "an object or an exception; the deleter runs at most once", False, shape=(2**62, 4, 0), strides=(0, 0, 1), address=None)  # fmt: skip
_hostile("lanes", "lanes", "should", "Makes an object of a tensor of float32 with four lanes.",
         "an object or an exception; the deleter runs at most once", False, dtype=(2, 32, 4))  # fmt: skip
_hostile("empty", "size-zero", "must", "Makes an object of a tensor without elements whose data is NULL.", "an object",
         False, shape=(0, 3), address=None)  # fmt: skip


@case(
    "exchange.import.read-only",
    "read-only",
    "should",
    since="1.3",
    does="Makes an object of a tensor with READ_ONLY, and writes to it.",
    expects="an exception, or a copy: the memory stays as it was",
    snippet=_making(
        {"flags": abi.READ_ONLY},
        "before = ctypes.string_at(start, 24)\nif code: raise SystemExit(0)\n" + _MADE,
    )
    + "try:\n    {write}\nexcept Exception as error:\n    print('refused:', error)\n"
    "assert ctypes.string_at(start, 24) == before, 'read-only memory was written'",
)
def _(lib: Adapter) -> None:
    table = Table(lib)
    skip_unless(lib.write, "its arrays cannot be written")
    tensor = Synthetic(flags=abi.READ_ONLY)
    made, error = table.make(tensor)
    skip_unless(error is None, "refused")
    before = tensor.memory()
    try:
        exec(lib.write, {**lib.space, "x": made})
    except Exception:
        pass
    expect(tensor.memory() == before, "the memory is written")
