"""What a library's import does with tensors that are made by hand, well-formed ones and hostile ones."""

from __future__ import annotations

import ctypes
import gc
import struct
import threading
from typing import Any

from .. import abi
from ..adapters import Adapter
from ..case import Found, Skip, case, expect, skip_unless, told
from ..snippets import maker
from ..synthetic import Producer
from ..values import samples

FLOATS = samples("float32")


def _positions(shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0) -> list[int]:
    places = [start]
    for extent, stride in zip(shape, strides):
        places = [place + index * stride for place in places for index in range(extent)]
    return places


def _import(lib: Adapter, producer: Producer, copy: Any = "unset") -> Any:
    """The array, or the exception by which the library refuses, without what keeps the capsule alive."""
    try:
        return lib.imported(producer, copy), None
    except Skip:
        raise
    except BaseException as error:
        error.__traceback__ = None
        return None, error


def _released(producer: Producer, when: str) -> None:
    gc.collect()
    for tensor in producer.tensors:
        wanted = 1 if tensor.has_deleter else 0
        expect(
            tensor.deletes == wanted,
            f"the deleter ran {tensor.deletes} times {when}",
        )


def _refused(producer: Producer, error: BaseException) -> None:
    """A refusal is clear, and gives the tensor back."""
    disturbed = any(tensor.in_exception for tensor in producer.tensors)
    expect(
        not isinstance(error, SystemError) or disturbed,
        f"a refusal without a reason: {told(error)}",
    )
    expect(not isinstance(error, (KeyboardInterrupt, SystemExit)), told(error))
    error.__traceback__ = error.__context__ = error.__cause__ = None
    _released(producer, "after the refusal")


def _aliases(lib: Adapter, x: Any, producer: Producer) -> bool | None:
    """Whether the array is the producer's memory, where that can be known."""
    try:
        where = lib.where(x)
    except Exception:
        return None
    tensor = producer.tensors[-1]
    return bool(tensor.start <= where < tensor.start + max(len(tensor.data), 1))


def _right(lib: Adapter, producer: Producer, held: list[Any], wanted: list[Any] | None, dtype: str) -> None:
    """An array that was taken shows the right elements, and gives the tensor back once, not before its end.

    The array is the first of `held`, and of nobody else.
    """
    x = held[0]
    if wanted is not None:
        try:
            found = lib.elements(x, dtype)
        except Skip:
            found = wanted
        expect(found == wanted, f"the elements {found[:12]} instead of {wanted[:12]}")
    if _aliases(lib, x, producer):
        tensor = producer.tensors[-1]
        expect(tensor.deletes == 0, f"the deleter ran {tensor.deletes} times while the array was alive")
    del x
    held.clear()
    _released(producer, "after the array was dropped")


def _body(kind: str, wanted: list[Any] | None, has_deleter: bool) -> str:
    check = "" if wanted is None else f"found = list({{read}})\nassert found == {wanted!r}, found\n"
    end = (
        "x = error = None\ngc.collect()\n"
        'released = runs() + ("used" not in repr(producer.capsule))\n'
        'assert released == 1, f"the deleter ran {released} times"\n'
        if has_deleter
        else "x = None\ngc.collect()\n"
    )
    if kind == "take":
        return f"import gc\nx = {{take}}\n{check}{end}"
    attempt = "import gc\ntry:\n    x = {take}\nexcept Exception as refusal:\n    print('refused:', type(refusal).__name__, refusal)\n"
    attempt += "    assert not isinstance(refusal, SystemError), refusal\n"
    if kind == "refuse":
        return f'{attempt}else:\n    raise AssertionError("taken")\n{end}'
    if kind == "unreadable":
        shows = (
            "try:\n    found = list({read})\nexcept Exception as refusal:\n    print('refused:', refusal)\n"
        )
        return f"import gc\ntry:\n    x = {{take}}\nexcept Exception as refusal:\n    print('refused:', refusal)\n    raise SystemExit(0)\n{shows}else:\n    raise AssertionError(f'shows {{found}}')\n".replace(
            "{found}", "{found}"
        )
    inner = "".join(f"    {line}\n" for line in check.splitlines()) or "    pass\n"
    return f"{attempt}else:\n{inner}{end}"


def _add(
    id: str,
    clause: str,
    kind: str,
    severity: str = "must",
    *,
    does: str,
    expects: str = "",
    wanted: Any = FLOATS,
    dtype: Any = "float32",
    only: str = "",
    title: str = "",
    since: str = "1.0",
    known: bool = False,
    **fields: Any,
) -> None:
    """Adds a case of one producer. `kind` is `take`, `refuse`, `right` (either, but nothing wrong), `unreadable` (refused
    at the latest when elements are read) or `survive`."""
    made = {"dtype": dtype, **fields}

    def check(lib: Adapter) -> None:
        wants = kind
        if known:
            dtypes = lib.dtypes if lib.imports_dtypes is None else lib.imports_dtypes
            wants = "take" if dtype in dtypes else "right"
        producer = Producer(**made)
        x, error = _import(lib, producer)
        held = [x]
        del x
        skip_unless(producer.tensors or error is not None, "the library asked for no tensor")
        got = [tensor.versioned for tensor in producer.tensors]
        if only == "versioned":
            skip_unless(got and all(got), "the library asks for legacy structs, which have no such field")
        if only == "legacy":
            skip_unless(got and not any(got), "the library takes versioned structs only")
        if error is not None:
            if wants == "take":
                raise Found(f"refused: {told(error)}", severity="should" if known else "")
            _refused(producer, error)
            return
        if wants == "refuse":
            raise Found("the tensor is taken")
        if wants == "unreadable":
            skip_unless(lib.shows, "taken, and the library itself shows no elements")
            try:
                found = lib.elements(held[0], dtype)
            except Exception:
                found = None
            expect(not found, f"the tensor is taken, and shows {found and found[:2]} first")
        try:
            _right(lib, producer, held, None if wants in ("survive", "unreadable") else wanted, dtype)
        except (Found, Skip):
            raise
        except Exception as failure:
            if wants == "take":
                raise
            raise Skip(f"taken, and cannot be read: {told(failure)}") from None

    words = {
        "take": "the tensor is taken, with the right elements",
        "refuse": "a refusal, and the deleter runs once",
        "unreadable": "a refusal, at the latest when elements are read; the deleter runs once",
        "right": "the right elements, or a refusal; the deleter runs once",
        "survive": "an array or a refusal; the deleter runs once",
    }
    shown = [w for w in wanted] if wanted is not None and kind != "survive" else None
    case(
        f"consumer.{id}",
        clause,
        severity,
        does=does,
        expects=expects or words[kind],
        title=title,
        since=since,
        snippet=f"{{imports}}\n{maker(made)}\n{_body('take' if known else kind, shown, fields.get('deleter', True))}",
        dtype=dtype if isinstance(dtype, str) else "",
    )(check)


# The structs.

_add("struct.asked", "both-structs", "take", does="Imports a tensor of the struct that the library asks for.")
_add(
    "struct.legacy",
    "both-structs",
    "right",
    does="Imports a legacy tensor, whatever was asked for.",
    answer="legacy",
)
_add(
    "struct.versioned",
    "ask-versioned",
    "take",
    "should",
    does="Imports a versioned tensor of an object that makes no other.",
    answer="versioned",
)
_add(
    "struct.ignores-version",
    "max-version-verify",
    "take",
    "should",
    does="Imports from a producer that answers a request for a versioned tensor with a legacy one, as is allowed.",
    answer="legacy",
)
_add(
    "struct.old-producer",
    "ask-versioned",
    "take",
    "should",
    does="Imports from a producer that knows the keyword `stream` only.",
    keywords=("stream",),
)
_add(
    "struct.first-producer",
    "ask-versioned",
    "take",
    "should",
    does="Imports from a producer that knows no keyword.",
    keywords=(),
)
_add(
    "version.minor",
    "minor",
    "take",
    does="Imports a tensor of version 1.99.",
    version=(1, 99),
    only="versioned",
)
_add(
    "version.first",
    "minor",
    "take",
    does="Imports a tensor of version 1.0.",
    version=(1, 0),
    only="versioned",
)
_add(
    "version.major",
    "major",
    "refuse",
    does="Imports a tensor of version 2.0.",
    version=(2, 0),
    only="versioned",
)
_add(
    "version.major-guarded",
    "flags-stable",
    "refuse",
    does="Imports a tensor of version 2.0, in which all that follows `flags` is memory that nobody may read.",
    guarded=(2, 0),
    only="versioned",
)
_add(
    "version.zero",
    "major",
    "refuse",
    does="Imports a versioned tensor of version 0.8, of which there was none.",
    version=(0, 8),
    only="versioned",
)


@case(
    "consumer.struct.untouched",
    "borrowing",
    "quirk",
    does="Compares the struct, its shape and its strides before and after the import.",
    expects="the same: they are the producer's",
    snippet="{imports}\n"
    + maker({}).replace(
        "        return self.capsule",
        "        global whole; whole = lambda: [bytes(versioned)[8:80], bytes(legacy)[8:64], shape[:], strides[:]]\n"
        "        global before; before = whole()\n        return self.capsule",
    )
    + "\nx = {take}\nassert whole() == before, (before, whole())",
)
def _(lib: Adapter) -> None:
    class Remembers(Producer):
        def made(self, **fields: Any) -> Any:
            tensor = super().made(**fields)
            tensor.before = _whole(tensor)
            return tensor

    producer = Remembers()
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    expect(_whole(tensor) == tensor.before, "the import writes to the struct")
    del x


def _whole(tensor: Any) -> Any:
    # The first eight bytes count the calls of the deleter.
    struct = ctypes.string_at(tensor.address, ctypes.sizeof(tensor.struct))
    return struct[8:], tensor._shape[:], tensor._strides[:]


# Flags.

_add(
    "flags.unknown",
    "flags",
    "take",
    "should",
    does="Imports a tensor with a flag that has no meaning yet.",
    flags=1 << 40,
    only="versioned",
)
_add(
    "flags.copied",
    "is-copied",
    "take",
    does="Imports a tensor with IS_COPIED.",
    flags=abi.IS_COPIED,
    only="versioned",
)
_add(
    "flags.read-only",
    "ignore-read-only",
    "take",
    "should",
    does="Imports a tensor with READ_ONLY.",
    flags=abi.READ_ONLY,
    only="versioned",
)
_add(
    "flags.padded",
    "padded",
    "take",
    "quirk",
    does="Imports float32 elements with IS_SUBBYTE_TYPE_PADDED, which means nothing for them.",
    flags=abi.PADDED,
    only="versioned",
)


@case(
    "consumer.flags.read-only-written",
    "read-only",
    "should",
    does="Imports a tensor with READ_ONLY, and writes to the array.",
    expects="an exception, or a copy: the producer's memory stays as it was",
    snippet="{imports}\n"
    + maker({"flags": 1})
    + "\nbefore = ctypes.string_at(start, 24)\nx = {take}\ntry:\n    {write}\n"
    "except Exception as error:\n    print('refused:', error)\n"
    "assert ctypes.string_at(start, 24) == before, 'read-only memory was written'",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.write, "its arrays cannot be written")
    producer = Producer(flags=abi.READ_ONLY)
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    skip_unless(
        producer.tensors[-1].versioned, "the library asks for legacy structs, which have no such field"
    )
    before = producer.tensors[-1].memory()
    try:
        exec(lib.write, {**lib.space, "x": x})
    except Exception:
        pass
    # Some libraries write when the result is needed.
    lib.elements(x)
    expect(producer.tensors[-1].memory() == before, "the producer's memory is written")


# Dimensions.

_add("ndim.zero", "shape", "take", "should", does="Imports one element without axes; shape and strides are NULL.",
     shape=(), strides=None, null_shape=True, wanted=FLOATS[:1])  # fmt: skip
_add(
    "ndim.seven",
    "ndim",
    "take",
    "should",
    does="Imports a tensor with seven axes.",
    shape=(1, 2, 1, 3, 1, 1, 1),
)
_add(
    "ndim.64",
    "ndim",
    "right",
    "should",
    does="Imports a tensor with 64 axes.",
    shape=(1,) * 62 + (2, 3),
    wanted=FLOATS,
)
_add(
    "ndim.65",
    "ndim",
    "right",
    "should",
    does="Imports a tensor with 65 axes.",
    shape=(1,) * 63 + (2, 3),
    wanted=FLOATS,
)
_add("ndim.negative", "ndim", "refuse", "should", does="Imports a tensor with `ndim` -1.", ndim=-1)
_add(
    "ndim.minimum",
    "ndim",
    "refuse",
    "should",
    does="Imports a tensor with the smallest `ndim`.",
    ndim=-(2**31),
)
_add(
    "shape.null",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor with two axes whose shape is NULL.",
    null_shape=True,
)
_add(
    "shape.negative",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor of shape (-1, 3).",
    shape=(-1, 3),
    strides=(3, 1),
)
_add(
    "shape.minimum",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor of shape (-2**63,).",
    shape=(-(2**63),),
    strides=(1,),
)
_add("shape.huge", "shape", "refuse", "should", does="Imports a tensor of 2**32 times 2**32 elements.",
     shape=(2**32, 2**32), strides=(2**32, 1))  # fmt: skip
_add("shape.huge-empty", "shape", "survive", "should", does="Imports a tensor of shape (2**62, 4, 0).",
     shape=(2**62, 4, 0), strides=(0, 0, 1), address=None)  # fmt: skip
_add("shape.negative-empty", "shape", "refuse", "quirk", does="Imports a tensor of shape (0, -2).",
     shape=(0, -2), strides=(1, 1))  # fmt: skip
_add("empty.null", "size-zero", "take", does="Imports a tensor of shape (0, 3) whose data is NULL.",
     shape=(0, 3), address=None, wanted=[])  # fmt: skip
_add("empty.dangling", "size-zero", "take", "should", does="Imports a tensor of shape (0, 3) whose data is the address 8.",
     shape=(0, 3), address=8, wanted=[])  # fmt: skip
_add("empty.strides", "size-zero", "take", "should", does="Imports a tensor of shape (0, 3) whose strides are 0.",
     shape=(0, 3), strides=(0, 0), wanted=[])  # fmt: skip
_add("empty.offset", "size-zero", "right", "should", does="Imports a tensor without elements, with NULL and a byte_offset of 64.",
     shape=(0,), address=None, byte_offset=64, wanted=[])  # fmt: skip

# Strides.

_add("strides.null-old", "strides-old", "take", does="Imports a tensor of version 1.1 whose strides are NULL.",
     version=(1, 1), strides=None)  # fmt: skip
_add("strides.null", "strides", "right", "quirk", does="Imports a tensor of version 1.3 whose strides are NULL.", strides=None,
     only="versioned")  # fmt: skip
for _name, _shape, _strides, _start, _what in [
    ("transposed", (3, 2), (1, 3), 0, "a transposed tensor"),
    ("step", (2, 2), (3, 2), 0, "every other column"),
    ("gap", (2, 2), (3, 1), 0, "rows with a gap between them"),
    ("negative", (2, 3), (-3, 1), 3, "rows in reverse, with a negative stride"),
    ("negative-both", (2, 3), (-3, -1), 5, "a tensor reversed along both axes"),
    ("zero", (4, 3), (0, 1), 0, "four times the same row, with a stride of 0"),
    ("overlap", (4, 3), (1, 1), 0, "overlapping windows"),
    ("size-one", (1, 3), (-999, 1), 0, "an axis of one element with a stride of -999"),
    ("size-one-minimum", (1, 3), (-(2**63), 1), 0, "an axis of one element with the smallest stride"),
    ("diagonal", (2,), (4,), 0, "a diagonal"),
]:
    _add(
        f"strides.{_name}",
        "strides-elements",
        "right",
        title=_what,
        does=f"Imports {_what}.",
        shape=_shape,
        strides=_strides,
        start=_start,
        wanted=[
            FLOATS[i]
            for i in _positions(_shape, tuple(0 if n == 1 else s for n, s in zip(_shape, _strides)), _start)
        ],
    )
_add("strides.huge", "strides-elements", "survive", "quirk", does="Imports a tensor of shape (2, 2) with strides of 2**62.",
     shape=(2, 2), strides=(2**62, 2**62), expects="a refusal, or an array; the deleter runs once")  # fmt: skip

# Pointers.

_LONG = [float(i) for i in range(24)]


def _bytes_of(values: list[float]) -> bytes:
    from ..values import encode

    return encode("float32", values)


for _offset in (4, 16, 64):
    _add(
        f"data.offset-{_offset}",
        "offset",
        "right",
        title=f"`byte_offset` {_offset}",
        does=f"Imports a tensor whose first element is {_offset} bytes after `data`.",
        data=_bytes_of(_LONG),
        byte_offset=_offset,
        wanted=_LONG[_offset // 4 : _offset // 4 + 6],
    )
_add("data.offset-scalar", "offset", "right", does="Imports one element without axes, 8 bytes after `data`.",
     data=_bytes_of(_LONG), shape=(), strides=(), byte_offset=8, wanted=[2.0])  # fmt: skip
_add("data.null", "data", "unreadable", "should", does="Imports six elements whose data is NULL.", address=None, wanted=None,
     expects="a refusal: what would be shown is no memory of the producer")  # fmt: skip
_add(
    "data.misaligned",
    "alignment",
    "right",
    "should",
    does="Imports four-byte elements at an odd address.",
    misalign=1,
)
_add("data.aligned-4", "alignment", "take", "should", does="Imports four-byte elements at an address that is a multiple of 4 only.",
     misalign=4)  # fmt: skip
_add("context.null", "context", "take", does="Imports a tensor whose manager_ctx is NULL.", context=0)
_add(
    "deleter.null",
    "deleter-null",
    "take",
    does="Imports a tensor whose deleter is NULL, and drops the array.",
    deleter=False,
)

# Elements.

for _dtype in abi.DTYPES:
    _add(
        f"dtype.{_dtype}",
        "sub-byte" if _dtype in abi.SUB_BYTE else "dtype-code",
        "right",
        title=_dtype,
        since="1.1" if _dtype.startswith(("float8", "float6", "float4")) else "0.6",
        does=f"Imports six elements of {_dtype}.",
        wanted=samples(_dtype),
        dtype=_dtype,
        known=True,
    )

for _id, _triple, _clause, _severity, _what in [
    ("bits-zero", (2, 0, 1), "bits", "should", "elements of no bits"),
    ("bits-24", (2, 24, 1), "bits", "should", "floats of 24 bits"),
    ("bits-128", (0, 128, 1), "bits", "quirk", "integers of 128 bits"),
    ("lanes-zero", (2, 32, 0), "lanes", "should", "elements of no lanes"),
    ("code-255", (255, 32, 1), "dtype-code", "should", "a type code that there is not"),
    ("bool-1", (6, 1, 1), "bool", "should", "booleans of one bit"),
    ("float6-8", (15, 8, 1), "float6", "must", "float6_e2m3fn with 8 bits"),
    ("float4-8", (17, 8, 1), "float4", "must", "float4_e2m1fn with 8 bits"),
]:
    _add(
        f"dtype.{_id}",
        _clause,
        "refuse" if _severity == "must" else "unreadable",
        _severity,
        title=_what,
        does=f"Imports {_what}.",
        dtype=_triple,
        wanted=None,
    )
_add("dtype.lanes", "lanes", "right", title="lanes", dtype=(2, 32, 4),
     does="Imports six elements of four float32 lanes each.", wanted=list(struct.unpack("=24f", bytes(range(1, 97)))),
     expects="a refusal, or elements of four lanes; not elements of one")  # fmt: skip
_add(
    "dtype.opaque",
    "dtype-code",
    "survive",
    "quirk",
    title="opaque handles",
    does="Imports opaque handles.",
    dtype=(3, 64, 1),
    wanted=None,
)

# Devices.

for _device, _id, _kind, _severity, _what in [
    ((1, 7), "cpu-7", "right", "quirk", "the CPU with the number 7"),
    ((1, -1), "cpu-negative", "right", "quirk", "the CPU with the number -1"),
    ((3, 0), "cuda-host", "right", "should", "pinned memory of CUDA"),
    ((13, 0), "cuda-managed", "right", "should", "managed memory of CUDA"),
    ((2, 0), "cuda", "survive", "should", "CUDA, although nobody may be able to reach it"),
    ((8, 0), "metal", "survive", "should", "Metal"),
    ((12, 0), "extension", "survive", "should", "the extension device"),
    ((0, 0), "zero", "survive", "quirk", "the type 0, which there is not"),
    ((99, 0), "unknown", "survive", "quirk", "the type 99, which there is not"),
    ((-1, 0), "negative", "survive", "quirk", "the type -1"),
]:
    _add(
        f"device.{_id}",
        "unsupported-device",
        _kind,
        _severity,
        title=_what,
        does=f"Imports a tensor of the device {_what}.",
        device=_device,
        expects="a refusal that says why, or an array; the deleter runs once" if _kind == "survive" else "",
    )
_add("device.lies", "device-pair", "survive", "should", does="Imports a tensor of the CPU whose `__dlpack_device__` says CUDA.",
     says_device=(2, 0), expects="a refusal that says why, or an array; the deleter runs once")  # fmt: skip


def _object(**members: Any) -> Any:
    return type("Object", (), members)()


@case(
    "consumer.device.missing",
    "import-attribute",
    "quirk",
    does="Imports an object without the DLPack methods.",
    expects="AttributeError",
    snippet="class Producer: pass\nproducer = Producer()\ntry:\n    {take}\nexcept AttributeError:\n    raise SystemExit(0)\n"
    "raise AssertionError('taken')",
)
def _(lib: Adapter) -> None:
    x, error = _import(lib, _object())
    expect(error is not None, f"{type(x).__name__}")
    expect(isinstance(error, AttributeError), told(error) if error else "")


@case(
    "consumer.device.garbage",
    "device-pair",
    "should",
    does="Imports an object whose `__dlpack_device__` returns a text.",
    expects="a refusal, or a right array",
    snippet="{imports}\n"
    + maker({"says_device": "cpu"})
    + "\ntry:\n    x = {take}\nexcept SystemError:\n    raise\n"
    "except Exception as error:\n    print(error)",
)
def _(lib: Adapter) -> None:
    producer = Producer(says_device="cpu")
    held = [*_import(lib, producer)]
    error = held.pop()
    if error is None:
        _right(lib, producer, held, FLOATS, "float32")
    else:
        _refused(producer, error)


@case(
    "consumer.refusal.class",
    "import-error",
    "quirk",
    does="Imports a tensor of a type code that there is not.",
    expects="BufferError, if it is refused",
    snippet="{imports}\n"
    + maker({"dtype": (255, 32, 1)})
    + "\ntry:\n    x = {take}\nexcept BufferError as error:\n    print(error)",
)
def _(lib: Adapter) -> None:
    producer = Producer(dtype=(255, 32, 1))
    _, error = _import(lib, producer)
    expect(error is None or isinstance(error, BufferError), told(error) if error else "")


# What the library asks for.


@case(
    "consumer.asks.versioned",
    "ask-versioned",
    "should",
    does="Notes which keywords the library passes to `__dlpack__`.",
    expects="`max_version` of at least (1, 0)",
    snippet="{imports}\n"
    + maker({}).replace(
        "        self.capsule", "        global asked; asked = max_version\n        self.capsule", 1
    )
    + "\ntry:\n    x = {take}\nexcept Exception as error: print(error)\nassert asked and asked[0] >= 1, asked",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    _import(lib, producer)
    skip_unless(producer.calls, "`__dlpack__` was not called")
    versions = [call.get("max_version") for call in producer.calls]
    found = next((version for version in versions if version is not None), None)
    expect(
        found is not None, f"the keywords {sorted(producer.calls[0])}, by which producers make legacy structs"
    )
    expect(isinstance(found, tuple) and found[0] >= 1, f"max_version={found!r}")


@case(
    "consumer.asks.keywords",
    "keywords",
    does="Notes which keywords the library passes to `__dlpack__`.",
    expects="those of the standard, and no others",
    snippet="{imports}\n"
    + maker({}).replace(
        "copy=None):\n", "copy=None, **others):\n        global asked; asked = others, stream\n", 1
    )
    + "\ntry:\n    x = {take}\nexcept Exception as error: print(error)\n"
    "assert not asked[0] and asked[1] in (None, -1), asked",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    _import(lib, producer)
    skip_unless(producer.calls, "`__dlpack__` was not called")
    strange = {name for call in producer.calls for name in call} - {
        "stream",
        "max_version",
        "dl_device",
        "copy",
    }
    expect(not strange, f"{sorted(strange)}")
    stream = producer.calls[0].get("stream")
    expect(stream in (None, -1), f"stream={stream!r} for a producer on the CPU")


# Copies.


@case(
    "consumer.copy.none",
    "zero-copy",
    "should",
    does="Imports an aligned, compact tensor without asking for a copy.",
    expects="the producer's memory, not a copy",
    snippet="{imports}\n"
    + maker({})
    + "\nx = {take}\nctypes.memset(start, 0, 24)\nassert list({read}) == [0] * 6, 'a copy'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    found = _aliases(lib, x, producer)
    skip_unless(found is not None, "where the array is cannot be known")
    expect(found, "a copy")


@case(
    "consumer.copy.true",
    "import-copy",
    since="2023.12",
    does="Imports with `copy=True` and writes to the producer's memory.",
    expects="an array that does not change",
    snippet="{imports}\n"
    + maker({"keywords": ("stream", "max_version")})
    + "\nx = {take_copy}\nbefore = list({read})\nctypes.memset(start, 0, 24)\n"
    "assert list({read}) == before, 'not a copy'",
)
def _(lib: Adapter) -> None:
    # A producer that does not know the keyword leaves the copy to the consumer; one that does marks what it makes.
    for known in (("stream", "max_version", "dl_device", "copy"), ("stream", "max_version")):
        producer = Producer(keywords=known)
        x, error = _import(lib, producer, True)
        if error is not None:
            skip_unless(
                "unexpected keyword" not in str(error) or isinstance(error, BufferError), "no such keyword"
            )
            _refused(producer, error)
            continue
        tensor = producer.tensors[-1]
        marked = tensor.versioned and tensor.struct.flags & abi.IS_COPIED
        asked = any(call.get("copy") for call in producer.calls if "copy" in known)
        expect(
            marked or asked or not _aliases(lib, x, producer),
            f"the producer's memory; `__dlpack__` was asked with {sorted(producer.calls[-1])}",
        )


@case(
    "consumer.copy.false",
    "import-no-copy",
    since="2023.12",
    does="Imports with `copy=False`: a compact tensor, and a transposed one.",
    expects="the producer's memory, or an exception",
    snippet="{imports}\n"
    + maker({})
    + "\ntry:\n    x = {take_no_copy}\nexcept Exception as error:\n    print('refused:', error)\n    raise SystemExit(0)\n"
    "ctypes.memset(start, 0, 24)\nassert list({read}) == [0] * 6, 'a copy'\n"
    "shape[:], strides[:] = (3, 2), (1, 3)\ntry:\n    x = {take_no_copy}\nexcept Exception as error:\n    print('refused:', error)\n"
    "    raise SystemExit(0)\nctypes.memset(start, 1, 24)\nassert all({read}), 'a copy of what is transposed'",
)
def _(lib: Adapter) -> None:
    for shape, strides in (((2, 3), (3, 1)), ((3, 2), (1, 3))):
        producer = Producer(shape=shape, strides=strides)
        x, error = _import(lib, producer, False)
        if error is not None:
            _refused(producer, error)
            return
        found = _aliases(lib, x, producer)
        skip_unless(found is not None, "where the array is cannot be known")
        expect(found, f"a copy, for strides {strides}")


# Capsules.


@case(
    "consumer.capsule.renamed",
    "rename",
    does="Looks at the capsule while the array is alive.",
    expects="the name `used_dltensor` or `used_dltensor_versioned`, unless the elements were copied",
    snippet="{imports}\n" + maker({}) + "\nimport gc\nx = {take}\nx = None\ngc.collect()\n"
    "assert 'used' in repr(producer.capsule) or not runs(), 'the deleter has run, and the capsule looks unused'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    name = abi.name_of(tensor._capsule)
    wanted = "used_" + (abi.VERSIONED if tensor.versioned else abi.LEGACY)
    # Whoever keeps the capsule, or copies and leaves the capsule alone, has not taken the tensor out of it.
    taken = tensor.taken or tensor.called
    expect(
        name == wanted or tensor.held or not taken, f"the name {name!r}, although the tensor was taken out"
    )
    expect(name == wanted or tensor.held or not _aliases(lib, x, producer), f"the name {name!r}")


for _id, _label, _what in [
    ("other-name", "tensor", "a capsule with the name `tensor`"),
    ("used", "used_dltensor", "a capsule with the name `used_dltensor`"),
    ("used-versioned", "used_dltensor_versioned", "a capsule with the name `used_dltensor_versioned`"),
]:

    @case(
        f"consumer.capsule.{_id}",
        "consumed-once",
        title=_what,
        does=f"Imports an object that returns {_what}.",
        expects="a refusal, and nobody runs the deleter",
        snippet="{imports}\n"
        + maker({}).replace('b"dltensor_versioned"', f'b"{_label}"').replace('b"dltensor"', f'b"{_label}"')
        + '\ntry:\n    x = {take}\nexcept Exception as error:\n    print(error)\nelse:\n    raise AssertionError("taken")',
    )
    def _(lib: Adapter, label: str = _label) -> None:
        producer = Producer(capsule_name=label)
        x, error = _import(lib, producer)
        skip_unless(producer.tensors or error is not None, "the library asked for no tensor")
        expect(error is not None, "the tensor is taken")
        expect(not isinstance(error, SystemError), told(error) if error else "")
        gc.collect()
        for tensor in producer.tensors:
            expect(tensor.called == 0, "the deleter of a tensor that was not the library's was called")


@case(
    "consumer.capsule.none",
    "capsule-name",
    "should",
    does="Imports objects whose `__dlpack__` returns no capsule: None, an integer.",
    expects="an exception",
    snippet="class Producer:\n    def __dlpack__(self, **keywords): return None\n    def __dlpack_device__(self): return 1, 0\n"
    "producer = Producer()\ntry:\n    {take}\nexcept Exception as error:\n    assert not isinstance(error, SystemError), error\n"
    "else:\n    raise AssertionError('taken')",
)
def _(lib: Adapter) -> None:
    for value in (None, 7):
        x, error = _import(
            lib, _object(__dlpack__=lambda self, v=value, **k: v, __dlpack_device__=lambda self: (1, 0))
        )
        expect(error is not None, f"{type(x).__name__} from {value}")
        expect(not isinstance(error, SystemError), f"for {value}: {told(error) if error else ''}")


for _error in (BufferError, ValueError, RuntimeError, TypeError):

    @case(
        f"consumer.raises.{_error.__name__}",
        "import-propagate",
        "must" if _error is BufferError else "should",
        title=f"a producer that raises {_error.__name__}",
        does=f"Imports an object whose `__dlpack__` raises {_error.__name__}.",
        expects="the same exception",
        snippet=f"class Producer:\n    def __dlpack__(self, **keywords): raise {_error.__name__}('not today')\n"
        "    def __dlpack_device__(self): return 1, 0\nproducer = Producer()\ntry:\n    {take}\n"
        f"except {_error.__name__} as error:\n    assert 'not today' in str(error), error\n",
    )
    def _(lib: Adapter, kind: type[Exception] = _error) -> None:
        def refuse(self: Any, **keywords: Any) -> Any:
            raise kind("not today")

        x, error = _import(lib, _object(__dlpack__=refuse, __dlpack_device__=lambda self: (1, 0)))
        expect(error is not None, f"{type(x).__name__}")
        expect(isinstance(error, kind), f"{told(error) if error else ''}")
        expect("not today" in str(error), f"another message: {told(error) if error else ''}")


# Lifetimes.

_RELEASED = """x = None
gc.collect()
released = runs() + ("used" not in repr(capsule))
assert released == 1, f"the deleter ran {released} times"
"""


@case(
    "consumer.life.producer",
    "deleter-when",
    does="Drops the producer, and reads the array.",
    expects="the elements; the deleter runs once, when the array is dropped",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc\nx = {take}\ncapsule = producer.capsule\ndel producer\ngc.collect()\n"
    f"found = list({{read}})\nassert found == {FLOATS!r}, found\n" + _RELEASED,
)
def _(lib: Adapter) -> None:
    producer = Producer(python=True)
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    tensors = list(producer.tensors)
    producer.tensors.clear()
    gc.collect()
    expect(lib.elements(x) == FLOATS, f"{lib.elements(x)}")
    producer.tensors.extend(tensors)
    del x
    _released(producer, "after the array was dropped")


@case(
    "consumer.life.thread",
    "deleter-gil",
    does="Drops the array on another thread.",
    expects="the deleter runs once",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc, threading\nheld = [{take}]\ncapsule, x = producer.capsule, None\n"
    "thread = threading.Thread(target=held.clear)\nthread.start()\nthread.join()\n" + _RELEASED,
)
def _(lib: Adapter) -> None:
    producer = Producer()
    held = [_import(lib, producer)]
    skip_unless(held[0][1] is None, "refused")
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    _released(producer, "after the array was dropped on another thread")


@case(
    "consumer.life.many",
    "deleter-when",
    does="Imports two hundred tensors and drops the arrays.",
    expects="the deleter of each runs once",
    snippet="{imports}\n"
    + maker({})
    + "\nimport gc\narrays, structs, capsules, first = [], [], [], versioned.raw\nfor i in range(200):\n"
    "    versioned = ctypes.create_string_buffer(first)\n    structs.append(versioned)\n    arrays.append({take})\n"
    "    capsules.append(producer.capsule)\narrays.clear()\ngc.collect()\n"
    "released = len(deleted) + sum(struct.unpack_from('=I', s)[0] - 1 for s in structs)\n"
    "released += sum('used' not in repr(capsule) for capsule in capsules)\n"
    "assert released == 200, f'{released} deleters ran for 200 tensors'",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    arrays = []
    for _ in range(200):
        x, error = _import(lib, producer)
        skip_unless(error is None, "refused")
        arrays.append(x)
    del x
    arrays.clear()
    _released(producer, "for one of two hundred tensors")


@case(
    "consumer.life.end",
    "deleter-end",
    "should",
    does="Keeps an array until the interpreter ends.",
    expects="the process ends well",
    ends=True,
    # What the producer owns is not freed before the array is.
    snippet="{imports}\n"
    + maker({})
    + "\nfor owned in (data, versioned, legacy, deleter):\n    ctypes.pythonapi.Py_IncRef(ctypes.py_object(owned))\n"
    "sys.kept = {take}",
)
def _(lib: Adapter) -> None:
    import sys

    producer = Producer()
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    sys.kept = x  # type: ignore[attr-defined]


@case(
    "consumer.life.shape",
    "keeps-owning",
    "quirk",
    does="Changes the shape in the struct after the import, as `resize_` of a producer does.",
    expects="an array of the shape that it was imported with",
    snippet="{imports}\n" + maker({}) + "\nx = {take}\nshape[0] = 1\nassert len(list({read})) == 6",
)
def _(lib: Adapter) -> None:
    producer = Producer()
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    producer.tensors[-1]._shape[0] = 1
    found = lib.elements(x)
    expect(found == FLOATS, f"{found}")


@case(
    "consumer.life.export",
    "read-only",
    "should",
    does="Imports a tensor with READ_ONLY and exports the array again.",
    expects="READ_ONLY, a copy, or a refusal",
    snippet="{imports}\n"
    + maker({"flags": 1})
    + "\nx = {take}\ntry:\n    capsule = x.__dlpack__(max_version=(1, 3))\n"
    "except BufferError:\n    raise SystemExit(0)\n{struct}\nassert flags & 1 or data != start, 'the flag is lost'",
)
def _(lib: Adapter) -> None:
    producer = Producer(flags=abi.READ_ONLY)
    x, error = _import(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    skip_unless(tensor.versioned, "the library asks for legacy structs, which have no such field")
    try:
        seen = lib.look(x)
    except (AttributeError, BufferError, Found):
        raise Skip("it exports nothing") from None
    skip_unless(seen.versioned, "it exports legacy structs")
    if tensor.start == seen.data:
        expect(seen.flags & abi.READ_ONLY, f"flags {seen.flags:#x}")
