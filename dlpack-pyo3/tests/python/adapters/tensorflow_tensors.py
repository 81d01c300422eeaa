"""TensorFlow."""

import os

from kit import peek, values

from .base import FLOATS, INTEGERS, Library, Refusal

QUANTISED = "qint8 qint16 qint32 quint8 quint16".split()


class TensorFlow(Library):
    name = "tensorflow"
    modules = ("tensorflow", "numpy")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, "bfloat16", "complex64", "complex128"]}
    # Of a tensor that must not be written it says nothing in a legacy tensor.
    access = ("unknown", "read-only")
    consumes = list(produces)
    mistakes = {"float32x4": "takes one lane of each element for all of it"}
    refusal = Refusal("InvalidArgumentError", "Unsupported")

    def __init__(self):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import numpy
        import tensorflow

        self.np, self.tf = numpy, tensorflow
        answer = Refusal("InvalidArgumentError", "not supported by dlpack")
        self.refuses = {
            name: (lambda n=name: tensorflow.cast(tensorflow.constant([1, 0]), n), answer) for name in QUANTISED
        }

    def array(self, dtype):
        kind = self.tf.as_dtype(dtype)
        array = self.np.array(values.samples(dtype), kind.as_numpy_dtype).reshape(self.shape)
        return self.tf.constant(array)

    def address(self, array):
        # It has no address to show, other than by DLPack.
        return peek.peek(array)["data"]

    def take(self, tensor):
        return self.tf.experimental.dlpack.from_dlpack(tensor.__dlpack__())

    def to_bytes(self, array):
        return array.numpy().tobytes()
