"""Proves with z3 what `dlpack::layout` and views rest on, for any number of axes: each lemma is about one more axis.

    python evidence/arithmetic/prove.py            proves all lemmas, and that the vectors are those of the model
    python evidence/arithmetic/prove.py --vectors  writes the vectors, on which `tests/layout/proved.rs` compares the crate

A lemma names the lines of Rust that it is about, and fails if they are no longer there. Its *opposite* is the lemma with an
error in it, of which z3 must find an example: so a lemma does not hold because nothing fulfils its conditions.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import model
import z3

ROOT = Path(__file__).parents[2]
VECTORS = Path(__file__).with_name("vectors.tsv")

#: For one lemma, in milliseconds.
LONGEST = 60_000

CHECK = "dlpack/src/layout/check.rs"
FAST = "dlpack/src/layout/fast_path.rs"
BITS = "dlpack/src/layout/element_size.rs"
OVERLAP = "dlpack/src/layout/overlap.rs"
STRIDED = "dlpack/src/view/strided.rs"
ACCESS = "dlpack/src/managed/access.rs"

proved: list[str] = []


def answer(*facts: Any) -> Any:
    solver = z3.Solver()
    solver.set("timeout", LONGEST)
    solver.add(*facts)
    return solver.check()


def prove(says: str, given: list[Any], claim: Any, opposite: tuple[list[Any], Any] | None = None) -> None:
    """Fails unless z3 finds no counterexample to the claim, and finds one to the opposite."""
    found = answer(*given, z3.Not(claim))
    if found != z3.unsat:
        sys.exit(f"error: {says}: z3 says {found} of a counterexample")
    conditions, wrong = opposite if opposite is not None else (given, z3.Not(claim))
    found = answer(*conditions, z3.Not(wrong))
    if found != z3.sat:
        sys.exit(f"error: the opposite of `{says}`: z3 says {found} of a counterexample")
    proved.append(says)
    print(f"proved: {says}", flush=True)


def quotes(file: str, *lines: str) -> None:
    """Fails unless the lines are in the file, in this order. Spaces do not count."""
    text, at = "".join((ROOT / file).read_text().split()), 0
    for line in lines:
        found = text.find("".join(line.split()), at)
        if found < 0:
            sys.exit(f"error: {file} no longer has `{line}` where the lemma expects it: read the lemma again")
        at = found + 1


def ints(names: str) -> list[Any]:
    return z3.Ints(names)


def reals(names: str) -> list[Any]:
    """For products of two unknowns: what holds of all real numbers holds of integers, and can be decided."""
    return z3.Reals(names)


def extents() -> None:
    quotes(
        FAST,
        "let mut reach = (0, 0);",
        "filter(|&(&size, _)| size != 1)",
        "widen(&mut reach, size, stride)?;",
        "Some((isize::try_from(reach.0).ok()?, isize::try_from(reach.1).ok()?))",
        "let step = size.wrapping_sub(1).checked_mul(stride)?;",
        "if step < 0 {",
        "*low = low.checked_add(step)?;",
        "} else {",
        "*high = high.checked_add(step)?;",
    )
    quotes(FAST, "if size == 1 { return Some(()); }", "if size <= 0 { return None; }")
    low, high, step, size = ints("low high step size")
    ok, new_low, new_high = model.widen(low, high, step)
    reach = [low <= 0, high >= 0, model.fits(low, 64), model.fits(high, 64)]
    prove(
        "one axis more: the size less 1 does not wrap",
        [size >= 1, size < 1 << 63],
        model.fits(size - 1, 64),
        ([size < 1 << 63, model.fits(size, 64)], model.fits(size - 1, 64)),
    )
    prove(
        "one axis more: the lowest offset stays at most 0, the highest at least 0, and neither comes nearer",
        reach,
        z3.And(new_low <= low, new_high >= high, new_low <= 0, new_high >= 0),
    )
    # That partial results only grow makes this the verdict on the exact sums of all axes.
    later_low, later_high = ints("later_low later_high")
    prove(
        "the extents of all axes are refused exactly if a final sum does not fit in 64 bits, never for a partial one",
        [*reach, later_low <= new_low, later_high >= new_high, model.fits(later_low, 64), model.fits(later_high, 64)],
        ok,
        ([*reach], ok),
    )
    first, second = ints("first second")
    ok_1, low_1, high_1 = model.widen(low, high, first)
    ok_2, low_2, high_2 = model.widen(low_1, high_1, second)
    ok_3, low_3, high_3 = model.widen(low, high, second)
    ok_4, low_4, high_4 = model.widen(low_3, high_3, first)
    prove(
        "extents do not depend on the order of two axes, nor does the verdict on them",
        reach,
        z3.And(low_2 == low_4, high_2 == high_4, z3.And(ok_1, ok_2) == z3.And(ok_3, ok_4)),
        (reach, z3.And(ok_1, ok_2) == ok_3),
    )


def indices() -> None:
    low, high, offset, k, size, stride = reals("low high offset k size stride")
    _, new_low, new_high = model.widen(low, high, (size - 1) * stride)
    index = [low <= 0, high >= 0, low <= offset, offset <= high, size >= 1, k >= 0]
    prove(
        "every index below its size leads to an offset within the extents",
        [*index, k <= size - 1],
        z3.And(new_low <= offset + k * stride, offset + k * stride <= new_high),
        ([*index, k <= size], z3.And(new_low <= offset + k * stride, offset + k * stride <= new_high)),
    )
    prove(
        "the product of an index and a stride lies between 0 and that of the last index",
        [k >= 0, k <= size - 1],
        z3.Or(
            z3.And(stride >= 0, 0 <= k * stride, k * stride <= (size - 1) * stride),
            z3.And(stride < 0, 0 >= k * stride, k * stride >= (size - 1) * stride),
        ),
    )
    quotes(STRIDED, "if k >= size {", "offset = offset.wrapping_add(signed(k).wrapping_mul(stride));")
    for word in 32, 64:
        exact, product, sum_before, wrapped, a, b, c = ints("exact product sum_before wrapped a b c")
        modulus = 1 << word
        # The sum so far is off by a multiple of 2^word, and so are the product and the new sum.
        steps = [
            sum_before == exact + a * modulus,
            wrapped == sum_before + (product + b * modulus) + c * modulus,
            model.fits(wrapped, word),
        ]
        prove(
            f"an offset that was summed up with wraparound in {word} bits is right if the exact one fits",
            [*steps, model.fits(exact + product, word)],
            wrapped == exact + product,
            (steps, wrapped == exact + product),
        )


def bytes_of_bits() -> None:
    quotes(
        BITS,
        "let whole = n.checked_div(BITS)?.checked_mul(bits)?;",
        "let rest = n.checked_rem(BITS)?.checked_mul(bits)?;",
        "whole.checked_add(rest.checked_div_euclid(BITS)?)",
        "let whole = n.checked_div(BITS)?.checked_mul(bits)?;",
        "let rest = n.checked_rem(BITS)?.checked_add(1)?.checked_mul(bits)?;",
        "whole.checked_add(rest.checked_add(BITS.checked_sub(1)?)?.checked_div(BITS)?)",
    )
    whole, bits, x, y = ints("whole bits x y")
    width = [bits >= 1, bits <= model.MOST_BITS]
    for word in 32, 64:
        for rest in range(8):
            ok, found = model.start(whole, -rest * bits, word)
            exact = model.floor(8 * whole - rest * bits, 8)
            prove(
                f"the first byte of element 8 a - {rest}, with {word} bits: exact, and refused only if it does not fit",
                [*width, whole <= 0],
                z3.And(found == exact, ok == model.fits(exact, word)),
                ([*width, whole <= 0], z3.And(found == exact, ok)),
            )
            ok, found = model.end(whole, (rest + 1) * bits, word)
            exact = model.floor(8 * whole + (rest + 1) * bits + 7, 8)
            prove(
                f"the end of element 8 a + {rest}, with {word} bits: exact, and refused only if it does not fit",
                [*width, whole >= 0],
                z3.And(found == exact, ok == model.fits(exact, word)),
                ([*width, whole >= 0], z3.And(found == exact, ok)),
            )
    prove("more bits begin in no earlier byte", [x <= y], model.floor(x, 8) <= model.floor(y, 8), ([x <= y], x < y))
    first, element, last, real_bits = reals("first element last real_bits")
    between = [first <= element, element <= last]
    prove(
        "the bits of an element within the extents lie within those of the extents",
        [*between, real_bits >= 1],
        z3.And(first * real_bits <= element * real_bits, (element + 1) * real_bits <= (last + 1) * real_bits),
        (between, first * real_bits <= element * real_bits),
    )


def counts() -> None:
    quotes(CHECK, "product = product.and_then(|p| p.checked_mul(size));", "isize::try_from(p).ok()")
    quotes(FAST, "self.numel = self.numel.checked_mul(size)?;")
    product, a, b, most = reals("product a b most")
    sizes = [product >= 1, a >= 1, b >= 1]
    prove(
        "a product of sizes does not shrink, so that a partial one that does not fit means the same of the whole",
        sizes,
        z3.And(product * a >= product, product * a * b >= product * a),
    )
    is_refused = lambda one, two: z3.Or(product * one > most, product * one * two > most)
    prove(
        "counts do not depend on the order of two axes, nor does the verdict on them",
        sizes,
        z3.And(product * a * b == product * b * a, is_refused(a, b) == is_refused(b, a)),
        (sizes[:1], is_refused(a, b) == is_refused(b, a)),
    )


def fast_path() -> None:
    quotes(
        FAST,
        "if stride != self.numel() { return Some(size == 1); }",
        "let reach = (0, self.numel.wrapping_sub(1));",
        "let nbytes = numel.checked_mul(self.size)?;",
        "Some(Layout::dense(unsigned(numel), unsigned(nbytes)))",
        "let (start, end) = (first.checked_mul(size)?, last.checked_add(1)?.checked_mul(size)?);",
        "end.checked_sub(start)?;",
    )
    quotes(CHECK, "wrapping_sub(1);", "Self { numel, nbytes, first: 0, last, start: 0, end, row_major: true }")
    numel, size, more = reals("numel size more")
    _, low, high = model.widen(z3.RealVal(0), numel - 1, (size - 1) * numel)
    prove(
        "row-major axes reach from 0 to the number of their elements less 1",
        [numel >= 1, size >= 1],
        z3.And(low == 0, high == numel * size - 1),
        ([numel >= 1], z3.And(low == 0, high == numel * size - 1)),
    )
    first, last, n = ints("first last n")
    for nbytes in 1, 2, 4, 8, 16, 31:
        prove(
            f"elements of {nbytes} bytes begin and end where the slow path says",
            [first <= 0, last >= 0],
            z3.And(
                model.floor(first * 8 * nbytes, 8) == first * nbytes,
                model.floor((last + 1) * 8 * nbytes + 7, 8) == (last + 1) * nbytes,
            ),
        )


def overlap() -> None:
    quotes(
        OVERLAP,
        "let (mut last, mut reach) = (0_u64, 0_u64);",
        "let next = next_larger(shape, strides, last);",
        "next.filter(|&(_, step)| step > reach)?;",
        "reach = reach.checked_add(size.checked_sub(1)?.checked_mul(step)?)?;",
        "last = step;",
        ".filter(|&(_, step)| step > last)",
        ".min_by_key(|&(_, step)| step)",
    )
    # Of two indices: how far they are apart on the axis, and what that and the axes with smaller strides come to.
    apart, below, reach, size, stride = reals("apart below reach size stride")
    magnitude = z3.If(stride < 0, -stride, stride)
    is_whole = z3.Or(apart == 0, apart >= 1, apart <= -1)
    axis = [reach >= 0, -reach <= below, below <= reach, size >= 2, apart <= size - 1, apart >= 1 - size, is_whole]
    total = below + apart * stride
    prove(
        "two indices are never further apart than the reach of the axes",
        axis,
        z3.And(total <= reach + (size - 1) * magnitude, total >= -reach - (size - 1) * magnitude),
        (axis, z3.And(total <= reach, total >= -reach)),
    )
    prove(
        "if a stride exceeds the reach of all smaller ones, two indices that differ on its axis name two elements",
        [*axis, magnitude > reach],
        z3.Implies(total == 0, apart == 0),
        ([*axis, magnitude >= reach], z3.Implies(total == 0, apart == 0)),
    )


def parts() -> None:
    quotes(
        STRIDED,
        "let offset = signed(count).wrapping_mul(stride);",
        "if end > size || start > end {",
        "self.set_axis(axis, end - start, stride);",
        "self.advance(stride, start);",
        "let size = size.div_ceil(step);",
        "stride.checked_mul(n)",
        "self.set_axis(axis, size, step.unwrap_or(0));",
        "self.advance(stride, size.saturating_sub(1));",
        "self.set_axis(axis, size, stride.wrapping_neg());",
    )
    quotes(STRIDED, "if index >= size {", "self.slice(axis, index..=index)?;")
    k, size, a, b, step, stride = ints("k size a b step stride")
    prove(
        "an index of a slice is an index of its axis",
        [0 <= a, a <= b, b <= size, 0 <= k, k < b - a],
        z3.And(0 <= a + k, a + k < size),
        ([0 <= a, a <= b, b <= size, 0 <= k, k <= b - a], a + k < size),
    )
    prove(
        "the first element of a slice that is not empty is an element",
        [0 <= a, a < b, b <= size],
        z3.And(0 <= a, a < size),
        ([0 <= a, a <= b, b <= size], a < size),
    )
    prove("an index of a flipped axis is one of the axis", [0 <= k, k < size], z3.And(0 <= size - 1 - k, size - 1 - k < size))
    # The size is the quotient, rounded up.
    k, size, count, step, stride = ints("k size count step stride")
    rounded = [size >= 1, step >= 1, count * step >= size, (count - 1) * step < size]
    x, y = ints("x y")
    prove(
        "every index of an axis in steps is an index of the axis",
        [size >= 1, step >= 1, k >= 0, x == (count - 1) * step, x < size, y == k * step, z3.Implies(k <= count - 1, y <= x)],
        z3.Implies(k <= count - 1, z3.And(0 <= y, y < size)),
        (rounded + [k >= 0], k * step < size),
    )
    real_k, real_count, real_step, real_stride = reals("real_k real_count real_step real_stride")
    prove(
        "an earlier index of an axis in steps is an earlier one of the axis",
        [real_k <= real_count - 1, real_step >= 1],
        real_k * real_step <= (real_count - 1) * real_step,
        ([real_k <= real_count - 1], real_k * real_step <= (real_count - 1) * real_step),
    )
    # With two elements, the step is at most the last index, whose offset fits.
    real_size, fit = reals("real_size fit")
    product = real_step * real_stride
    last = (real_size - 1) * real_stride
    prove(
        "a stride times a step fits if a second element is there",
        [real_step >= 1, real_step <= real_size - 1, fit >= 0, last <= fit, last >= -fit],
        z3.And(product <= fit, product >= -fit),
        ([real_step >= 1, fit >= 0, last <= fit, last >= -fit], product <= fit),
    )
    quotes(
        CHECK,
        "let (start, end) = (first.saturating_add(self.start), first.checked_add(self.end));",
        "Some(end) if start >= 0 && end.unsigned_abs() <= available => Ok(start..end),",
    )
    first, begin, finish, available = ints("first begin finish available")
    for word in 32, 64:
        numbers = [model.fits(first, word), model.fits(begin, word), model.fits(finish, word), begin <= 0, finish >= 0]
        numbers += [0 <= available, available < 1 << (word - 1), begin <= finish]
        prove(
            f"what `within` accepts, with {word} bits, lies among the bytes, and it refuses nothing else",
            numbers,
            model.within(first, begin, finish, available, word)
            == z3.And(0 <= first + begin, first + finish <= available),
            (numbers, model.within(first, begin, finish, available, word) == (first + finish <= available)),
        )


def addresses() -> None:
    quotes(
        ACCESS,
        "if let Ok(offset) = usize::try_from(byte_offset) {",
        "let start = signed(data.addr());",
        "let first = start.wrapping_add(signed(offset));",
        "let low = if SLICE { 0 } else { first.wrapping_add(extents.start).wrapping_sub(1) };",
        "let element = data.wrapping_byte_add(offset)",
        "if start.wrapping_sub(1) | signed(offset) | first | low >= 0",
    )
    for word in 32, 64:
        data, offset, begin, finish = z3.BitVecs("data offset begin finish", word)
        wide = lambda term: z3.ZeroExt(2, term)
        signed = lambda term: z3.SignExt(2, term)
        first = data + offset
        low = first + begin - 1
        one = z3.BitVecVal(1, word)
        # The distance from the lowest to the highest byte fits, as `Layout` has checked.
        extents = [begin <= 0, finish >= 0, signed(finish) - signed(begin) <= (1 << (word - 1)) - 1]
        exact = wide(data) + wide(offset)
        claim = z3.And(
            data != 0,
            wide(first) == exact,
            exact + signed(begin) >= 1,
            exact + signed(finish) <= (1 << word) - 1,
        )
        prove(
            f"the one comparison of a view, with {word} bits: no address of an element is 0 or wraps",
            [*extents, ((data - one) | offset | first | low) >= 0],
            claim,
            ([*extents, ((data - one) | offset | first) >= 0], claim),
        )
        prove(
            f"the same of a slice, with {word} bits",
            [begin == 0, finish >= 0, ((data - one) | offset | first) >= 0],
            claim,
            ([begin == 0, finish >= 0, (offset | first) >= 0], claim),
        )


#: Code, bits of a lane, lanes, whether padded, and the bits of an element.
WIDTHS = [
    (1, 8, 1, 0, 8), (2, 32, 1, 0, 32), (2, 64, 1, 0, 64), (1, 1, 1, 0, 1), (1, 1, 1, 1, 8), (17, 4, 1, 0, 4),
    (16, 6, 1, 0, 6), (2, 32, 3, 0, 96), (15, 6, 3, 0, 18), (1, 7, 65535, 0, 458_745), (1, 255, 65535, 0, 16_711_432),
]  # fmt: skip


def vectors() -> str:
    """Inputs that are drawn, small and at the borders, with what the model makes of them."""
    draw = random.Random(2026)

    def number(small: int, least: int) -> int:
        if draw.random() < 0.6:
            return draw.randint(least, small)
        border = (1 << draw.randint(0, 63)) + draw.randint(-2, 2)
        sign = 1 if least >= 0 else draw.choice([1, -1])
        return max(-(1 << 63), min((1 << 63) - 1, border * sign))

    def axes(most: int) -> tuple[list[int], list[int]]:
        ndim = draw.randint(0, most)
        shape = [draw.choice([-1, 0]) if draw.random() < 0.02 else number(5, 1) for _ in range(ndim)]
        strides = [number(9, -9) for _ in range(ndim)]
        return shape, strides

    def compact() -> tuple[list[int], list[int]]:
        """Side by side in some order, with now and then a gap or too little room."""
        shape = [draw.randint(1, 4) for _ in range(draw.randint(0, 5))]
        strides, following = [0] * len(shape), 1
        for axis in draw.sample(range(len(shape)), len(shape)):
            strides[axis] = draw.choice([1, -1]) * (following + draw.choice([0, 0, 0, 0, 1, -1]))
            following = max(abs(strides[axis]), 1) * shape[axis]
        return shape, strides

    def far() -> tuple[list[int], list[int]]:
        """Axes of which each fits, and together they may not."""
        shape = [draw.randint(2, 3) for _ in range(draw.randint(1, 4))]
        power = draw.choice([30, 31, 61, 62])
        magnitudes = [min((1 << power) + draw.randint(-1, 1) << draw.randint(0, 1), (1 << 63) - 1) for _ in shape]
        return shape, [draw.choice([1, -1, -1]) * magnitude for magnitude in magnitudes]

    def text(numbers: Any) -> str:
        return " ".join(map(str, numbers))

    lines = ["# Made by `prove.py --vectors`: inputs, and what the model makes of them."]
    for turn in range(400):
        shape, strides = [compact, far, lambda: axes(5)][turn % 3]()
        code, lane_bits, lanes, padded, bits = draw.choice(WIDTHS)
        results = [model.layout(shape, strides, bits, word) for word in (64, 32)]
        dtype = text((code, lane_bits, lanes, padded))
        lines.append("\t".join(["layout", text(shape), text(strides), dtype, *results]))
    for turn in range(250):
        shape, strides = [compact, compact, far, lambda: axes(4)][turn % 4]()
        lines.append("\t".join(["disjoint", text(shape), text(strides), str(model.is_disjoint(shape, strides)).lower()]))
    for _ in range(250):
        shape = [draw.randint(1, 6) for _ in range(draw.randint(1, 3))]
        strides = [draw.randint(-7, 7) for _ in shape]
        axis = draw.randrange(len(shape))
        operation = draw.choice(["slice", "step", "flip"])
        a = draw.randint(1, 7) if operation == "step" else draw.randint(0, shape[axis] - 1)
        b = draw.randint(a + 1, shape[axis]) if operation == "slice" else 0
        offset, size, stride = model.view((shape[axis], strides[axis]), operation, a, b)
        result = text((axis, a, b)), text((offset, size, stride))
        lines.append("\t".join(["view", text(shape), text(strides), operation, *result]))
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> None:
    if words == ["--vectors"]:
        VECTORS.write_text(vectors())
        return
    for lemmas in extents, indices, bytes_of_bits, counts, fast_path, overlap, parts, addresses:
        lemmas()
    if VECTORS.read_text() != vectors():
        sys.exit("error: vectors.tsv is not what the model makes: write it with `--vectors`")
    print(f"{len(proved)} lemmas proved with z3 {z3.get_version_string()}")


if __name__ == "__main__":
    main(sys.argv[1:])
