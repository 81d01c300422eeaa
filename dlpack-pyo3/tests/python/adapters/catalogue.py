"""All libraries of the matrix, in the order of the table."""

from kit.abi import DTYPES

from .arrow_arrays import ArrowArray, ArrowTensor
from .base import Library
from .jax_arrays import Jax
from .numpy_arrays import Numpy
from .strict_arrays import Strict
from .torch_tensors import Torch
from .tvm_tensors import Tvm

LIBRARIES = {
    library.name: library for library in (Numpy, Strict, Torch, Jax, ArrowArray, ArrowTensor, Tvm)
}

_instances = {}


def library(name) -> Library:
    """The adapter of this name; importing the library is its first use."""
    if name not in _instances:
        _instances[name] = LIBRARIES[name]()
    return _instances[name]


__all__ = ["DTYPES", "LIBRARIES", "library"]
