"""onnxruntime's values."""

import ctypes

from kit import abi, peek, values

from .base import FLOATS, INTEGERS, Library, Refusal


class Ort(Library):
    name = "onnxruntime"
    modules = ("onnxruntime", "numpy")
    # Booleans go out as bytes.
    produces = {**{dtype: dtype for dtype in [*INTEGERS, *FLOATS]}, "bool": "uint8"}
    access = ("unknown",)
    consumes = [*INTEGERS, *FLOATS, "bfloat16"]
    refusal = Refusal("RuntimeError", "dlpack_converter")

    def __init__(self):
        import numpy
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state

        self.np, self.ort, self.native = numpy, onnxruntime, onnxruntime_pybind11_state

    def array(self, dtype):
        array = self.np.array(values.samples(dtype), dtype).reshape(self.shape)
        return self.ort.OrtValue.ortvalue_from_numpy(array)._ortvalue

    def address(self, array):
        return array.data_ptr()

    def take(self, tensor):
        return self.native.OrtValue.from_dlpack(tensor.__dlpack__(), False)

    def to_bytes(self, array):
        size = abi.nbytes(peek.peek_capsule(array.__dlpack__())["dtype"], 6)
        return ctypes.string_at(array.data_ptr(), size)
