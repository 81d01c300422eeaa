//! Element count, byte extents and contiguity of a shape and strides, in one pass.

use dlpack_sys::DLDataType;

/// What a shape and strides say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub numel: i64,
    /// The bytes that the elements take side by side.
    pub nbytes: i64,
    /// The lowest and the highest byte, relative to the first byte of the first element; the end is not included.
    pub low: i64,
    pub high: i64,
    /// 1 if so, and 0 if not: a whole word, since copies of a struct with a gap read what was just written in parts.
    pub row_major: i64,
}

const EMPTY: Found = Found { numel: 0, nbytes: 0, low: 0, high: 0, row_major: 1 };

/// Checks a shape and strides of one length for elements of whole bytes; `None` for what the standard or the address
/// space rules out.
#[inline(always)]
pub fn survey(shape: &[i64], strides: &[i64], dtype: DLDataType) -> Option<Found> {
    if shape.len() != strides.len() {
        return None;
    }
    let size = bytes_of(dtype)?;
    let mut sums = Sums { numel: 1, low: 0, high: 0 };
    let mut is_row_major = true;
    for axis in (0..shape.len()).rev() {
        // SAFETY: `axis` is within the shape.
        let extent = unsafe { *shape.get_unchecked(axis) };
        // SAFETY: `axis` is within the strides, of which there are as many.
        let stride = unsafe { *strides.get_unchecked(axis) };
        if extent > 1 {
            is_row_major &= stride == sums.numel;
            sums.add(extent, stride)?;
        } else if extent != 1 {
            return survey_empty(shape);
        }
    }
    sums.found(size, is_row_major)
}

/// As [`survey`], for elements of `size` bytes and those who want nothing but C order: their extents follow from the
/// element count. Shows each axis with its size and stride to `keep`, from the last one to the first.
#[inline(always)]
pub fn survey_row_major(
    shape: &[i64],
    strides: &[i64],
    size: i64,
    mut keep: impl FnMut(usize, i64, i64),
) -> Option<Found> {
    if shape.len() != strides.len() {
        return None;
    }
    let mut numel = 1_i64;
    let mut is_row_major = true;
    for axis in (0..shape.len()).rev() {
        // SAFETY: `axis` is within the shape.
        let extent = unsafe { *shape.get_unchecked(axis) };
        // SAFETY: `axis` is within the strides, of which there are as many.
        let stride = unsafe { *strides.get_unchecked(axis) };
        keep(axis, extent, stride);
        if extent < 0 {
            return None;
        }
        is_row_major &= extent == 1 || stride == numel;
        numel = numel.checked_mul(extent)?;
    }
    if numel == 0 {
        return survey_empty(shape);
    }
    let nbytes = numel.checked_mul(size)?;
    is_row_major.then_some(Found { numel, nbytes, low: 0, high: nbytes, row_major: 1 })
}

/// As [`survey`], for elements of `size` bytes and those who expect C order: as long as the strides are of that order, the extents follow from the
/// element count, and only from the first other stride on are they added up.
#[inline(always)]
pub fn survey_dense_first(shape: &[i64], strides: &[i64], size: i64) -> Option<Found> {
    if shape.len() != strides.len() {
        return None;
    }
    let mut numel = 1_i64;
    let mut end = shape.len();
    while end != 0 {
        // SAFETY: `end` is at least 1 and at most the number of sizes.
        let extent = unsafe { *shape.get_unchecked(end - 1) };
        // SAFETY: the same, for as many strides.
        let stride = unsafe { *strides.get_unchecked(end - 1) };
        if extent > 1 {
            if stride != numel {
                // SAFETY: the same.
                return unsafe { survey_strided(shape, strides, end, numel, size) };
            }
            numel = numel.checked_mul(extent)?;
        } else if extent != 1 {
            return survey_empty(shape);
        }
        end -= 1;
    }
    let nbytes = numel.checked_mul(size)?;
    Some(Found { numel, nbytes, low: 0, high: nbytes, row_major: 1 })
}

/// The axes before `end`; the others are row-major, of `numel` elements.
///
/// # Safety
///
/// There are as many strides as sizes, and at least `end`.
#[inline(always)]
unsafe fn survey_strided(
    shape: &[i64],
    strides: &[i64],
    end: usize,
    numel: i64,
    size: i64,
) -> Option<Found> {
    let mut sums = Sums { numel, low: 0, high: numel - 1 };
    for axis in (0..end).rev() {
        // SAFETY: the caller's promise.
        let extent = unsafe { *shape.get_unchecked(axis) };
        // SAFETY: the caller's promise.
        let stride = unsafe { *strides.get_unchecked(axis) };
        if extent > 1 {
            sums.add(extent, stride)?;
        } else if extent != 1 {
            return survey_empty(shape);
        }
    }
    sums.found(size, false)
}

/// What is added up axis by axis, in elements.
struct Sums {
    numel: i64,
    low: i64,
    high: i64,
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, extent: i64, stride: i64) -> Option<()> {
        self.numel = self.numel.checked_mul(extent)?;
        let step = (extent - 1).checked_mul(stride)?;
        if step < 0 {
            self.low = self.low.checked_add(step)?;
        } else {
            self.high = self.high.checked_add(step)?;
        }
        Some(())
    }

    /// The same in bytes.
    #[inline(always)]
    fn found(self, size: i64, is_row_major: bool) -> Option<Found> {
        let low = self.low.checked_mul(size)?;
        let high = self.high.checked_mul(size)?.checked_add(size)?;
        high.checked_sub(low)?;
        let nbytes = self.numel.checked_mul(size)?;
        Some(Found { numel: self.numel, nbytes, low, high, row_major: is_row_major.into() })
    }
}

/// An element's bytes. A dtype of no bits or no lanes is invalid; those that share bytes are another row's.
#[inline(always)]
pub fn bytes_of(dtype: DLDataType) -> Option<i64> {
    let bits = i64::from(dtype.bits) * i64::from(dtype.lanes);
    (bits != 0 && dtype.bits.is_multiple_of(8)).then_some(bits / 8)
}

/// A size of 0 makes all strides meaningless; a negative size is invalid wherever it stands, and so are other sizes
/// whose product does not fit.
#[cold]
#[inline(never)]
fn survey_empty(shape: &[i64]) -> Option<Found> {
    let mut product = 1_i64;
    for &extent in shape {
        if extent < 0 {
            return None;
        }
        product = product.checked_mul(extent.max(1))?;
    }
    Some(EMPTY)
}
