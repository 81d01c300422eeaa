"""cuda.core's views of other libraries' arrays."""

import ctypes

from kit import abi, values
from kit.producers import Producer

from .base import FLOATS, INTEGERS, Library, Refusal


class CudaViews(Library):
    name = "cuda.core"
    modules = ("cuda.core", "ml_dtypes")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, "complex64", "complex128"]}
    routes = ("exchange",)
    consumes = [*produces, "bfloat16"]
    # It takes any tensor, and says that it does not know the dtype when that is asked for.
    refusal = Refusal("TypeError|NotImplementedError", "(?i)supported dtype|not supported")

    def __init__(self):
        from cuda.core import utils

        self.kind = utils.StridedMemoryView
        answer = Refusal("BufferError", "Unsupported dtype")
        self.refuses = {"bfloat16": (lambda: self.array("bfloat16"), answer)}

    def array(self, dtype):
        producer = Producer(values.byte_samples(dtype), dtype, self.shape)
        return self.kind.from_dlpack(producer, stream_ptr=-1)

    def address(self, array):
        return array.ptr

    def take(self, tensor):
        view = self.kind.from_dlpack(tensor, stream_ptr=-1)
        assert abi.nbytes(str(view.dtype), 1) == view.dtype.itemsize
        return view

    def to_bytes(self, array):
        return ctypes.string_at(array.ptr, 6 * array.dtype.itemsize)
