"""TensorFlow. Its tensors never change."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "tensorflow"
    modules = ("tensorflow", "numpy")
    distribution = "tensorflow-cpu"
    imports = (
        "import os\nos.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')\n"
        "import numpy as np, tensorflow as tf\nfrom tensorflow.experimental import dlpack as tfd"
    )
    array = "tf.constant(np.array({values}, tf.as_dtype('{dtype}').as_numpy_dtype).reshape({shape}))"
    dtypes = {
        dtype: dtype for dtype in ["bool", *abi.INTEGERS, *abi.FLOATS, "bfloat16", "complex64", "complex128"]
    }
    read = "x.numpy().ravel().tolist()"
    readonly = "tf.constant([[0, 1, -2], [1.5, 4, -3]], tf.float32)"
    unexportable = {
        "text": "tf.constant(['a'])",
        "quantised": "tf.cast(tf.constant([1, 0]), 'qint8')",
    }
    borrowed = "tf.convert_to_tensor(np.ones(1 << 23, 'float32'))"
    narrow = {name: f"tf.cast(tf.range(6), tf.{name})" for name in ("uint4", "int4")}
    big = "tf.ones(1 << 20)"
    take = "tfd.from_dlpack({x}.__dlpack__())"
