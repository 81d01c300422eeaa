"""NVIDIA Warp."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "warp"
    modules = ("warp", "numpy")
    distribution = "warp-lang"
    imports = "import numpy as np, warp as wp\nwp.config.quiet = True\nwp.init()"
    array = "wp.array(np.array({values}, '{dtype}').reshape({shape}), dtype=wp.{dtype}, device='cpu')"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS]}
    read = "x.numpy().ravel().tolist()"
    layouts = {"transposed": "x.transpose()", "step": "x[:, ::2]", "offset": "x[1:, 1:]"}
    borrowed = "wp.array(np.ones(1 << 23, 'float32'), dtype=wp.float32, device='cpu', copy=False)"
    big = "wp.ones(1 << 20, dtype=wp.float32, device='cpu')"
    take = "wp.from_dlpack({x})"
    write = "x.numpy()[0, 0] = 7"
    address = "x.ptr"
