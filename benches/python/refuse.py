"""What cannot be taken: rows whose floor is the refusal of NumPy's own import, with the same exception of the same library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contender import Call, Contender, Row
from take import OURS, SHAPE, module, numpy_array, ours, torch_tensor


def refused(function: Callable[[Any], Any], array: Any) -> Exception:
    """The exception that the function raises."""
    try:
        function(array)
    except Exception as error:
        return error
    raise AssertionError("not refused")


def text(_: Call, error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def refuser(array: Callable[[], Any]) -> Callable[[], list[Contender]]:
    def contender(role: str, name: str, function: Callable[[], Any]) -> Contender:
        return Contender(name, role, lambda: Call(refused, (function(), array())), text)

    return lambda: [
        contender("floor", "numpy.from_dlpack", lambda: module("numpy").from_dlpack),
        contender("ours", OURS, lambda: ours().take),
        contender("also", f"{OURS}, borrowed", lambda: ours().take_view),
    ]


def structures() -> Any:
    return numpy_array().view("f4,f4")


def graded() -> Any:
    return torch_tensor().requires_grad_()


def sparse() -> Any:
    return torch_tensor().to_sparse()


def meta() -> Any:
    return module("torch").zeros(SHAPE, device="meta")


def deleted() -> Any:
    array = module("jax").numpy.zeros(SHAPE, "float32")
    array.delete()
    return array


def rows() -> list[Row]:
    return [
        Row("refuse-numpy", "an array of NumPy whose elements no dtype describes", 2.0, refuser(structures), 200),
        Row("refuse-torch", "a tensor of PyTorch that requires a gradient", 2.0, refuser(graded), 200),
        Row("refuse-sparse", "a sparse tensor of PyTorch", 2.0, refuser(sparse), 200),
        Row("refuse-meta", "a tensor of PyTorch on the device meta", 2.0, refuser(meta), 200),
        Row("refuse-jax", "an array of JAX that was deleted", 2.0, refuser(deleted), 200),
    ]
