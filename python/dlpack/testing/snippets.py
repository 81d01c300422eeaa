"""The programs that findings come with: they need the library and ctypes, and nothing of this package.

A program fails, by an assertion or by crashing, where the library does what the finding says. So it is also the second way
by which a finding is confirmed.
"""

from __future__ import annotations

import re
from typing import Any

from . import abi
from .adapters import Adapter
from .case import Case, Skip
from .values import sample_bytes, samples

_GET = """get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
name = repr(capsule).split('"')[1]
p = get(capsule, name.encode())
t = p + 32 * (name == "dltensor_versioned")  # the DLTensor"""

# What reads each field, and the other fields that it needs.
_FIELDS = {
    "version": ("version = tuple((ctypes.c_uint32 * 2).from_address(p))", ""),
    "deleter": ("deleter = ctypes.c_void_p.from_address(p + (16 if t != p else 56)).value", ""),
    "context": ("context = ctypes.c_void_p.from_address(p + (8 if t != p else 48)).value", ""),
    "flags": ("flags = ctypes.c_uint64.from_address(p + 24).value", ""),
    "byte_offset": ("byte_offset = ctypes.c_uint64.from_address(t + 40).value", ""),
    "data": ("data = (ctypes.c_void_p.from_address(t).value or 0) + byte_offset", "byte_offset"),
    "device": ("device = tuple((ctypes.c_int32 * 2).from_address(t + 8))", ""),
    "ndim": ("ndim = ctypes.c_int32.from_address(t + 16).value", ""),
    "dtype": (
        "dtype = (*(ctypes.c_uint8 * 2).from_address(t + 20), ctypes.c_uint16.from_address(t + 22).value)",
        "",
    ),
    "shape": (
        "shape = (ctypes.c_int64 * ndim).from_address(ctypes.c_void_p.from_address(t + 24).value)[:] if ndim else []",
        "ndim",
    ),
    "strides_at": ("strides_at = ctypes.c_void_p.from_address(t + 32).value", ""),
    "strides": (
        "strides = (ctypes.c_int64 * ndim).from_address(strides_at)[:] if strides_at else "
        "[int(__import__('math').prod(shape[i + 1:])) for i in range(ndim)]",
        "ndim shape strides_at",
    ),
    "elements": (
        "places = [data]\n"
        "for n, s in zip(shape, strides): places = [q + i * s * dtype[1] // 8 for q in places for i in range(n)]\n"
        'elements = b"".join(ctypes.string_at(q, dtype[1] // 8) for q in places)',
        "data dtype shape strides ndim",
    ),
}


def _struct(after: str) -> str:
    wanted = [name for name in _FIELDS if re.search(rf"\b{name}\b", after)]
    while True:
        more = [n for name in wanted for n in _FIELDS[name][1].split() if n not in wanted]
        if not more:
            break
        wanted += more
    return "\n".join([_GET, *(text for name, (text, _) in _FIELDS.items() if name in wanted)])


def program(case: Case, adapter: type[Adapter], fill: dict[str, str]) -> str:
    """The program of a finding, or nothing if the case has none."""
    if not case.snippet:
        return ""
    text = case.snippet.strip("\n")
    fill = {**dict(case.fill), **fill}
    made, resize = next(iter(adapter.resizes.values()), ("", ""))
    expressions = (
        adapter.lazy if "lazy" in case.id else adapter.narrow if "narrow" in case.id else adapter.unexportable
    )
    names = {
        "imports": adapter.imports.strip("\n"),
        "readonly": adapter.readonly,
        "big": adapter.big,
        "borrowed": adapter.borrowed,
        "subclass": adapter.subclass,
        "table_of": adapter.table_of,
        "write": adapter.write,
        "address": adapter.address,
        "expression": next(iter(expressions.values()), ""),
        "made": made,
        "resize": resize,
        "mutation": next(iter(adapter.mutations.values()), ""),
        "layout": adapter.layouts.get(fill.get("label", "offset"), ""),
        "read": adapter.reads.get(fill.get("dtype", ""), adapter.read),
        **fill,
    }
    names["take"] = adapter.take.format(x="producer")
    names["take_device"] = adapter.take_device.format(x="producer")
    names["take_no_copy"] = adapter.take_copy.format(x="producer", copy="False")
    names["take_copy"] = adapter.take_copy.format(x="producer", copy="True")
    if "{x}" in text:
        try:
            names["x"] = expression(adapter, fill.get("dtype", "float32"), fill)
        except (Skip, KeyError):
            return ""
    if "{struct}" in text:
        names["struct"] = _struct(text.partition("{struct}")[2])
    if any("{%s}" % name in text and not value for name, value in names.items()):
        return ""
    if "{imports}" not in text:
        text = "import ctypes\n{imports}\n" + text
    for name, value in names.items():
        text = text.replace("{%s}" % name, str(value))
    return text + "\n"


def expression(adapter: type[Adapter], dtype: str, fill: dict[str, str]) -> str:
    """The expression that makes the array of a program."""
    shape = tuple(eval(fill["shape"])) if "shape" in fill else adapter.shape
    values = [] if 0 in shape else samples(dtype)
    if len(shape) == 0:
        values = values[1:2]
    return adapter.array.format(values=values, dtype=adapter.dtypes[dtype], shape=shape)


_MAKER = """
import ctypes, struct, sys
at = ctypes.addressof
data = ctypes.create_string_buffer(bytes.fromhex("{hex}"), {room})
shape, strides = (ctypes.c_int64 * {rank})({shape}), (ctypes.c_int64 * {rank})({strides})
deleted = []
deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleted.append)
# Adds one to the number at an address, here to `version.major`, where Python has its lock.
count = deleter if "t" in sys.abiflags else ctypes.pythonapi.Py_IncRef
run, native = {run}
start = at(data) + -at(data) % 64
ctypes.memmove(start, data, {count})
tensor = struct.pack("=Q3i2BH3Q", {data}, {device_type}, {device_id}, {ndim}, {code}, {bits}, {lanes}, {shape_at}, {strides_at}, {byte_offset})
versioned = ctypes.create_string_buffer(struct.pack("=2I3Q", {major}, {minor}, {context}, native, {flags}) + tensor)
legacy = ctypes.create_string_buffer(tensor + struct.pack("=2Q", {context}, run))
new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", ctypes.pythonapi))
runs = lambda: len(deleted) + struct.unpack_from("=I", versioned)[0] - {major} if {has} else 0
class Producer:
    capsule = None
    def __dlpack__(self, *, {keywords}):
        self.capsule = new(at(versioned), b"dltensor_versioned", None) if {versioned} else new(at(legacy), b"dltensor", None)
        return self.capsule
    def __dlpack_device__(self):
        return {says}
producer = Producer()
"""


def maker(fields: dict[str, Any]) -> str:
    """The part of a program that makes a producer, from the keywords of `synthetic.Producer`."""
    given = dict(fields)
    dtype = given.get("dtype", "float32")
    code, bits, lanes = abi.triple(dtype)
    data = given.get("data")
    if data is None:
        data = sample_bytes(dtype) if isinstance(dtype, str) else bytes(range(1, 97))
    shape = given.get("shape", (2, 3))
    strides = given.get("strides", "compact")
    null_strides = strides is None
    if strides == "compact":
        strides = abi.row_major(shape)
    address = given.get("address", -1)
    offset = given.get("misalign", 0) + given.get("start", 0) * abi.nbytes(dtype, 1)
    major, minor = given.get("guarded") or given.get("version", (1, 3))
    device = given.get("device", (1, 0))
    answer = given.get("answer", "asked")
    keywords = given.get("keywords", ("stream", "max_version", "dl_device", "copy"))
    chosen = {"legacy": "False", "versioned": "True"}.get(answer, "max_version and max_version[0] >= 1")
    if "max_version" not in keywords and answer == "asked":
        chosen = "False"
    names = {
        "hex": (data * 2 if len(data) < 8 else data).hex(),
        "room": len(data) * 2 + 256,
        "count": len(data),
        "rank": max(len(shape), 1),
        "shape": ", ".join(map(str, shape)),
        "strides": ", ".join(map(str, strides or ())),
        "run": "(ctypes.cast(f, ctypes.c_void_p).value for f in (deleter, count))"
        if given.get("deleter", True)
        else "0, 0",
        "data": f"start + {offset}"
        if address == -1 and offset
        else "start"
        if address == -1
        else str(address or 0),
        "device_type": device[0],
        "device_id": device[1],
        "ndim": len(shape) if given.get("ndim") is None else given["ndim"],
        "code": code,
        "bits": bits,
        "lanes": lanes,
        "shape_at": "0" if given.get("null_shape") else "at(shape)",
        "strides_at": "0" if null_strides else "at(strides)",
        "byte_offset": given.get("byte_offset", 0),
        "major": major,
        "minor": minor,
        "context": given.get("context", 0x1234),
        "flags": given.get("flags", 0),
        "keywords": ", ".join(f"{name}=None" for name in keywords),
        "versioned": chosen,
        "says": repr(given.get("says_device") or device),
    }
    text = _MAKER.strip("\n").replace(" if {has} else 0", "")
    if offset:
        text = text.replace(
            "ctypes.memmove(start, data, {count})", "ctypes.memmove(start + {shift}, data, {count})"
        )
        names["shift"] = given.get("misalign", 0)
    if not keywords:
        text = text.replace("(self, *, {keywords})", "(self)")
    for name, value in names.items():
        text = text.replace("{%s}" % name, str(value))
    return text
