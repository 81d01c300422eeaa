"""Messages for objects that cannot be imported: what they are, and which call helps.

Nothing here runs unless an import has failed, or found something that needs a second look.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Set
from typing import Any, cast

from ._errors import DeviceError, DTypeError, LayoutError, NotATensorError

# Their elements have no place in memory that could be shared.
_ONE_BY_ONE: tuple[type[Any], ...] = (Set, Iterator)
_BY_KEYS: tuple[type[Any], ...] = (Mapping,)


def name_of(obj: object) -> str:
    """Returns the class of an object as its users know it."""
    cls = type(obj)
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


def explain(obj: Any, route: str, raised: Exception) -> Exception:
    """Makes the exception for an object whose route failed with another one."""
    try:
        found = _elsewhere(obj, raised) if isinstance(raised, DeviceError) else _reason(obj, raised)
    except Exception:  # noqa: BLE001 - the object is strange, and its own exception says more.
        found = None
    if found is not None:
        cls, reason, call = found
        return _from(cls(_text(obj, reason, call)), raised)
    if type(raised).__module__ == "dlpack" and not str(raised).startswith(name_of(obj)):
        return _from(type(raised)(f"{name_of(obj)}: {raised}"), raised)
    # From Python 3.11 on.
    add_note = getattr(raised, "add_note", None)
    if add_note is not None:
        add_note(f"dlpack could not import {name_of(obj)} by the route {route!r}")
    return raised


def nothing_offered(obj: Any, tried: list[str]) -> Exception:
    """Makes the exception for an object that offers no route."""
    call = _way_out(obj)
    if len(tried) == len(_OFFERS):
        offers = "__dlpack__, a buffer, an array interface or an array of Arrow"
    else:
        offers = " or ".join(_OFFERS[route] for route in tried) or "a route, of which none was allowed"
    end = f": call {call}" if call else ""
    return NotATensorError(f"expected an object with {offers}, found {name_of(obj)}{end}")


def check(obj: Any) -> None:
    """Refuses an array in which an element is masked, or is negated when it is read, and a tensor of PyTorch that it refuses."""
    if _is_of_torch(obj) and (found := _torch(obj)):
        cls, reason, call = found
        raise cls(_text(obj, reason, call))
    if _is_masked(obj):
        raise LayoutError(_text(obj, *_MASKED))
    if callable(getattr(obj, "is_neg", None)) and obj.is_neg():
        raise LayoutError(_text(obj, *_NEGATED))


_NEGATED = ("its elements are negated when they are read", ".resolve_neg()")
_MASKED = ("some elements are masked, which DLPack cannot express", ".filled()")

_OFFERS = {
    "dlpack": "__dlpack__",
    "buffer": "a buffer",
    "array_struct": "__array_struct__",
    "array_interface": "__array_interface__",
    "cuda_array_interface": "__cuda_array_interface__",
    "arrow": "__arrow_c_array__",
}


def _text(obj: object, reason: str, call: str | None) -> str:
    return f"{name_of(obj)}: {reason}" + (f": call {call}" if call else "")


def _from(made: Exception, cause: Exception) -> Exception:
    made.__cause__ = cause
    return made


def _has_no_memory(storage: Any) -> bool:
    try:
        return bool(storage().data_ptr() == 0)
    except RuntimeError:
        # So PyTorch answers for some of the tensors that only have a shape.
        return True


def _is_masked(obj: Any) -> bool:
    mask: Any = getattr(obj, "mask", None)
    return hasattr(obj, "filled") and hasattr(mask, "any") and bool(mask.any())


Reason = tuple[type[Exception], str, "str | None"]


def _elsewhere(obj: Any, raised: Exception) -> Reason | None:
    # Of CuPy, Numba, and those that imitate PyTorch.
    for method in ("get", "copy_to_host", "cpu"):
        if callable(getattr(obj, method, None)):
            return DeviceError, str(raised), f".{method}()"
    return None



def _reason(obj: Any, raised: Exception) -> Reason | None:
    root = type(obj).__module__.partition(".")[0]
    bases = _bases(obj)
    if "torch" in bases:
        return _torch(obj)
    if "pyarrow" in bases:
        return _arrow(obj)
    if _is_masked(obj):
        return LayoutError, *_MASKED
    if found := _ctypes(obj):
        return found
    if "numpy" in bases or root == "ml_dtypes":
        return _numpy(obj)
    if isinstance(raised, (BufferError, ValueError)):
        return _buffer(obj)
    return None


def _bases(obj: object) -> set[str]:
    return {str(base.__module__).partition(".")[0] for base in type(obj).__mro__}


def _is_of_torch(obj: object) -> bool:
    return "torch" in _bases(obj)


def _torch(obj: Any) -> Reason | None:
    if obj.is_nested:
        return LayoutError, "its rows differ in length", ".to_padded_tensor(0)"
    if obj.is_quantized:
        return DTypeError, f"its elements are quantised ({obj.dtype})", ".int_repr()"
    if str(obj.layout) != "torch.strided":
        return LayoutError, f"its layout is {obj.layout}", ".to_dense()"
    if obj.device.type == "meta":
        return LayoutError, "a tensor on the device meta has no memory", None
    if obj.requires_grad:
        return BufferError, "it requires a gradient, which its consumer would not see", ".detach()"
    if obj.is_conj():
        return LayoutError, "its elements are conjugated when they are read", ".resolve_conj()"
    if obj.is_neg():
        return LayoutError, *_NEGATED
    if obj.numel() > 0 and _has_no_memory(obj.untyped_storage):
        return LayoutError, "the memory is not there", ".clone()"
    return None


def _ctypes(obj: Any) -> Reason | None:
    # Whoever has such an object has imported the module.
    ctypes = sys.modules.get("ctypes")
    if ctypes is None:
        return None
    if isinstance(obj, ctypes._Pointer):
        if not obj:
            return LayoutError, "it is a null pointer", None
        return DTypeError, "it is a pointer to its elements", ".contents"
    if isinstance(obj, (ctypes.c_char_p, ctypes.c_wchar_p)):
        return DTypeError, "it is a pointer to text", ".value" + (
            ".encode()" if isinstance(obj, ctypes.c_wchar_p) else ""
        )
    if isinstance(obj, ctypes.c_void_p):
        return DTypeError, "it is an address", "dlpack.from_pointer(x.value, shape, dtype, device=...)"
    element: Any = cast("Any", type(obj))
    while issubclass(element, ctypes.Array):
        element = element._type_
    if issubclass(element, (ctypes.Structure, ctypes.Union)):
        what = "records" if issubclass(element, ctypes.Structure) else "unions"
        call = 'memoryview(x).cast("B"), and .view(...) with a dtype of the fields'
        return DTypeError, f"its elements are {what}", call
    if issubclass(element, ctypes._Pointer):
        return DTypeError, "its elements are pointers", None
    if issubclass(element, ctypes.c_wchar):
        return DTypeError, "its elements are text", 'memoryview(x).cast("B")'
    return None


def _arrow(obj: Any) -> Reason | None:
    kind = str(getattr(obj, "type", ""))
    if not kind and hasattr(obj, "column"):
        return DTypeError, "it has columns", ".column(0) for one of them"
    if kind.startswith("fixed_size_list"):
        if obj.null_count:
            return LayoutError, "some of its lists are null, which DLPack cannot express", None
        call = f".flatten(), and .reshape(-1, {obj.type.list_size}) with the tensor of that"
        return DTypeError, "its elements are lists", call
    if getattr(obj, "null_count", 0):
        return LayoutError, "some elements are null, which DLPack cannot express", ".fill_null(0)"
    if kind == "bool":
        return DTypeError, "its booleans have one bit each", '.cast("uint8")'
    if kind.startswith(("timestamp", "time", "date", "duration")):
        return DTypeError, f"its elements are times ({kind})", '.cast("int64")'
    if kind.startswith(("list<", "large_list<")):
        return DTypeError, "its elements are lists", ".flatten() for the elements of all lists"
    if kind in ("string", "large_string", "binary", "large_binary"):
        return DTypeError, f"its elements are text ({kind})", ".buffers()[2] for the bytes of all"
    if kind.startswith("struct<"):
        return DTypeError, "its elements are records", ".field(0) for one of the fields"
    if kind.startswith("dictionary<"):
        return DTypeError, "its elements are indices into a dictionary", ".dictionary_decode()"
    if kind:
        return DTypeError, f"its elements are of the type {kind}, which is not one of numbers", None
    return None


def _numpy(obj: Any) -> Reason | None:
    dtype = getattr(obj, "dtype", None)
    if dtype is None:
        return None
    if dtype.byteorder not in "=|" and dtype.byteorder != {"little": "<", "big": ">"}[sys.byteorder]:
        return (
            DTypeError,
            f"its elements ({dtype.str}) are not in this machine's byte order",
            '.astype(x.dtype.newbyteorder("="))',
        )
    if dtype.kind in "mM":
        return DTypeError, f"its elements are times ({dtype})", '.view("int64")'
    if dtype.kind == "O":
        return DTypeError, "its elements are Python objects", ".astype(...) with a dtype of numbers"
    if dtype.kind == "V" and dtype.names:
        return DTypeError, "its elements are records", f"x[{dtype.names[0]!r}] for one of its fields"
    if dtype.kind == "T":
        return DTypeError, f"its elements are text ({dtype})", 'numpy.array(x.tolist()).view("uint8")'
    if dtype.kind in "SU":
        return DTypeError, f"its elements are text ({dtype.str})", '.view("uint8")'
    if dtype.name in ("longdouble", "clongdouble", "float96", "float128", "complex192", "complex256"):
        other = "complex128" if dtype.kind == "c" else "float64"
        return DTypeError, f"no dtype of DLPack is {dtype.name}", f'.astype("{other}")'
    if dtype.kind == "V" or type(dtype).__module__ != "numpy.dtypes":
        bits = 8 * dtype.itemsize if dtype.itemsize in (1, 2, 4, 8) else 8
        return DTypeError, f"NumPy does not export {dtype.name}", f'.view("uint{bits}") for the bits'
    if any(stride % dtype.itemsize for stride in getattr(obj, "strides", ())):
        return LayoutError, "its strides are not whole elements", "np.ascontiguousarray(x)"
    return None


_LETTERS = {
    "u": "text",
    "w": "text",
    "s": "text",
    "p": "text",
    "P": "pointers",
    "z": "pointers",
    "O": "Python objects",
    "g": "of the type long double",
    "T": "records",
}


def _buffer(obj: Any) -> Reason | None:
    view = memoryview(obj)
    letters = view.format.lstrip("@=<>!")
    # In ctypes, a `Z` alone is a pointer to wide text. Before another letter, `Z` means complex numbers.
    letters = "z" if letters == "Z" else letters
    if view.suboffsets and any(offset >= 0 for offset in view.suboffsets):
        return LayoutError, "its rows are reached through pointers (suboffsets)", "bytes(x)"
    if view.format[:1] in "<>!" and view.itemsize > 1:
        if (view.format[0] == "<") != (sys.byteorder == "little"):
            return (
                DTypeError,
                f"its elements ({view.format!r}) are not in this machine's byte order",
                f'numpy.asarray(x).astype("={letters}")',
            )
    if letters[:1] in _LETTERS:
        return DTypeError, f"its elements ({view.format!r}) are {_LETTERS[letters[:1]]}", None
    if len(letters.lstrip("Z")) != 1:
        return DTypeError, f"its elements ({view.format!r}) are records", None
    if view.strides and any(stride % view.itemsize for stride in view.strides):
        return LayoutError, "its strides are not whole elements", "np.ascontiguousarray(x)"
    return None


def _way_out(obj: Any) -> str | None:
    root = type(obj).__module__.partition(".")[0]
    if isinstance(obj, str):
        return ".encode()"
    if isinstance(obj, (list, tuple, range, int, float, complex)):
        return "numpy.asarray(x), or array.array"
    if isinstance(obj, _BY_KEYS):
        key = next(iter(obj), None)
        key = repr(key) if isinstance(key, str) and len(key) < 40 else "..."
        return f"x[{key}] for one of its values"
    if isinstance(obj, _ONE_BY_ONE) and not hasattr(obj, "read"):
        return "numpy.asarray(list(x))"
    if root == "multiprocessing":
        if hasattr(obj, "get_obj"):
            return ".get_obj()"
        if isinstance(getattr(obj, "buf", None), memoryview):
            return ".buf"
    if root == "pandas":
        return ".to_numpy()"
    if root == "pyarrow":
        if hasattr(obj, "combine_chunks") and hasattr(obj, "chunks"):
            return ".combine_chunks()"
        return ".column(0).combine_chunks() for one of its columns" if hasattr(obj, "column") else None
    if root == "jax" and str(getattr(obj, "dtype", "")).startswith("key<"):
        return "jax.random.key_data(x)"
    for method in ("to_numpy", "numpy", "toarray"):
        if callable(getattr(obj, method, None)):
            return f".{method}()"
    if callable(getattr(obj, "__array__", None)):
        return "numpy.asarray(x)"
    return _of_file(obj)


def _of_file(obj: Any) -> str | None:
    if callable(getattr(obj, "getbuffer", None)):
        return ".getbuffer()"
    if callable(getattr(obj, "read_bytes", None)):
        return ".read_bytes()"
    if not callable(getattr(obj, "read", None)):
        return None
    # A file of text has an encoding.
    read = ".read().encode()" if hasattr(obj, "encoding") else ".read()"
    try:
        obj.fileno()
    except (AttributeError, OSError):
        return read
    return f"{read}, or mmap.mmap(x.fileno(), 0, access=mmap.ACCESS_READ) for the memory of the file"
