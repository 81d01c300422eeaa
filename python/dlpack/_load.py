"""The objects that `python -m dlpack inspect` shows: of an expression, or in a file."""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import mmap
import os
from typing import Any, cast

from ._core import Tensor, asdlpack
from ._errors import DTypeError, LayoutError

_USUAL = {
    "jnp": "jax.numpy",
    "mx": "mlx.core",
    "np": "numpy",
    "pa": "pyarrow",
    "pd": "pandas",
    "tf": "tensorflow",
    "wp": "warp",
    "Image": "PIL.Image",
}

_OF_SAFETENSORS = {
    "BOOL": "bool",
    "BF16": "bfloat16",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}


def load(what: str, tensor: str | None, dtype: str | None, shape: str | None) -> tuple[Any, str]:
    """Returns an object, and what to call it; None to call it by its class."""
    if not os.path.isfile(what):
        if tensor or dtype or shape:
            raise ValueError(f"--tensor, --dtype and --shape are for files, and there is no file {what}")
        return evaluate(what), ""
    data = _mapped(what)
    if bytes(data[:6]) == b"\x93NUMPY":
        return _of_npy(data), f"{what}, a file of NumPy"
    if what.endswith(".safetensors"):
        return _of_safetensors(data, tensor), f"{what}, a file of safetensors"
    found = asdlpack(data)
    if dtype is not None:
        found = found.view(dtype)
    if shape is not None:
        try:
            found = found.reshape([int(size) for size in shape.split(",")])
        except ValueError as raised:
            raise ValueError(f"--shape {shape}: {raised}") from None
    return found, f"{what}, plain bytes"


def evaluate(text: str) -> Any:
    """Evaluates an expression. Names that are not Python's own are modules, which are imported."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        raise ValueError(f"expected a file or an expression, found {text!r}") from None
    names: dict[str, Any] = {"dlpack": importlib.import_module("dlpack")}
    bound = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        # `jax.numpy.ones(3)` needs the module that the attribute names, too.
        dotted = _dotted(node)
        root = dotted.partition(".")[0]
        if not dotted or root in bound or hasattr(builtins, root):
            continue
        try:
            names.setdefault(root, importlib.import_module(_USUAL.get(root, root)))
        except ModuleNotFoundError as raised:
            if raised.name not in (root, _USUAL.get(root, root).partition(".")[0]):
                raise
            raise NameError(f"there is no file {text}, and no module {_USUAL.get(root, root)}") from None
        for end in range(2, dotted.count(".") + 1):
            try:
                importlib.import_module(".".join(dotted.split(".")[:end]))
            except ImportError:
                break
    return eval(compile(tree, "<expression>", "eval"), names)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _mapped(path: str) -> Any:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _of_npy(data: Any) -> Tensor:
    """Reads the header of a file of NumPy, and returns its elements in the file's own memory."""
    try:
        width = 2 if data[6] == 1 else 4
        start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
        header = ast.literal_eval(bytes(data[8 + width : start]).decode("utf-8" if data[6] > 2 else "latin1"))
        typestr, columns, shape = header["descr"], header["fortran_order"], _integers(header["shape"])
        count = 1
        for size in shape:
            count *= size
    except (IndexError, KeyError, SyntaxError, TypeError, ValueError):
        raise LayoutError("the header of the file of NumPy is broken") from None
    if not isinstance(typestr, str):
        raise DTypeError("the elements are records")
    if typestr[1:2] == "O":
        raise DTypeError("the elements are Python objects")
    itemsize = int(typestr[2:]) if typestr[2:].isdigit() else 0
    flat = _part(data, start, start + count * itemsize).view(typestr)
    return flat.reshape(tuple(reversed(shape))).permute() if columns else flat.reshape(shape)


def _of_safetensors(data: Any, name: str | None) -> Tensor:
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
        header.pop("__metadata__", None)
        names = list(header)
    except (AttributeError, RecursionError, ValueError):
        raise LayoutError("the header of the file of safetensors is broken") from None
    if name is None and len(names) == 1:
        name = str(names[0])
    if name is None or name not in names:
        some = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise ValueError(f"pass --tensor with one of the {len(names)} names in the file: {some}")
    try:
        found = header[name]
        kind, shape, (begin, end) = found["dtype"], _integers(found["shape"]), _integers(found["data_offsets"])
        dtype = _OF_SAFETENSORS.get(kind)
    except (KeyError, TypeError, ValueError):
        raise LayoutError(f"the header of the file says too little of {name}") from None
    if dtype is None:
        raise DTypeError(f"the dtype {kind} of safetensors has no name in DLPack")
    return _part(data, 8 + length + begin, 8 + length + end).view(dtype).reshape(shape)


def _integers(found: Any) -> list[int]:
    if not isinstance(found, (list, tuple)):
        raise TypeError("expected a list")
    numbers = list(cast("list[object]", found))
    if any(type(number) is not int for number in numbers):
        raise TypeError("expected integers")
    return cast("list[int]", numbers)


def _part(data: Any, start: int, end: int) -> Tensor:
    if not 0 <= start <= end <= len(data):
        raise LayoutError(f"the elements would end at byte {end} of a file of {len(data)} bytes")
    return asdlpack(data)[start:end]
