"""apache-tvm-ffi, whose tensors come from others and keep any dtype."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "tvm_ffi"
    modules = ("tvm_ffi", "numpy")
    distribution = "apache-tvm-ffi"
    imports = (
        "import ctypes, numpy as np, tvm_ffi\n"
        "def read(x):\n"
        "    kind = np.dtype(str(x.dtype))\n"
        "    low = [(n - 1) * s for n, s in zip(x.shape, x.strides)]\n"
        "    if 0 in x.shape: return []\n"
        "    a = x.data_ptr() + kind.itemsize * sum(t for t in low if t < 0)\n"
        "    size = kind.itemsize * (1 + sum(abs(t) for t in low))\n"
        "    memory = np.frombuffer((ctypes.c_char * size).from_address(a), kind)[-sum(t for t in low if t < 0):]\n"
        "    steps = [s * kind.itemsize for s in x.strides]\n"
        "    return np.lib.stride_tricks.as_strided(memory, tuple(x.shape), steps).ravel().tolist()\n"
    )
    array = "tvm_ffi.from_dlpack(np.array({values}, '{dtype}').reshape({shape}))"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS]}
    read = "read(x)"
    shows = False
    layouts = {
        "transposed": "tvm_ffi.from_dlpack(np.from_dlpack(x).T)",
        "step": "tvm_ffi.from_dlpack(np.from_dlpack(x)[:, ::2])",
        "reversed": "tvm_ffi.from_dlpack(np.from_dlpack(x)[::-1])",
        "offset": "tvm_ffi.from_dlpack(np.from_dlpack(x)[1:, 1:])",
    }
    borrowed = "tvm_ffi.from_dlpack(np.ones(1 << 23, 'float32'))"
    big = "tvm_ffi.from_dlpack(np.ones(1 << 20, 'float32'))"
    take = "tvm_ffi.from_dlpack({x})"
    address = "x.data_ptr()"
