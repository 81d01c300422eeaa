"""Sample elements of each dtype, and their bytes, computed without any array library."""

from __future__ import annotations

import math
import struct
from typing import Any

from . import abi

_FORMATS = {
    "int8": "b", "int16": "h", "int32": "i", "int64": "q",
    "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
    "float16": "e", "float32": "f", "float64": "d",
    "complex32": "e", "complex64": "f", "complex128": "d",
}  # fmt: skip

# Exponent bits, fraction bits and bias of the small floats.
_SMALL = {
    "bfloat16": (8, 7, 127),
    "float8_e3m4": (3, 4, 3),
    "float8_e4m3": (4, 3, 7),
    "float8_e4m3b11fnuz": (4, 3, 11),
    "float8_e4m3fn": (4, 3, 7),
    "float8_e4m3fnuz": (4, 3, 8),
    "float8_e5m2": (5, 2, 15),
    "float8_e5m2fnuz": (5, 2, 16),
    "float6_e2m3fn": (2, 3, 1),
    "float6_e3m2fn": (3, 2, 3),
    "float4_e2m1fn": (2, 1, 1),
}
_FLOATS = [0.0, 1.0, -2.0, 1.5, 4.0, -3.0]


def samples(dtype: str) -> list[Any]:
    """Six values that the dtype has exactly, the extremes of integers among them."""
    _, bits, _ = abi.triple(dtype)
    if dtype == "bool":
        return [True, False, False, True, True, False]
    if dtype == "float8_e8m0fnu":
        return [1.0, 2.0, 0.5, 4.0, 8.0, 0.25]
    if dtype.startswith("uint"):
        return [0, 1, 2, 100, (1 << bits) - 1, 1 << (bits - 1)]
    if dtype.startswith("int"):
        return [0, 1, -1, 100, -(1 << (bits - 1)), (1 << (bits - 1)) - 1]
    if dtype.startswith("complex"):
        return [complex(x, 0.5 - x) for x in _FLOATS]
    return list(_FLOATS)


def encode(dtype: str, values: list[Any]) -> bytes:
    """The bytes of values, in this machine's byte order; elements smaller than a byte are packed, low bits first."""
    if dtype == "bool":
        return bytes(values)
    if dtype == "float8_e8m0fnu":
        return bytes(127 + int(math.log2(value)) for value in values)
    if dtype.startswith("complex"):
        return b"".join(struct.pack("=2" + _FORMATS[dtype], v.real, v.imag) for v in values)
    if dtype in _FORMATS:
        return struct.pack(f"={len(values)}{_FORMATS[dtype]}", *values)
    codes = [_code(value, dtype) for value in values]
    if dtype == "bfloat16":
        return struct.pack(f"={len(codes)}H", *codes)
    _, bits, _ = abi.triple(dtype)
    whole = sum(code << (index * bits) for index, code in enumerate(codes))
    return whole.to_bytes((bits * len(codes) + 7) // 8, "little")


def _code(value: float, dtype: str) -> int:
    # The bits of a value that a small float has exactly; subnormal numbers are not among the samples.
    exponent_bits, fraction_bits, bias = _SMALL[dtype]
    if value == 0:
        return 0
    fraction, exponent = math.frexp(abs(value))
    bits = (exponent - 1 + bias) << fraction_bits | round((fraction * 2 - 1) * (1 << fraction_bits))
    return bits | (value < 0) << (exponent_bits + fraction_bits)


def sample_bytes(dtype: str) -> bytes:
    """The bytes of the six values."""
    return encode(dtype, samples(dtype))


def encodable() -> set[str]:
    """The dtypes whose samples have a meaning here."""
    return {"bool", "float8_e8m0fnu", *_FORMATS, *_SMALL}


def byte_samples(dtype: str) -> bytes:
    """The bytes of six elements; of dtypes without a meaning here, bytes that differ from one another."""
    return sample_bytes(dtype) if dtype in encodable() else bytes(range(1, 1 + abi.nbytes(dtype, 6)))


def gather(data: bytes, size: int, shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0) -> bytes:
    """The elements of a strided layout in row-major order, as bytes: the plain definition, element by element."""
    positions = [start]
    for extent, stride in zip(shape, strides):
        positions = [position + index * stride for position in positions for index in range(extent)]
    return b"".join(data[position * size : position * size + size] for position in positions)
