"""Compiles and loads code in C."""

import atexit
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile


def build(name):
    """The path of a library made of a file of this folder."""
    source = pathlib.Path(__file__).with_name(name)
    folder = tempfile.mkdtemp(prefix="dlpack-kit-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = os.path.join(folder, "kit.so")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-shared", "-fPIC", "-O1", "-o", target, source], check=True)
    return target


_library = ctypes.CDLL(build("native.c"))
_library.kit_strays.restype = ctypes.c_int64

MAGIC = 0x646C7061636B3031


class Region(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("size", ctypes.c_uint64)]


class Record(ctypes.Structure):
    """`struct record` of `native.c`."""

    _fields_ = [
        ("magic", ctypes.c_uint64),
        ("deletes", ctypes.c_int64),
        ("thread", ctypes.c_int64),
        ("also", ctypes.c_void_p),
        ("is_guarded", ctypes.c_uint64),
        ("region_count", ctypes.c_uint64),
        ("regions", Region * 4),
        ("destructor_deleter", ctypes.c_void_p),
        ("managed_size", ctypes.c_uint64),
        ("managed", ctypes.c_ubyte * 128),
    ]


def _address(name):
    return ctypes.cast(getattr(_library, name), ctypes.c_void_p).value


DELETE = _address("kit_delete")
DESTROY = _address("kit_destroy")
# Functions for exchange tables, which fail with the message FAILURE.
FAIL = _address("kit_fail")
FAIL_FROM_PYTHON = _address("kit_fail_from_python")
FAIL_TO_LEND = _address("kit_fail_to_lend")
FAIL_TO_PYTHON = _address("kit_fail_to_python")
RELEASE_AND_FAIL = _address("kit_release_and_fail")
FAILURE = "not this one"
INTERRUPT = _address("kit_interrupt")


_library.kit_renew.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_library.kit_renew.restype = None


def save(record):
    """The bytes of a tensor's struct and of its regions, for `renew`."""
    start = ctypes.addressof(record)
    parts = [ctypes.string_at(start + Record.managed.offset, record.managed_size)]
    for region in record.regions[: record.region_count]:
        parts.append(ctypes.string_at(region.start, region.size))
    return b"".join(parts)


def renew(record, saved):
    """Makes a tensor what it was when `save` was called, whether it was deleted or not."""
    _library.kit_renew(ctypes.addressof(record), saved)


def strays():
    """How often a deleter was called with an address that is no tensor of the kit."""
    return _library.kit_strays()
