"""cuda.core's views of other libraries' arrays."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "cuda_core"
    modules = ("cuda.core", "numpy")
    distribution = "cuda-core"
    imports = (
        "import ctypes, numpy as np\nfrom cuda.core.utils import StridedMemoryView as View\n"
        "def read(x):\n"
        "    memory = (ctypes.c_char * (x.dtype.itemsize * 64)).from_address(x.ptr)\n"
        "    steps = None if x.strides is None else [s * x.dtype.itemsize for s in x.strides]\n"
        "    return np.ndarray(x.shape, x.dtype, memory, 0, steps).ravel().tolist()\n"
    )
    array = "View.from_dlpack(np.array({values}, '{dtype}').reshape({shape}), stream_ptr=-1)"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS, "complex64", "complex128"]}
    read = "read(x)"
    shows = False
    borrowed = "View.from_dlpack(np.ones(1 << 23, 'float32'), stream_ptr=-1)"
    big = "View.from_dlpack(np.ones(1 << 20, 'float32'), stream_ptr=-1)"
    subclass = "type('Mine', (View,), {}).from_dlpack(x, stream_ptr=-1)"
    take = "View.from_dlpack({x}, stream_ptr=-1)"
    address = "x.ptr"
