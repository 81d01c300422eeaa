//! Fast path: the layout of a valid, non-empty tensor of whole-byte elements.
//!
//! The axes are read once, the last one first. As long as they are row-major, their extents follow from the number of
//! elements.

use super::check::Layout;
use crate::vocabulary::DataType;

/// Returns the layout, or `None` for an empty tensor, a dtype narrower than a byte, and any error; shape and strides are of one
/// length.
#[inline(always)]
pub(super) fn layout(shape: &[i64], strides: &[i64], dtype: DataType) -> Option<Layout> {
    let mut layout = FastLayout::new(dtype)?;
    let mut axes = shape.iter().zip(strides).rev();
    for (&size, &stride) in axes.by_ref() {
        if !layout.add_row_major(size, stride)? {
            layout.add_first_strided(size, stride)?;
            break;
        }
    }
    for (&size, &stride) in axes {
        layout.add_strided(size, stride)?;
    }
    layout.layout()
}

/// The layout of the axes that were added so far.
///
/// Two loops are faster than one: the second goes on where [`add_row_major`](Self::add_row_major) has refused an axis.
#[derive(Clone, Copy)]
pub(crate) struct FastLayout {
    /// Bytes of an element.
    size: isize,
    numel: i64,
    /// The lowest and the highest offset, once not all axes are row-major.
    reach: Option<(i64, i64)>,
}

impl FastLayout {
    /// Starts without axes. Returns `None` if elements are smaller than a byte, or the dtype is invalid.
    #[inline(always)]
    pub(crate) fn new(dtype: DataType) -> Option<Self> {
        Some(Self { size: whole_bytes(dtype)?, numel: 1, reach: None })
    }

    /// Returns the number of elements so far, which is also the row-major stride of the next axis.
    #[inline(always)]
    pub(crate) const fn numel(&self) -> i64 {
        self.numel
    }

    /// Adds the axis before the last one added, or returns `false` if it is not row-major.
    ///
    /// Returns `None` for an empty axis or an invalid size; the slow path then reports the error.
    #[inline(always)]
    pub(crate) fn add_row_major(&mut self, size: i64, stride: i64) -> Option<bool> {
        if stride != self.numel && size != 1 {
            return Some(false);
        }
        if size <= 0 {
            return None;
        }
        self.numel = self.numel.checked_mul(size)?;
        Some(true)
    }

    /// Adds the axis that is not row-major.
    ///
    /// Returns `None` as [`add_row_major`](Self::add_row_major) does.
    #[inline(always)]
    pub(crate) fn add_first_strided(&mut self, size: i64, stride: i64) -> Option<()> {
        // There is an element.
        self.reach = Some((0, self.numel.wrapping_sub(1)));
        self.add_strided(size, stride)
    }

    /// Adds the axis before the last one added, once an axis was not row-major.
    ///
    /// Returns `None` as [`add_row_major`](Self::add_row_major) does.
    #[inline(always)]
    pub(crate) fn add_strided(&mut self, size: i64, stride: i64) -> Option<()> {
        if size == 1 {
            return Some(());
        }
        if size <= 0 {
            return None;
        }
        self.numel = self.numel.checked_mul(size)?;
        widen(self.reach.as_mut()?, size, stride)
    }

    /// Returns the layout of all axes, or `None` if it does not fit in the address space.
    #[inline(always)]
    pub(crate) fn layout(self) -> Option<Layout> {
        let Self { size, numel, reach } = self;
        let numel = isize::try_from(numel).ok()?;
        let nbytes = numel.checked_mul(size)?;
        let mut layout = Layout::dense(unsigned(numel), unsigned(nbytes));
        layout.row_major = reach.is_none();
        if let Some((low, high)) = reach {
            layout.first = isize::try_from(low).ok()?;
            layout.last = isize::try_from(high).ok()?;
            layout.start = layout.first.checked_mul(size)?;
            layout.end = layout.last.checked_add(1)?.checked_mul(size)?;
            layout.end.checked_sub(layout.start)?;
        }
        Some(layout)
    }
}

/// The bytes of an element of at least a byte, if the dtype is valid.
#[inline(always)]
fn whole_bytes(dtype: DataType) -> Option<isize> {
    if dtype.is_sub_byte() || !dtype.is_valid() {
        return None;
    }
    let bits = u32::from(dtype.bits).wrapping_mul(u32::from(dtype.lanes));
    isize::try_from(bits.wrapping_add(7).checked_div(8)?).ok()
}

/// The same number, which is not negative. (`unsigned_abs` would look.)
#[inline(always)]
const fn unsigned(number: isize) -> usize {
    usize::from_ne_bytes(number.to_ne_bytes())
}

/// Returns the lowest and the highest offset of a tensor that has elements.
pub(super) fn reach(shape: &[i64], strides: &[i64]) -> Option<(isize, isize)> {
    let mut reach = (0, 0);
    for (&size, &stride) in shape.iter().zip(strides).filter(|&(&size, _)| size != 1) {
        widen(&mut reach, size, stride)?;
    }
    Some((isize::try_from(reach.0).ok()?, isize::try_from(reach.1).ok()?))
}

/// Adds an axis of at least one index to the lowest and the highest offset.
///
/// The two sums only ever grow, so an intermediate result overflows exactly when the final one does.
#[inline(always)]
fn widen((low, high): &mut (i64, i64), size: i64, stride: i64) -> Option<()> {
    let step = size.wrapping_sub(1).checked_mul(stride)?;
    if step < 0 {
        *low = low.checked_add(step)?;
    } else {
        *high = high.checked_add(step)?;
    }
    Some(())
}
