"""The arithmetic of `dlpack::layout` and of views, in integers without bounds and with each check written out.

One text serves both uses: with Python's numbers it computes, with terms of z3 it is what `prove.py` proves things about.
A *word* is how many bits `isize` has. Sizes and strides have 64 bits whatever the word is.
"""

from __future__ import annotations

from typing import Any

import z3

#: No dtype has more bits: 65,535 lanes of 255 bits, rounded up to bytes.
MOST_BITS = 16_711_432


def is_term(*values: Any) -> bool:
    return any(isinstance(value, z3.ExprRef) for value in values)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    return z3.If(condition, yes, no) if is_term(condition) else yes if condition else no


def every(*conditions: Any) -> Any:
    return z3.And(*conditions) if is_term(*conditions) else all(conditions)


def fits(number: Any, bits: int) -> Any:
    """Whether a signed integer of so many bits can be the number."""
    return every(number >= -(1 << (bits - 1)), number < 1 << (bits - 1))


def floor(number: Any, divisor: int) -> Any:
    """Division that rounds down, as that of z3 does for positive divisors."""
    return number / divisor if is_term(number) else number // divisor


def widen(low: Any, high: Any, step: Any) -> Any:
    """`widen`: whether all checks hold, and the reach with one more axis, whose last index is `step` elements from its first."""
    new_low, new_high = choose(step < 0, low + step, low), choose(step < 0, high, high + step)
    return every(fits(step, 64), fits(new_low, 64), fits(new_high, 64)), new_low, new_high


def start(whole: Any, rest: Any, word: int) -> Any:
    """`start` of element `8 a - b`, with `whole` for `a` times and `rest` for `-b` times the bits of an element."""
    result = whole + floor(rest, 8)
    return every(fits(whole, word), fits(rest, word), fits(result, word)), result


def end(whole: Any, rest: Any, word: int) -> Any:
    """`end` of element `8 a + b`, with `whole` for `a` times and `rest` for `b + 1` times the bits of an element."""
    result = whole + floor(rest + 7, 8)
    return every(fits(whole, word), fits(rest + 7, word), fits(result, word)), result


def count(product: Any, size: Any) -> Any:
    """A step of `numel_of`, and of the fast path."""
    return fits(product * size, 64), product * size


def within(first: Any, begin: Any, finish: Any, available: Any, word: int) -> Any:
    """`Layout::within`: whether the bytes from `begin` to `finish` around byte `first` are among those available."""
    least = -(1 << (word - 1))
    saturated = choose(first + begin < least, least, first + begin)
    return every(fits(first + finish, word), saturated >= 0, first + finish <= available)


def next_larger(shape: list[int], strides: list[int], last: int) -> tuple[int, int] | None:
    axes = [(abs(stride), size) for size, stride in zip(shape, strides) if size != 1 and abs(stride) > last]
    # The first of those with the smallest stride.
    return min(((size, step) for step, size in axes), key=lambda axis: axis[1], default=None)


def is_disjoint(shape: list[int], strides: list[int]) -> bool:
    """`Layout::is_disjoint`."""
    if any(size < 0 for size in shape):
        return False
    if 0 in shape:
        return True
    last = reach = 0
    for _ in [size for size in shape if size != 1]:
        axis = next_larger(shape, strides, last)
        if axis is None or axis[1] <= reach:
            return False
        size, step = axis
        reach, last = reach + (size - 1) * step, step
        if reach >= 1 << 64:
            return False
    return True


def layout(shape: list[int], strides: list[int], bits: int, word: int) -> str:
    """`Layout::new`: its six numbers, or which check failed."""
    product: int | None = 1
    for size in shape:
        if size < 0:
            return "negative"
        if size != 0 and product is not None:
            ok, product = count(product, size)
            product = product if ok else None
    if product is None or not fits(product, word):
        return "shape"
    if 0 in shape:
        return "0 0 0 -1 0 0"
    low = high = 0
    for size, stride in zip(shape, strides):
        if size == 1:
            continue
        ok, low, high = widen(low, high, (size - 1) * stride)
        if not ok:
            return "extent"
    if not (fits(low, word) and fits(high, word)):
        return "extent"
    ok_start, first = start(-(-low // 8) * bits, -(-low % 8) * bits, word)
    ok_end, last = end(high // 8 * bits, (high % 8 + 1) * bits, word)
    if not (ok_start and ok_end and fits(last - first, word)):
        return "extent"
    nbytes = floor(product * bits + 7, 8)
    return f"{product} {nbytes} {low} {high} {first} {last}" if fits(nbytes, word) else "shape"


def view(axis: tuple[int, int], operation: str, a: int, b: int) -> tuple[int, int, int]:
    """What an operation on an axis makes of it: the offset of the new first element, the new size and stride."""
    size, stride = axis
    match operation:
        case "slice":
            return stride * a, b - a, stride
        case "step":
            return 0, -(-size // a), stride * a
        case "flip":
            return stride * max(size - 1, 0), size, -stride
    raise AssertionError(operation)
