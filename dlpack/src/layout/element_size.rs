//! Bytes in which elements start and end, of any number of bits.

use core::ops::Range;

const BITS: isize = 8;

/// Returns the bytes from the start of element `first` to the end of element `last`, relative to element 0, for elements of
/// `bits` bits; `first` is at most 0, and `last` at least 0.
pub(super) fn span(first: isize, last: isize, bits: isize) -> Option<Range<isize>> {
    Some(start(first, bits)?..end(last, bits)?)
}

/// The byte in which element `n` starts, in a way that overflows only if the result does.
fn start(n: isize, bits: isize) -> Option<isize> {
    // Both terms have the sign of `n`, so none is further from 0 than the sum.
    let whole = n.checked_div(BITS)?.checked_mul(bits)?;
    let rest = n.checked_rem(BITS)?.checked_mul(bits)?;
    whole.checked_add(rest.checked_div_euclid(BITS)?)
}

/// The byte after the one in which element `n` ends, for `n` of at least 0; overflows only if the result does.
fn end(n: isize, bits: isize) -> Option<isize> {
    let whole = n.checked_div(BITS)?.checked_mul(bits)?;
    let rest = n.checked_rem(BITS)?.checked_add(1)?.checked_mul(bits)?;
    whole.checked_add(rest.checked_add(BITS.checked_sub(1)?)?.checked_div(BITS)?)
}
