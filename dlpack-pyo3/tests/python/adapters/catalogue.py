"""All libraries of the matrix, in the order of the table."""

from kit.report import DTYPES

from .arrow_arrays import ArrowArray, ArrowTensor
from .base import Library
from .cuda_views import CudaViews
from .jax_arrays import Jax
from .max_buffers import Max
from .mlx_arrays import Mlx
from .numpy_arrays import Numpy
from .ort_values import Ort
from .paddle_tensors import Paddle
from .strict_arrays import Strict
from .tensorflow_tensors import TensorFlow
from .torch_tensors import Torch
from .tvm_tensors import Tvm
from .warp_arrays import Warp

_DEFAULT = (Numpy, Strict, Torch, Jax, ArrowArray, ArrowTensor, Tvm)
_OTHERS = (Ort, Mlx, Warp, TensorFlow, Paddle, Max, CudaViews)

LIBRARIES = {library.name: library for library in (*_DEFAULT, *_OTHERS)}

_instances = {}


def library(name) -> Library:
    """The adapter of this name; importing the library is its first use."""
    if name not in _instances:
        _instances[name] = LIBRARIES[name]()
    return _instances[name]


__all__ = ["DTYPES", "LIBRARIES", "library"]
