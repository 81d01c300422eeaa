"""The structs of `dlpack.h` 1.3, declared a second time, and the spelling of dtypes."""

import ctypes
import re

CPU, CUDA, CUDA_HOST, OPENCL, METAL, ROCM, ROCM_HOST, EXT_DEV = 1, 2, 3, 4, 8, 10, 11, 12
CUDA_MANAGED = 13

READ_ONLY, IS_COPIED, IS_SUBBYTE_TYPE_PADDED = 1, 2, 4


class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32)]


class Device(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]

    def triple(self):
        return (self.code, self.bits, self.lanes)


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


# Whoever calls a deleter may or may not hold the interpreter: `CFUNCTYPE` takes it.
Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_WORDS = {
    "int": 0,
    "uint": 1,
    "float": 2,
    "opaque_handle": 3,
    "bfloat": 4,
    "complex": 5,
}
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

# Every dtype that has a name in the standard and occurs in libraries, and some that hardly any library takes.
DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 "
    "complex32 complex64 complex128 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn "
    "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn "
    "float4_e2m1fn float4_e2m1fnx2 int4 uint4 int128 float32x4 opaque_handle64"
).split()


def dtype(name):
    """The `(code, bits, lanes)` of a name such as `float32`, `float32x4` or `float8_e4m3fn`; triples pass through."""
    if not isinstance(name, str):
        return tuple(name)
    base, lanes = re.fullmatch(r"(bool|.*?\d[a-z0-9_]*?)(?:x(\d+))?", name).groups()
    lanes = lanes or "1"
    if base in _NAMED:
        return (*_NAMED[base], int(lanes))
    word, bits = re.fullmatch(r"([a-z_]+)(\d+)", base).groups()
    return (_WORDS[word], int(bits), int(lanes))


def itemsize(name):
    """Bytes of one element, lanes included, rounded up."""
    _, bits, lanes = dtype(name)
    return (bits * lanes + 7) // 8


def row_major(shape):
    """The strides, in elements, of a compact row-major tensor."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
