//! Fast path: the layout of a valid, non-empty tensor whose elements are one lane of whole bytes.
//!
//! The axes are read once, the last one first. As long as they are row-major, their extents follow from the number of
//! elements.

use super::check::Layout;
use crate::vocabulary::DataType;

/// Returns the layout, or `None` for an empty tensor, a dtype of several lanes or of no whole bytes, and any error; shape
/// and strides are of one length.
#[inline(always)]
pub(super) fn layout(shape: &[i64], strides: &[i64], dtype: DataType) -> Option<Layout> {
    let mut layout = FastLayout::new(dtype)?;
    let mut axes = shape.iter().zip(strides).rev();
    let mut strided = loop {
        let Some((&size, &stride)) = axes.next() else {
            return layout.layout();
        };
        if !layout.add(size, stride)? {
            break layout.strided(size, stride)?;
        }
    };
    for (&size, &stride) in axes {
        strided.add(size, stride)?;
    }
    strided.layout()
}

/// The layout of the axes that were added so far, all of them row-major.
///
/// Two loops are faster than one: the second goes on where [`add`](Self::add) has refused an axis.
#[derive(Clone, Copy)]
pub(crate) struct FastLayout {
    /// Bytes of an element.
    size: isize,
    numel: i64,
}

impl FastLayout {
    /// Starts without axes. Returns `None` if elements have several lanes or no whole bytes, or the dtype is invalid.
    #[inline(always)]
    pub(crate) fn new(dtype: DataType) -> Option<Self> {
        Some(Self { size: dtype.whole_bytes()?.into(), numel: 1 })
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
    pub(crate) fn add(&mut self, size: i64, stride: i64) -> Option<bool> {
        if stride != self.numel() {
            return Some(size == 1);
        }
        if size <= 0 {
            return None;
        }
        self.numel = self.numel.checked_mul(size)?;
        Some(true)
    }

    /// Adds the axis that is not row-major.
    ///
    /// Returns `None` as [`add`](Self::add) does.
    #[inline(always)]
    pub(crate) fn strided(self, size: i64, stride: i64) -> Option<FastStrided> {
        // There is an element.
        let reach = (0, self.numel.wrapping_sub(1));
        let mut strided = FastStrided { size: self.size, numel: self.numel, reach };
        strided.add(size, stride).map(|()| strided)
    }

    /// Returns the layout of all axes, or `None` if it does not fit in the address space.
    #[inline(always)]
    pub(crate) fn layout(self) -> Option<Layout> {
        let numel = isize::try_from(self.numel).ok()?;
        let nbytes = numel.checked_mul(self.size)?;
        Some(Layout::dense(unsigned(numel), unsigned(nbytes)))
    }
}

/// The layout of the axes that were added so far, of which not all are row-major.
#[derive(Clone, Copy)]
pub(crate) struct FastStrided {
    /// Bytes of an element.
    size: isize,
    numel: i64,
    /// The lowest and the highest offset.
    reach: (i64, i64),
}

impl FastStrided {
    /// Adds the axis before the last one added.
    ///
    /// Returns `None` for an empty axis or an invalid size; the slow path then reports the error.
    #[inline(always)]
    pub(crate) fn add(&mut self, size: i64, stride: i64) -> Option<()> {
        if size == 1 {
            return Some(());
        }
        if size <= 0 {
            return None;
        }
        self.numel = self.numel.checked_mul(size)?;
        widen(&mut self.reach, size, stride)
    }

    /// Returns the layout of all axes, or `None` if it does not fit in the address space.
    #[inline(always)]
    pub(crate) fn layout(self) -> Option<Layout> {
        let Self { size, numel, reach: (low, high) } = self;
        let numel = isize::try_from(numel).ok()?;
        let nbytes = numel.checked_mul(size)?;
        let (first, last) = (isize::try_from(low).ok()?, isize::try_from(high).ok()?);
        let (start, end) = (first.checked_mul(size)?, last.checked_add(1)?.checked_mul(size)?);
        end.checked_sub(start)?;
        let (numel, nbytes) = (unsigned(numel), unsigned(nbytes));
        Some(Layout { numel, nbytes, first, last, start, end, row_major: false })
    }
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
