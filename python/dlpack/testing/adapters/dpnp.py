"""dpnp: arrays of oneAPI devices, of which the processor can be one."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "dpnp"
    modules = ("dpnp",)
    imports = "import dpnp"
    array = "dpnp.array({values}, dtype='{dtype}').reshape({shape})"
    dtypes = {
        dtype: dtype for dtype in ["bool", *abi.INTEGERS, "float32", "float64", "complex64", "complex128"]
    }
    read = "dpnp.asnumpy(x).ravel().tolist()"
    layouts = {"transposed": "x.T", "step": "x[:, ::2]", "reversed": "x[::-1]", "offset": "x[1:, 1:]"}
    big = "dpnp.ones(1 << 20, dtype='float32')"
    take = "dpnp.from_dlpack({x})"
    take_copy = "dpnp.from_dlpack({x}, copy={copy})"
    device = (abi.ONE_API, 0)
    write = "x[0, 0] = 7"
