"""Paddle."""

from .. import abi
from . import Adapter

_SIGNED = ["bool", "int8", "int16", "int32", "int64", "uint8", *abi.FLOATS, "complex64", "complex128"]
_NARROW = ["bfloat16", "float8_e4m3fn", "float8_e5m2"]


class Library(Adapter):
    name = "paddle"
    modules = ("paddle", "numpy")
    distribution = "paddlepaddle"
    # Paddle's own handler of signals takes seconds to name the functions that were called.
    imports = "import warnings\nwarnings.simplefilter('ignore')\nimport numpy as np, paddle\npaddle.disable_signal_handler()"
    array = "paddle.to_tensor(np.array({values}, '{dtype}').reshape({shape}))"
    dtypes = {dtype: dtype for dtype in _SIGNED}
    read = "x.numpy().ravel().tolist()"
    reads = {dtype: "x.astype('float32').numpy().ravel().tolist()" for dtype in _NARROW}
    layouts = {
        "transposed": "x.T",
        "step": "x[:, ::2]",
        "offset": "x[1:, 1:]",
    }
    unexportable = {
        "requires a gradient": "(lambda y: (setattr(y, 'stop_gradient', False), y)[1])(paddle.zeros([2]))",
        "sparse": "paddle.sparse.sparse_coo_tensor([[0, 1], [0, 1]], [1.0, 2.0], [2, 2])",
    }
    resizes = {
        "resize_": ("paddle.ones([1 << 23])", "x.resize_([1 << 24], fill_zero=True)"),
        "set_": ("paddle.ones([1 << 23])", "x.set_(paddle.ones([1 << 24]))"),
    }
    borrowed = "paddle.from_dlpack(np.ones(1 << 23, 'float32'))"
    take_copy = "paddle.from_dlpack({x}, copy={copy})"
    take_device = "paddle.from_dlpack({x}, device=paddle.CPUPlace())"
    big = "paddle.ones([1 << 20])"
    take = "paddle.from_dlpack({x})"
    imports_dtypes = (*_SIGNED, *_NARROW)
    write = "x[0, 0] = 7"
    address = "x.data_ptr()"
