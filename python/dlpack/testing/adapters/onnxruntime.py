"""onnxruntime's values."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "onnxruntime"
    modules = ("onnxruntime", "numpy")
    imports = (
        "import numpy as np, onnxruntime as ort\n"
        "from onnxruntime.capi.onnxruntime_pybind11_state import OrtValue\n"
        "ort.set_default_logger_severity(4)"
    )
    array = "ort.OrtValue.ortvalue_from_numpy(np.array({values}, '{dtype}').reshape({shape}))._ortvalue"
    dtypes = {dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS]}
    read = "x.numpy().ravel().tolist()"
    big = "ort.OrtValue.ortvalue_from_numpy(np.ones(1 << 20, 'float32'))._ortvalue"
    take = "OrtValue.from_dlpack({x}.__dlpack__(), False)"
    address = "x.data_ptr()"
