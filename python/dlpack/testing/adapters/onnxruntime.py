"""onnxruntime's values."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "onnxruntime"
    modules = ("onnxruntime", "numpy")
    imports = (
        "import numpy as np, onnxruntime as ort\n"
        "from onnxruntime.capi.onnxruntime_pybind11_state import OrtValue\n"
        "ort.set_default_logger_severity(4)\n"
        "def own(a):\n"
        "    # A value of `ortvalue_from_numpy` borrows the memory, and `_ortvalue` does not keep the array alive.\n"
        "    value = ort.OrtValue.ortvalue_from_shape_and_type(a.shape, a.dtype.type)\n"
        "    value.update_inplace(a)\n"
        "    return value._ortvalue"
    )
    array = "own(np.array({values}, '{dtype}').reshape({shape}))"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS]}
    read = "x.numpy().ravel().tolist()"
    borrowed = "ort.OrtValue.ortvalue_from_numpy(np.ones(1 << 23, 'float32'))._ortvalue"
    big = "own(np.ones(1 << 20, 'float32'))"
    take = "OrtValue.from_dlpack({x}.__dlpack__(), False)"
    address = "x.data_ptr()"
