"""apache-tvm-ffi, which keeps whatever dtype it is given."""

import ctypes

from kit import abi, peek, values
from kit.producers import Producer
from kit.report import DTYPES

from .base import Library


class Tvm(Library):
    name = "tvm_ffi"
    modules = ("tvm_ffi",)
    produces = {dtype: dtype for dtype in DTYPES}
    access = ("writable",)
    consumes = DTYPES

    def __init__(self):
        import tvm_ffi

        self.tvm_ffi = tvm_ffi

    def array(self, dtype):
        # It has no constructor of its own: its tensors come from others.
        return self.tvm_ffi.from_dlpack(Producer(values.byte_samples(dtype), dtype, self.shape))

    def address(self, array):
        return array.data_ptr()

    def take(self, tensor):
        return self.tvm_ffi.from_dlpack(tensor)

    def to_bytes(self, array):
        # Its dtype objects know nothing of complex numbers, and it reads no elements.
        assert array.is_contiguous()
        size = abi.nbytes(peek.peek(array)["dtype"], 6)
        return ctypes.string_at(array.data_ptr(), size)
