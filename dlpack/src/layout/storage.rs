//! Bytes that elements take, whole or smaller than a byte.

use core::ops::Range;

use crate::vocabulary::DataType;

/// How much room one element takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes(isize),
    Bits(isize),
}

const BITS: isize = 8;

impl Unit {
    /// `None` when one element is larger than the address space.
    pub(super) fn of(dtype: DataType, padded: bool) -> Option<Self> {
        let bits = isize::try_from(dtype.element_bits(padded)).ok()?;
        if bits.checked_rem(BITS)? == 0 {
            Some(Self::Bytes(bits.checked_div(BITS)?))
        } else {
            Some(Self::Bits(bits))
        }
    }

    /// The bytes from the start of element `first` to the end of element `last`, relative to element 0.
    pub(super) fn span(self, first: isize, last: isize) -> Option<Range<isize>> {
        let end = last.checked_add(1)?;
        match self {
            Self::Bytes(size) => Some(first.checked_mul(size)?..end.checked_mul(size)?),
            Self::Bits(bits) => Some(bit_floor(first, bits)?..bit_ceil(end, bits)?),
        }
    }

    /// The bytes of `count` elements side by side.
    pub(super) fn total(self, count: isize) -> Option<isize> {
        match self {
            Self::Bytes(size) => count.checked_mul(size),
            Self::Bits(bits) => bit_ceil(count, bits),
        }
    }
}

/// `⌊n·bits / 8⌋`, in a way that overflows only if the result does.
fn bit_floor(n: isize, bits: isize) -> Option<isize> {
    let whole = n.checked_div_euclid(BITS)?.checked_mul(bits)?;
    let rest = n.checked_rem_euclid(BITS)?.checked_mul(bits)?;
    whole.checked_add(rest.checked_div_euclid(BITS)?)
}

/// `⌈n·bits / 8⌉`, in a way that overflows only if the result does.
fn bit_ceil(n: isize, bits: isize) -> Option<isize> {
    let whole = n.checked_div_euclid(BITS)?.checked_mul(bits)?;
    let rest = n.checked_rem_euclid(BITS)?.checked_mul(bits)?;
    whole.checked_add(rest.checked_add(BITS.checked_sub(1)?)?.checked_div_euclid(BITS)?)
}
