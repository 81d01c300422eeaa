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
    pub is_row_major: bool,
}

const EMPTY: Found = Found { numel: 0, nbytes: 0, low: 0, high: 0, is_row_major: true };

/// Checks a shape and strides of one length for elements of whole bytes; `None` for what the standard or the address
/// space rules out.
#[inline]
pub fn survey(shape: &[i64], strides: &[i64], dtype: DLDataType) -> Option<Found> {
    let size = bytes_of(dtype)?;
    let (mut numel, mut low, mut high) = (1_i64, 0_i64, 0_i64);
    let mut is_row_major = true;
    for (&extent, &stride) in shape.iter().zip(strides).rev() {
        if extent == 1 {
            continue;
        }
        if extent <= 0 {
            return survey_empty(shape);
        }
        is_row_major &= stride == numel;
        numel = numel.checked_mul(extent)?;
        let step = (extent - 1).checked_mul(stride)?;
        if step < 0 {
            low = low.checked_add(step)?;
        } else {
            high = high.checked_add(step)?;
        }
    }
    let low = low.checked_mul(size)?;
    let high = high.checked_mul(size)?.checked_add(size)?;
    high.checked_sub(low)?;
    Some(Found { numel, nbytes: numel.checked_mul(size)?, low, high, is_row_major })
}

/// An element's bytes. A dtype of no bits or no lanes is invalid; those that share bytes are another row's.
#[inline]
fn bytes_of(dtype: DLDataType) -> Option<i64> {
    let bits = i64::from(dtype.bits) * i64::from(dtype.lanes);
    (bits != 0 && dtype.bits.is_multiple_of(8)).then_some(bits / 8)
}

/// A size of 0 makes all strides meaningless; a negative size is invalid wherever it stands, and so are other sizes
/// whose product does not fit.
#[cold]
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
