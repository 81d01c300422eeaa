"""paddle."""

import warnings

from kit import peek, values

from .base import FLOATS, INTEGERS, Library, Refusal

FLOAT8 = ["float8_e4m3fn", "float8_e5m2"]
UNSIGNED = ["uint16", "uint32", "uint64"]
NARROW = ["bfloat16", *FLOAT8]


def _with_gradient(paddle):
    tensor = paddle.zeros([2])
    tensor.stop_gradient = False
    return tensor


def _sparse(paddle):
    return paddle.sparse.sparse_coo_tensor([[0, 1], [0, 1]], [1.0, 2.0], [2, 2])


def _without_contents(paddle):
    tensor = paddle.ones([2])
    tensor._clear()
    return tensor


class Paddle(Library):
    name = "paddle"
    modules = ("paddle", "numpy")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, "complex64", "complex128", *NARROW]}
    routes = ("exchange",)
    consumes = list(produces)
    refusal = Refusal("NotImplementedError", "DLDataType|lanes")

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import paddle
        import numpy

        self.np, self.paddle = numpy, paddle
        self.refuses = {
            "requires gradient": (lambda: _with_gradient(paddle), Refusal("BufferError", "requires gradients")),
            "sparse": (lambda: _sparse(paddle), Refusal("BufferError", "sparse")),
            "without contents": (lambda: _without_contents(paddle), Refusal("RuntimeError", "impl_")),
        }

    def array(self, dtype):
        if dtype in NARROW:
            tensor = self.paddle.to_tensor(self.np.array(values.samples(dtype), "f4"))
            return tensor.astype(dtype).reshape(list(self.shape))
        # Of NumPy's unsigned integers it takes those of 16 bits for bfloat16 and knows no wider ones: they go as signed.
        signed = dtype.removeprefix("u") if dtype in UNSIGNED else dtype
        array = self.np.array(values.samples(dtype), dtype).reshape(self.shape)
        tensor = self.paddle.to_tensor(array.view(signed))
        return tensor.view(getattr(self.paddle, dtype)) if dtype in UNSIGNED else tensor

    def address(self, array):
        return array.data_ptr()

    def take(self, tensor):
        return self.paddle.from_dlpack(tensor)

    def to_bytes(self, array):
        return peek.peek(array)["bytes"]
