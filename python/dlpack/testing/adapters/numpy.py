"""NumPy, and the dtypes of ml_dtypes as some that it does not export."""

from .. import abi
from . import Adapter

_NUMBERS = ["bool", *abi.INTEGERS, *abi.FLOATS, "complex64", "complex128"]


class Library(Adapter):
    name = "numpy"
    modules = ("numpy",)
    imports = "import numpy as np"
    array = "np.array({values}, dtype='{dtype}').reshape({shape})"
    dtypes = {dtype: dtype for dtype in _NUMBERS}
    read = "x.ravel().tolist()"
    layouts = {
        "transposed": "x.T",
        "step": "x[:, ::2]",
        "reversed": "x[::-1]",
        "offset": "x[1:, 1:]",
        "broadcast": "np.broadcast_to(x[:1], (4, 3))",
        "diagonal": "x[:, :2].diagonal()",
        "size one": "x[:1, :, None][::-1]",
        "window": "np.lib.stride_tricks.sliding_window_view(x.ravel(), 3)",
    }
    readonly = (
        "(lambda y: (y.setflags(write=False), y)[1])(np.array([0, 1, -2, 1.5, 4, -3], 'f4').reshape(2, 3))"
    )
    unexportable = {
        "long double": "np.zeros(2, 'longdouble')",
        "objects": "np.array([None, None])",
        "records": "np.zeros(2, 'i4,f4')",
        "dates": "np.zeros(2, 'M8[s]')",
        "text": "np.zeros(2, 'S3')",
        "other byte order": "np.arange(3, dtype='i4').astype(np.dtype('i4').newbyteorder('S'))",
        "strides of half elements": "np.zeros(3, 'i2,i4')['f1']",
    }
    mutations = {
        "shape": "x.shape = (3, 2)",
        "strides": "np.lib.stride_tricks.as_strided(x, strides=(4, 8))",
    }
    resizes = {"resize": ("np.ones(1 << 23, 'float32')", "x.resize(1 << 24)")}
    borrowed = "np.frombuffer(bytearray(b'1' * (32 << 20)), 'float32')"
    take_device = "np.from_dlpack({x}, device='cpu')"
    big = "np.ones(1 << 20, 'float32')"
    take = "np.from_dlpack({x})"
    take_copy = "np.from_dlpack({x}, copy={copy})"
    write = "x[0, 0] = 7"
    address = "x.__array_interface__['data'][0]"
