"""The structs of `dlpack.h` 1.3 and the capsules of Python, declared for ctypes from the header alone.

Nothing here uses the extension of this package, so that the package is tested like any other library.
"""

from __future__ import annotations

import ctypes
import re

CPU, CUDA, CUDA_HOST, OPENCL, METAL, ROCM, ROCM_HOST, EXT_DEV = 1, 2, 3, 4, 8, 10, 11, 12
CUDA_MANAGED, ONE_API = 13, 14
READ_ONLY, IS_COPIED, PADDED = 1, 2, 4
LEGACY, VERSIONED, EXCHANGE = "dltensor", "dltensor_versioned", "dlpack_exchange_api"


class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32)]


class Device(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]

    def triple(self) -> tuple[int, int, int]:
        """The code, the bits and the lanes."""
        return self.code, self.bits, self.lanes


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class ManagedTensor(ctypes.Structure):
    _fields_ = [
        ("dl_tensor", Tensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class ManagedTensorVersioned(ctypes.Structure):
    _fields_ = [
        ("version", Version),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", Tensor),
    ]


class ExchangeHeader(ctypes.Structure):
    _fields_ = [("version", Version), ("prev_api", ctypes.c_void_p)]


class ExchangeApi(ctypes.Structure):
    _fields_ = [
        ("header", ExchangeHeader),
        ("managed_tensor_allocator", ctypes.c_void_p),
        ("managed_tensor_from_py_object_no_sync", ctypes.c_void_p),
        ("managed_tensor_to_py_object_no_sync", ctypes.c_void_p),
        ("dltensor_from_py_object_no_sync", ctypes.c_void_p),
        ("current_work_stream", ctypes.c_void_p),
    ]


FUNCTIONS = [
    "managed_tensor_allocator",
    "managed_tensor_from_py_object_no_sync",
    "managed_tensor_to_py_object_no_sync",
    "dltensor_from_py_object_no_sync",
    "current_work_stream",
]

# `CFUNCTYPE` gives up the interpreter around a call, and takes it for a callback: a deleter must work without it.
Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
SetError = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
Allocate = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(Tensor), ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, SetError
)
# The other functions of a table are called with the interpreter, and set Python's exception.
FromPython = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(ctypes.c_void_p))
ToPython = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
Borrow = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(Tensor))
Stream = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p))

_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
_get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(
    ("PyCapsule_SetName", ctypes.pythonapi)
)
# A capsule does not copy its name.
_names: dict[str, ctypes.Array[ctypes.c_char]] = {}


def _static(name: str) -> int:
    if name not in _names:
        _names[name] = ctypes.create_string_buffer(name.encode())
    return ctypes.addressof(_names[name])


def is_capsule(value: object) -> bool:
    """Whether the object is a capsule."""
    return type(value).__name__ == "PyCapsule"


def new_capsule(address: int, name: str, destructor: int | None = None) -> object:
    """Returns a new capsule over an address; `destructor` is the address of a native function."""
    return _new(address, _static(name), destructor)


def name_of(capsule: object) -> str | None:
    """The name of a capsule."""
    name = _get_name(capsule)
    return None if name is None else name.decode()


def pointer_of(capsule: object) -> int:
    """The address inside a capsule, whatever its name is."""
    return int(_get_pointer(capsule, _get_name(capsule)))


def rename(capsule: object, name: str) -> None:
    """Gives a capsule another name, as a consumer does that takes the tensor over."""
    if _set_name(capsule, _static(name)) != 0:
        raise ValueError("the capsule did not take the name")


def call_deleter(struct: ManagedTensor | ManagedTensorVersioned) -> None:
    """Calls the deleter of a managed tensor, without the interpreter. Does nothing if there is none."""
    if struct.deleter:
        Deleter(struct.deleter)(ctypes.addressof(struct))


_WORDS = {"int": 0, "uint": 1, "float": 2, "opaque_handle": 3, "bfloat": 4, "complex": 5}
_NAMED = {
    "bool": (6, 8),
    "float8_e3m4": (7, 8),
    "float8_e4m3": (8, 8),
    "float8_e4m3b11fnuz": (9, 8),
    "float8_e4m3fn": (10, 8),
    "float8_e4m3fnuz": (11, 8),
    "float8_e5m2": (12, 8),
    "float8_e5m2fnuz": (13, 8),
    "float8_e8m0fnu": (14, 8),
    "float6_e2m3fn": (15, 6),
    "float6_e3m2fn": (16, 6),
    "float4_e2m1fn": (17, 4),
}
INTEGERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
FLOATS = "float16 float32 float64".split()
FLOAT8 = [name for name in _NAMED if name.startswith("float8")]
SUB_BYTE = ["float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"]
DTYPES = ["bool", *INTEGERS, *FLOATS, "bfloat16", "complex32", "complex64", "complex128", *FLOAT8, *SUB_BYTE]


def triple(dtype: str | tuple[int, int, int]) -> tuple[int, int, int]:
    """The code, bits and lanes of a name such as `float32`, `float32x4` or `float8_e4m3fn`; triples pass through."""
    if not isinstance(dtype, str):
        return dtype
    found = re.fullmatch(r"(bool|.*?\d[a-z0-9_]*?)(?:x(\d+))?", dtype)
    assert found, f"no dtype is {dtype!r}"
    base, lanes = found[1], int(found[2] or 1)
    if base in _NAMED:
        return (*_NAMED[base], lanes)
    split = re.fullmatch(r"([a-z_]+)(\d+)", base)
    assert split, f"no dtype is {dtype!r}"
    return (_WORDS[split[1]], int(split[2]), lanes)


def name_dtype(found: tuple[int, int, int]) -> str:
    """The name of a triple, or the triple itself as text."""
    for name in DTYPES:
        if triple(name) == found:
            return name
    return f"code {found[0]} with {found[1]} bits and {found[2]} lanes"


def nbytes(dtype: str | tuple[int, int, int], count: int) -> int:
    """Bytes of so many elements, packed if they are smaller than a byte."""
    _, bits, lanes = triple(dtype)
    return (bits * lanes * count + 7) // 8


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, in elements, of a compact row-major tensor."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
