//! What the standard and the documentation say about shapes, strides and dtypes, in 128 bits and without a care for speed.
//!
//! Nothing here calls the code that it judges.

use dlpack::{DataType, Error};

/// The most axes that a tensor may have.
pub const MAX_NDIM: usize = 64;

/// What is known of a valid layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of elements.
    pub numel: i128,
    /// The bytes that they take side by side.
    pub nbytes: i128,
    /// The offset of the lowest element.
    pub first: i128,
    /// The offset of the highest element.
    pub last: i128,
    /// The first byte of the lowest element.
    pub start: i128,
    /// The byte after the highest element.
    pub end: i128,
    /// Whether the elements lie side by side in row-major order.
    pub row_major: bool,
}

/// The bits from one element of a dtype to the next.
#[must_use]
pub fn element_bits(dtype: DataType, padded: bool) -> i128 {
    let (bits, lanes) = (i128::from(dtype.bits), i128::from(dtype.lanes));
    match bits {
        0..8 if padded => 8 * lanes,
        0..8 => bits * lanes,
        _ => (bits * lanes + 7) / 8 * 8,
    }
}

/// Whether a tensor may have this dtype.
#[must_use]
pub fn is_valid(dtype: DataType) -> bool {
    let width = match dtype.code.code() {
        15 | 16 => dtype.bits == 6,
        17 => dtype.bits == 4,
        _ => dtype.bits != 0,
    };
    width && dtype.lanes != 0
}

fn fits(number: i128) -> bool {
    i128::try_from(isize::MIN).unwrap() <= number && number <= i128::try_from(isize::MAX).unwrap()
}

/// Judges a shape and strides of one length.
///
/// # Errors
///
/// As the documentation of `Layout::new` has it.
pub fn judge(
    shape: &[i64],
    strides: &[i64],
    dtype: DataType,
    padded: bool,
) -> Result<Verdict, Error> {
    if shape.len() > MAX_NDIM {
        return Err(Error::TooManyAxes { ndim: shape.len(), max: MAX_NDIM });
    }
    if shape.len() != strides.len() {
        return Err(Error::StridesLenMismatch { expected: shape.len(), found: strides.len() });
    }
    if !is_valid(dtype) {
        return Err(Error::InvalidDType { found: dtype });
    }
    let numel = numel(shape)?;
    if numel == 0 {
        return Ok(Verdict {
            numel: 0,
            nbytes: 0,
            first: 0,
            last: -1,
            start: 0,
            end: 0,
            row_major: true,
        });
    }
    let (mut first, mut last) = (0_i128, 0_i128);
    for (&size, &stride) in shape.iter().zip(strides) {
        // At most 2^126, and at most 64 of them: checked, since that is more than there is.
        let reach = i128::from(size - 1) * i128::from(stride);
        let side = if reach < 0 { &mut first } else { &mut last };
        *side = side.checked_add(reach).ok_or(Error::ExtentOverflow)?;
    }
    if !fits(first) || !fits(last) {
        return Err(Error::ExtentOverflow);
    }
    let bits = element_bits(dtype, padded);
    let start = (first * bits).div_euclid(8);
    let end = -(-(last + 1) * bits).div_euclid(8);
    if !fits(start) || !fits(end) || !fits(end - start) {
        return Err(Error::ExtentOverflow);
    }
    let nbytes = -(-numel * bits).div_euclid(8);
    if !fits(nbytes) {
        return Err(Error::ShapeOverflow);
    }
    let row_major = is_compact(shape, strides, shape.len(), |n| shape.len() - 1 - n);
    Ok(Verdict { numel, nbytes, first, last, start, end, row_major })
}

/// The product of the sizes.
///
/// # Errors
///
/// As the documentation of `Layout::numel_of` has it.
pub fn numel(shape: &[i64]) -> Result<i128, Error> {
    if let Some(axis) = shape.iter().position(|&size| size < 0) {
        return Err(Error::NegativeSize { axis, size: shape[axis] });
    }
    let mut product = 1_i128;
    for &size in shape.iter().filter(|&&size| size != 0) {
        product = product.checked_mul(size.into()).ok_or(Error::ShapeOverflow)?;
        if !fits(product) {
            return Err(Error::ShapeOverflow);
        }
    }
    Ok(if shape.contains(&0) { 0 } else { product })
}

/// Whether the axes lie one inside the other without gaps, where axis `order(0)` is the innermost one.
pub fn is_compact(
    shape: &[i64],
    strides: &[i64],
    ndim: usize,
    order: impl Fn(usize) -> usize,
) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let mut expected = 1_i128;
    for axis in (0..ndim).map(order) {
        if shape[axis] != 1 {
            if expected != i128::from(strides[axis]) {
                return false;
            }
            match expected.checked_mul(shape[axis].into()) {
                Some(next) => expected = next,
                None => expected = i128::MAX,
            }
        }
    }
    true
}

/// The offset of each element, in row-major order of the indices. For shapes of few elements.
#[must_use]
pub fn offsets(shape: &[i64], strides: &[i64]) -> Vec<i128> {
    let mut offsets = vec![0_i128];
    for (&size, &stride) in shape.iter().zip(strides) {
        let steps: Vec<i128> = (0..size).map(|n| i128::from(n) * i128::from(stride)).collect();
        offsets = offsets.iter().flat_map(|base| steps.iter().map(move |n| base + n)).collect();
    }
    offsets
}

/// The row-major strides, as large as they are.
#[must_use]
pub fn row_major(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![0; shape.len()];
    write_row_major(shape, &mut strides);
    strides
}

/// Writes the row-major strides, the largest number where they are larger.
pub fn write_row_major(shape: &[i64], strides: &mut [i64]) {
    let mut next = 1_i128;
    for (stride, &size) in strides.iter_mut().zip(shape).rev() {
        *stride = i64::try_from(next).unwrap_or(i64::MAX);
        next = next.saturating_mul(i128::from(size.max(1)));
    }
}

/// Whether the axes nest, from the smallest stride to the largest, so that no two indices meet.
#[must_use]
pub fn nests(shape: &[i64], strides: &[i64]) -> bool {
    if shape.len() != strides.len() || shape.iter().any(|&size| size < 0) {
        return false;
    }
    if shape.contains(&0) {
        return true;
    }
    // Axes beyond those of any tensor are judged, too.
    let (mut axes, mut count) = ([(0_u128, 0_u128); 100], 0);
    for (&size, &stride) in shape.iter().zip(strides).filter(|&(&size, _)| size > 1) {
        axes[count] = (stride.unsigned_abs().into(), size.unsigned_abs().into());
        count += 1;
    }
    axes[..count].sort_unstable();
    let mut reach = 0_u128;
    for &(stride, size) in &axes[..count] {
        if stride <= reach {
            return false;
        }
        reach += (size - 1) * stride;
        if reach > u64::MAX.into() {
            return false;
        }
    }
    true
}
