"""Elements that are smaller than a byte: packed, as DLPack assumes, or each in a byte of its own."""

from __future__ import annotations

from .. import abi
from ..adapters import Adapter
from ..case import Skip, case, expect, skip_unless, told
from ..snippets import maker
from ..synthetic import Producer
from ..values import encode, samples
from .consumers.common import add, attempt
from .producers.common import Several, arrays_of

_FLOAT4 = "float4_e2m1fn"
# The codes of the six samples, each in a byte of its own.
_PADDED = b"".join(encode(_FLOAT4, [value]) for value in samples(_FLOAT4))


@case(
    "producer.dtype.narrow-integers",
    "padded",
    "should",
    since="1.0",
    title="integers narrower than a byte",
    does="Exports the integers 0 to 5 in dtypes of fewer than eight bits.",
    expects="the number of bits that the dtype has, and IS_SUBBYTE_TYPE_PADDED if each is in a byte of its own; or a refusal",
    snippet="x = {expression}\ntry:\n    capsule = x.__dlpack__(max_version=(1, 3))\nexcept Exception as error:\n    print('refused:', error)\n    raise SystemExit(0)\n"
    "{struct}\nassert dtype[1] < 8, dtype\nwhole = int.from_bytes(ctypes.string_at(data, (6 * dtype[1] + 7) // 8), 'little')\n"
    "found, mask = [whole >> dtype[1] * i for i in range(6)], (1 << dtype[1]) - 1\n"
    "assert flags & 4 or dtype[2] > 1 or all(n & mask == i & mask for i, n in enumerate(found)), hex(whole)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.narrow, "it has no such dtypes, or the adapter does not say how they are made")
    found = Several()
    for name, x, expression in arrays_of(lib, lib.narrow):
        try:
            seen = lib.look(x)
        except Exception:
            continue
        code, bits, _ = abi.triple(name)
        code_found, bits_found, lanes = seen.dtype
        if (code_found, bits_found) != (code, bits):
            found.add(f"of {name}: {abi.name_dtype(seen.dtype)} {seen.dtype}", expression=expression)
            continue
        whole = int.from_bytes(seen.read_packed(), "little")
        if not seen.flags & abi.PADDED and lanes * seen.size == 6:
            values = [whole >> (bits * i) & ((1 << bits) - 1) for i in range(6)]
            if values != [i & ((1 << bits) - 1) for i in range(6)]:
                found.add(f"of {name}: the elements {values}, if they are packed", expression=expression)
    found.tell()


add(
    "dtype.padded",
    "padded",
    "right",
    does="Imports float4_e2m1fn elements with IS_SUBBYTE_TYPE_PADDED, each in a byte of its own.",
    since="1.1",
    title="elements of four bits in bytes of their own",
    dtype=_FLOAT4,
    data=_PADDED,
    flags=abi.PADDED,
    wanted=samples(_FLOAT4),
    only="versioned",
)
add(
    "dtype.packed-transposed",
    "sub-byte",
    "right",
    does="Imports packed float4_e2m1fn elements with the strides of a transposed tensor, counted in elements.",
    since="1.1",
    title="packed elements of four bits, transposed",
    dtype=_FLOAT4,
    shape=(3, 2),
    strides=(1, 3),
    wanted=[samples(_FLOAT4)[i] for i in (0, 3, 1, 4, 2, 5)],
)
add(
    "dtype.packed-step",
    "sub-byte",
    "right",
    does="Imports every other one of packed float4_e2m1fn elements, which no address tells apart.",
    since="1.1",
    title="every other packed element of four bits",
    dtype=_FLOAT4,
    shape=(3,),
    strides=(2,),
    wanted=samples(_FLOAT4)[::2],
)


@case(
    "consumer.life.export-padded",
    "padded",
    since="1.1",
    does="Imports float4_e2m1fn elements with IS_SUBBYTE_TYPE_PADDED, and exports the array again.",
    expects="IS_SUBBYTE_TYPE_PADDED, a copy, or a refusal",
    snippet="{imports}\n"
    + maker({"flags": abi.PADDED, "dtype": _FLOAT4, "data": _PADDED})
    + "\ntry:\n    x = {take}\n    capsule = x.__dlpack__(max_version=(1, 3))\n"
    "except Exception as error:\n    print('refused:', error)\n    raise SystemExit(0)\n"
    "{struct}\nassert flags & 4 or data != start, 'the flag is lost'",
)
def _(lib: Adapter) -> None:
    producer = Producer(flags=abi.PADDED, dtype=_FLOAT4, data=_PADDED)
    x, error = attempt(lib, producer)
    skip_unless(error is None, "refused")
    tensor = producer.tensors[-1]
    skip_unless(tensor.versioned, "the library asks for legacy structs, which have no such field")
    try:
        seen = lib.look(x)
    except Exception as failure:
        raise Skip(f"it is not exported: {told(failure)}") from None
    if tensor.start == seen.data:
        expect(seen.versioned, "a legacy struct, which has no such flag")
        expect(seen.flags & abi.PADDED, f"flags {seen.flags:#x}")
