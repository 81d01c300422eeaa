"""MAX's buffers."""

import ctypes

from kit import abi, peek, values
from kit.producers import IgnoresVersion

from .base import FLOATS, INTEGERS, Library, Refusal

FLOAT8 = "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split()
SMALL = ["bfloat16", *FLOAT8, "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"]


class Max(Library):
    name = "max"
    modules = ("max", "max.driver", "numpy")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, *SMALL]}
    consumes = list(produces)
    refusal = Refusal("TypeError|ValueError", "unsupported|is not a valid DType")

    def __init__(self):
        import numpy
        from max import driver

        self.np, self.driver = numpy, driver

    def array(self, dtype):
        if dtype in SMALL:
            return self.driver.Buffer.from_dlpack(IgnoresVersion(values.byte_samples(dtype), dtype, self.shape))
        array = self.np.array(values.samples(dtype), dtype).reshape(self.shape)
        return self.driver.Buffer.from_numpy(array)

    def address(self, array):
        return array._data_ptr()

    def take(self, tensor):
        buffer = self.driver.Buffer.from_dlpack(tensor)
        assert buffer.dtype is not None
        return buffer

    def to_bytes(self, array):
        size = abi.nbytes(peek.peek(array)["dtype"], 6)
        return ctypes.string_at(array._data_ptr(), size)
