"""Methods of `Tensor` that are easier to write in Python, and rarely called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Tensor

# How many elements along an axis are shown at either end.
_ENDS = 3
_MOST = 100


def represent(tensor: Tensor) -> str:
    """Describes a tensor, with a few of its elements if the host can read them."""
    device = f"{tensor.device} read-only" if tensor.readonly else tensor.device
    adapted = f", adapted: {'; '.join(tensor.adapted)}" if tensor.adapted else ""
    return f"<dlpack.Tensor {tensor.dtype_name} {tensor.shape} {device}{elements(tensor)}{adapted}>"


def elements(tensor: Tensor) -> str:
    if tensor.__dlpack_device__() != (1, 0):
        return ""
    try:
        return " " + _show(tensor, _ENDS if tensor.size > 2 * _ENDS else tensor.size)
    except (BufferError, ValueError):
        return ""


def _show(tensor: Tensor, ends: int) -> str:
    if tensor.ndim == 0:
        return repr(tensor.tolist())
    count = len(tensor)
    if tensor.size <= _MOST and tensor.ndim == 1 and count <= 2 * _ENDS:
        return repr(tensor.tolist())
    near = [_show(tensor[i], ends) for i in range(min(count, ends))]
    far = [_show(tensor[i], ends) for i in range(max(count - ends, len(near)), count)]
    gap = ["..."] if len(near) + len(far) < count else []
    return "[" + ", ".join(near + gap + far) + "]"

