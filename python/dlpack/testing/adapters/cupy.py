"""CuPy, which needs a GPU."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "cupy"
    modules = ("cupy",)
    imports = "import cupy as cp"
    array = "cp.array({values}, dtype='{dtype}').reshape({shape})"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS, "complex64", "complex128"]}
    read = "cp.asnumpy(x).ravel().tolist()"
    layouts = {"transposed": "x.T", "step": "x[:, ::2]", "reversed": "x[::-1]", "offset": "x[1:, 1:]"}
    big = "cp.ones(1 << 20, 'float32')"
    take = "cp.from_dlpack({x})"
    take_copy = "cp.from_dlpack({x}, copy={copy})"
    device = (abi.CUDA, 0)
    write = "x[0, 0] = 7"
    address = "x.data.ptr"
