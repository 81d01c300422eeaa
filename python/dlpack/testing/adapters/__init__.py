"""What the suite must know of a library: how to make an array, read it back and import one.

An adapter is a class with expressions of the library, as its users write them. They are evaluated by the checks, and they
stand in the programs that findings come with. A library that follows the array API standard needs no adapter.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from typing import Any, ClassVar

from .. import abi
from ..case import Skip, skip_unless
from ..peek import Peek, peek
from ..values import samples

# The names of the modules in this package, in the order of reports.
NAMES = [
    "numpy",
    "array_api_strict",
    "dlpack",
    "torch",
    "jax",
    "pyarrow",
    "pyarrow_array",
    "tvm_ffi",
    "onnxruntime",
    "mlx",
    "tensorflow",
    "paddle",
    "warp",
    "max",
    "cuda_core",
    "dpnp",
    "cupy",
]


class Adapter:
    """A library in expressions of its own, in which `x` is an array. What is empty, the library cannot do."""

    #: The name on the command line, and the modules without which the library is not installed.
    name: ClassVar[str] = ""
    modules: ClassVar[tuple[str, ...]] = ()
    #: The distribution whose version is reported, if it is not called as the first module.
    distribution: ClassVar[str] = ""
    #: Statements that run once.
    imports: ClassVar[str] = ""
    #: An expression that the process that forks evaluates once, for libraries that import others when they are first used. It must
    #: start no threads.
    warm: ClassVar[str] = ""
    #: An array on the host, of a flat list `{values}`, with a dtype and a shape.
    array: ClassVar[str] = ""
    #: The dtypes of which it makes arrays that it exports, and how it spells them.
    dtypes: ClassVar[dict[str, str]] = {}
    #: The elements of `x`, as a flat list in row-major order; and for some dtypes.
    read: ClassVar[str] = ""
    reads: ClassVar[dict[str, str]] = {}
    #: Whether that is the library's own way to show elements, and not the adapter's.
    shows: ClassVar[bool] = True
    #: Views of `x`, which has the shape (2, 3), and what has more to it.
    layouts: ClassVar[dict[str, str]] = {}
    #: An array of the shape (2, 3) that must not be written, with elements as in `samples("float32")`.
    readonly: ClassVar[str] = ""
    #: An instance of a subclass, written in Python, with the elements of `x`.
    subclass: ClassVar[str] = ""
    #: Things that DLPack cannot describe.
    unexportable: ClassVar[dict[str, str]] = {}
    #: Arrays whose elements are computed when they are read, so that the memory alone is not what they show.
    lazy: ClassVar[dict[str, str]] = {}
    #: Integers from 0 to 5, by the name of a dtype of fewer than eight bits, such as `uint4`.
    narrow: ClassVar[dict[str, str]] = {}
    #: Statements that change the shape or the strides of `x` in place.
    mutations: ClassVar[dict[str, str]] = {}
    #: Arrays of one axis and four-byte elements, and statements that make them larger in place. Memory of 32 MiB is given back to the
    #: system at once.
    resizes: ClassVar[dict[str, tuple[str, str]]] = {}
    #: Such an array, whose memory is that of an object of another library which nobody else keeps.
    borrowed: ClassVar[str] = ""
    #: An array of a million 32-bit elements, of memory that is its own.
    big: ClassVar[str] = ""
    #: The import of an object `x`; with the copy that is asked for, if it can be asked.
    take: ClassVar[str] = ""
    take_copy: ClassVar[str] = ""
    #: The import of an object `x` to the CPU, by the argument `device`.
    take_device: ClassVar[str] = ""
    #: Whether it takes tensors of any device, to pass them on.
    carries: ClassVar[bool] = False
    #: A statement that writes to the first element of `x`, of shape (2, 3).
    write: ClassVar[str] = ""
    #: The address of the first element, as the library itself tells it.
    address: ClassVar[str] = ""
    #: The capsule of the exchange table of `x`, in programs.
    table_of: ClassVar[str] = "type(x).__dlpack_c_exchange_api__"
    #: The device on which its arrays are, for libraries that have none on the host.
    device: ClassVar[tuple[int, int]] = (abi.CPU, 0)
    #: The dtypes that it imports with their meaning, if those differ from `dtypes`; others it may refuse.
    imports_dtypes: ClassVar[tuple[str, ...] | None] = None
    #: The shape of `x`, for libraries whose arrays have one axis only.
    shape: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(self) -> None:
        self.space: dict[str, Any] = {"__name__": "__adapter__"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(self.imports, self.space)

    @classmethod
    def missing(cls) -> str | None:
        """The module that is not installed, if there is one."""
        for module in cls.modules:
            try:
                if importlib.util.find_spec(module) is None:
                    return module
            except (ImportError, ValueError):
                return module
        return None

    @classmethod
    def version(cls) -> str:
        """The version of the library, without importing it."""
        for name in (cls.distribution, cls.modules[0] if cls.modules else "", cls.name):
            try:
                if name:
                    return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return "?"

    # What checks use.

    def evaluate(self, expression: str, **names: Any) -> Any:
        """The value of one of the expressions."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(expression, {**self.space, **names})

    def make(self, dtype: str = "float32", shape: tuple[int, ...] | None = None, values: Any = None) -> Any:
        """An array of the samples of a dtype."""
        skip_unless(dtype in self.dtypes, f"{self.name} makes no arrays of {dtype}")
        made = self.evaluate(self.expression(dtype, shape, values))
        found = getattr(made, "shape", None)
        skip_unless(
            shape is None or not isinstance(found, (tuple, list)) or tuple(found) == shape,
            f"{self.name} makes no arrays of shape {shape}",
        )
        return made

    def expression(self, dtype: str = "float32", shape: Any = None, values: Any = None) -> str:
        """The expression of an array, as a user would write it."""
        values = samples(dtype) if values is None else values
        shape = self.shape if shape is None else shape
        if self.shape != (2, 3) and len(shape) != len(self.shape):
            raise Skip(f"arrays of {self.name} have one axis")
        return self.array.format(values=values, dtype=self.dtypes[dtype], shape=tuple(shape))

    def elements(self, x: Any, dtype: str = "float32") -> list[Any]:
        """The elements of an array, by the library itself."""
        expression = self.reads.get(dtype, "" if dtype in abi.SUB_BYTE else self.read)
        skip_unless(expression, f"{self.name} shows no elements")
        return list(self.evaluate(expression, x=x))

    def imported(self, x: Any, copy: Any = "unset") -> Any:
        """The library's import of an object."""
        if copy == "unset":
            return self.evaluate(self.take.format(x="x"), x=x)
        skip_unless(self.take_copy, f"the import of {self.name} cannot be asked for a copy")
        return self.evaluate(self.take_copy.format(x="x", copy=copy), x=x)

    def where(self, x: Any) -> int:
        """The address of an array's first element."""
        if self.address:
            return int(self.evaluate(self.address, x=x))
        return peek(self.export(x)).data

    def export(self, x: Any, **keywords: Any) -> Any:
        """The capsule of an array."""
        return x.__dlpack__(**keywords)

    def table(self, x: Any) -> Any:
        """The capsule of the exchange table, or None."""
        return getattr(type(x), "__dlpack_c_exchange_api__", None)

    def look(self, x: Any, **keywords: Any) -> Peek:
        """The struct that an array exports; with a version, if the library knows the keyword."""
        if keywords:
            return peek(self.export(x, **keywords))
        if self.device[0] != abi.CPU:
            return peek(self.export(x, max_version=(1, 3), dl_device=(abi.CPU, 0)))
        try:
            return peek(self.export(x, max_version=(1, 3)))
        except TypeError:
            return peek(self.export(x))


def generic(module: str) -> type[Adapter]:
    """An adapter for a library that follows the array API standard, by the name of its namespace."""
    numbers = [*abi.INTEGERS, "float32", "float64", "complex64", "complex128"]
    members = {
        "name": module,
        "modules": (module,),
        "distribution": module.partition(".")[0],
        "imports": f"import {module} as xp",
        "array": "xp.reshape(xp.asarray({values}, dtype=xp.{dtype}), {shape})",
        "dtypes": {"bool": "bool", **{name: name for name in numbers}},
        "read": "[(complex if 'complex' in str(x.dtype) else bool if 'bool' in str(x.dtype) else float "
        "if 'float' in str(x.dtype) else int)(y) for y in (lambda f: [f[i] for i in range(f.shape[0])])"
        "(xp.reshape(x, (-1,)))]",
        "layouts": {
            "transposed": "xp.permute_dims(x, (1, 0))",
            "step": "x[:, ::2]",
            "reversed": "x[::-1, :]",
            "offset": "x[1:, 1:]",
            "broadcast": "xp.broadcast_to(x[:1, :], (4, 3))",
        },
        "big": "xp.ones(1 << 20, dtype=xp.float32)",
        "take": "xp.from_dlpack({x})",
        "take_copy": "xp.from_dlpack({x}, copy={copy})",
        "write": "x[0, 0] = 7.0",
    }
    return type("Generic", (Adapter,), members)


def find(name: str) -> type[Adapter]:
    """The adapter of this name: of this package, a mutant of the reference, or a generic one for the array API."""
    if name.partition(":")[0] == "reference":
        from ..mutants import adapter

        return adapter(name.partition(":")[2])
    if name in NAMES:
        found: type[Adapter] = importlib.import_module(f"{__name__}.{name}").Library
        return found
    if ":" in name:
        module_name, _, attribute = name.partition(":")
        other: type[Adapter] = getattr(importlib.import_module(module_name), attribute)
        return other
    return generic(name)


def installed() -> list[str]:
    """The names of the adapters whose libraries are installed."""
    return [name for name in NAMES if find(name).missing() is None]
