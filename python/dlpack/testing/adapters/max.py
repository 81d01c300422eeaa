"""MAX's buffers."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "max"
    modules = ("max", "max.driver", "numpy")
    distribution = "max"
    imports = "import ctypes, numpy as np\nfrom max.driver import Buffer"
    array = "Buffer.from_numpy(np.array({values}, '{dtype}').reshape({shape}))"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS]}
    read = "x.to_numpy().ravel().tolist()"
    borrowed = "Buffer.from_numpy(np.ones(1 << 23, 'float32'))"
    big = "Buffer.from_numpy(np.ones(1 << 20, 'float32'))"
    take = "Buffer.from_dlpack({x})"
    write = "x.to_numpy()[0, 0] = 7"
    address = "x._data_ptr()"
