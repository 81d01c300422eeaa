"""pyarrow's tensors; its arrays are exported by the same code."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "pyarrow"
    modules = ("pyarrow", "numpy")
    imports = "import numpy as np, pyarrow as pa"
    array = "pa.Tensor.from_numpy(np.array({values}, '{dtype}').reshape({shape}))"
    dtypes = {dtype: dtype for dtype in [*abi.INTEGERS, *abi.FLOATS]}
    read = "x.to_numpy().ravel().tolist()"
    layouts = {
        "transposed": "pa.Tensor.from_numpy(x.to_numpy().T)",
        "step": "pa.Tensor.from_numpy(x.to_numpy()[:, ::2])",
        "offset": "pa.Tensor.from_numpy(x.to_numpy()[1:, 1:])",
    }
    readonly = "pa.Tensor.from_numpy((lambda y: (y.setflags(write=False), y)[1])"
    readonly += "(np.array([0, 1, -2, 1.5, 4, -3], 'f4').reshape(2, 3)))"
    unexportable = {
        "array with nulls": "pa.array([1, None])",
        "bits": "pa.array([True, False])",
        "text": "pa.array(['a'])",
        "dates": "pa.array([0], pa.date32())",
    }
    borrowed = "pa.Tensor.from_numpy(np.ones(1 << 23, 'float32'))"
    take_copy = "pa.Tensor.from_dlpack({x}, copy={copy})"
    take_device = "pa.Tensor.from_dlpack({x}, device=(1, 0))"
    big = "pa.Tensor.from_numpy(np.ones(1 << 20, 'float32'))"
    take = "pa.Tensor.from_dlpack({x})"
    write = "x.to_numpy()[0, 0] = 7"
    address = "x.to_numpy().__array_interface__['data'][0]"
