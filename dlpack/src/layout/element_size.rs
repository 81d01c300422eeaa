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

    /// Returns the bytes from the start of element `first` to the end of element `last`, relative to element 0.
    pub(super) fn span(self, first: isize, last: isize) -> Option<Range<isize>> {
        match self {
            Self::Bytes(size) => {
                Some(first.checked_mul(size)?..last.checked_add(1)?.checked_mul(size)?)
            }
            Self::Bits(bits) => Some(start(first, bits)?..end(last, bits)?),
        }
    }

    /// Returns the bytes of `count` elements side by side; there is at least one.
    pub(super) fn total(self, count: isize) -> Option<isize> {
        match self {
            Self::Bytes(size) => count.checked_mul(size),
            Self::Bits(bits) => end(count.checked_sub(1)?, bits),
        }
    }
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
