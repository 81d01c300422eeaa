"""A reference that follows the standard, and copies of it with one deliberate fault each, for the tests of the suite itself.

The reference is this package behind a thin class. A fault changes what passes through the class: a field of a struct on its way
out or in, a keyword, a function of the table. Every fault names the cases that are meant to find it.
"""

from __future__ import annotations

from typing import Any

from .. import abi
from ..adapters import Adapter

# Their faults are added by being imported.
from . import consumers, producers
from .arrays import Array, Mine, Refused, borrowed, make, narrow, strided
from .faults import FAULTS, activate, active
from .imports import take
from .structs import struct_of
from .tables import table

__all__ = [
    "FAULTS",
    "Array",
    "Mine",
    "Reference",
    "Refused",
    "Tensors",
    "adapter",
    "borrowed",
    "consumers",
    "make",
    "narrow",
    "producers",
    "strided",
    "table",
    "take",
]


class Reference(Adapter):
    """The reference, as an adapter."""

    name = "reference"
    modules = ("dlpack",)
    distribution = "dlpack-py"
    imports = "import dlpack\nfrom dlpack.testing.mutants import Array, Mine, Refused, borrowed, make, narrow, strided, table, take\nfrom dlpack.testing.values import encode"
    array = "make('{dtype}', {values}, {shape})"
    dtypes = {dtype: dtype for dtype in abi.DTYPES}
    read = "x.tolist()"
    reads = dict.fromkeys(abi.SUB_BYTE, read)
    layouts = {
        "transposed": "x.view(lambda t: t.permute(1, 0))",
        "step": "x.view(lambda t: t[:, ::2])",
        "reversed": "x.view(lambda t: t[::-1])",
        "offset": "x.view(lambda t: t[1:, 1:])",
        "size one": "x.view(lambda t: t[:1, None, ::-1])",
        "broadcast": "x.view(lambda t: strided(t, (4, 3), (0, 1)))",
        "diagonal": "x.view(lambda t: strided(t, (2,), (4,)))",
        "window": "x.view(lambda t: strided(t, (4, 3), (1, 1)))",
    }
    readonly = (
        "Array(dlpack.asdlpack(encode('float32', [0, 1, -2, 1.5, 4, -3])).view('float32').reshape(2, 3))"
    )
    unexportable = {"other byte order": "Refused()"}
    lazy = {"negative": "Array(make('float32', [1.0, 2.0], (2,)).tensor, negated=True)"}
    mutations = {"set_shape": "x.set_shape((3, 2))"}
    resizes = {"grow": ("make('float32', [1.0] * 64, (64,))", "x.grow()")}
    borrowed = "borrowed()"
    narrow = {"uint4": "narrow()"}
    big = "Array(dlpack.asdlpack(bytearray(b'1' * (4 << 20))).view('float32'))"
    take = "take({x})"
    take_copy = "take({x}, copy={copy})"
    take_device = "take({x}, device='cpu')"
    write = "x.write()"
    address = "x.address"


class Tensors(Reference):
    """The reference whose table is looked at: arrays are those of the package, and the table is a copy of its own."""

    array = "make('{dtype}', {values}, {shape}).tensor"
    read = "(lambda f: f(f, x.tolist()))(lambda f, y: [z for row in y for z in f(f, row)] if isinstance(y, list) else [y])"
    readonly = "dlpack.asdlpack(encode('float32', [0, 1, -2, 1.5, 4, -3])).view('float32').reshape(2, 3)"
    layouts = {}
    subclass = "Mine(x)"
    table_of = "table()"
    resizes = {}
    narrow = {}
    borrowed = ""
    lazy = {"negative": "Array(make('float32', [1.0, 2.0], (2,)).tensor, negated=True)"}
    mutations = {}
    write = "memoryview(x)[0, 0] = 7.0"

    def table(self, x: Any) -> Any:
        return table()

    def export(self, x: Any, **keywords: Any) -> Any:
        capsule = x.__dlpack__(**keywords)
        fault = active()
        if fault is not None and fault.out is not None:
            fault.out(struct_of(capsule), None)
        return capsule


def adapter(fault: str) -> type[Adapter]:
    """The reference with a fault, or without one."""
    if fault in ("", "table"):
        activate("")
        return Tensors if fault else Reference
    activate(fault)
    return Tensors if fault.startswith(("table-", "buffer-")) else Reference
