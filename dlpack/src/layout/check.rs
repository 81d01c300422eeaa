//! The check that every shape and all strides must pass before they are used.

use core::ops::{Range, RangeInclusive};

use super::element_size::span;
use super::fast_path::{self, reach};
use crate::error::Error;
use crate::vocabulary::{DataType, Element, assert_element};

/// A valid shape and strides: the number of elements, and where they lie.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Error, layout::Layout};
///
/// let layout = Layout::new(&[2, 3], &[3, 1], DataType::F64, false)?;
/// assert_eq!(layout.nbytes(), 48);
///
/// let huge = Layout::new(&[1 << 32, 1 << 32], &[1 << 32, 1], DataType::F64, false);
/// assert_eq!(huge.unwrap_err(), Error::ShapeOverflow);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) numel: usize,
    pub(super) nbytes: usize,
    pub(super) first: isize,
    pub(super) last: isize,
    pub(super) start: isize,
    pub(super) end: isize,
    pub(super) row_major: bool,
}

impl Layout {
    /// The most dimensions that a tensor may have.
    ///
    /// The standard sets no limit. This one is NumPy's, the largest in use, and bounds what is read of a foreign
    /// shape before anything of it is known. Without the feature `alloc`, tensors hold at most 8.
    pub const MAX_NDIM: usize = 64;

    /// Checks a shape and its strides (in elements) for elements of `dtype`.
    ///
    /// `padded` says that elements smaller than a byte take a byte each; see
    /// [`Flags::IS_SUBBYTE_TYPE_PADDED`](crate::Flags::IS_SUBBYTE_TYPE_PADDED).
    ///
    /// The verdict does not depend on the order of the axes. Strides of axes of size 1, and all strides of
    /// an empty tensor, may have any value.
    ///
    /// # Errors
    ///
    /// - [`Error::TooManyAxes`] above [`MAX_NDIM`](Self::MAX_NDIM) axes, [`Error::StridesLenMismatch`] if the slices differ in length.
    /// - [`Error::InvalidDType`] for a dtype that is not [valid](DataType::is_valid).
    /// - [`Error::NegativeSize`], also where another axis is empty.
    /// - [`Error::ShapeOverflow`] if the product of the non-zero sizes, or the bytes of that many elements of a
    ///   tensor that is not empty, exceeds `isize::MAX`.
    /// - [`Error::ExtentOverflow`] if the distance from the lowest to the highest byte exceeds `isize::MAX`, or the offset
    ///   of an element does not fit in `isize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Error, layout::Layout};
    ///
    /// let layout = Layout::new(&[0, 3], &[0, 0], DataType::U8, false)?;
    /// assert_eq!(layout.numel(), 0);
    ///
    /// let negative = Layout::new(&[0, -3], &[3, 1], DataType::U8, false);
    /// assert_eq!(negative.unwrap_err(), Error::NegativeSize { axis: 1, size: -3 });
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn new(
        shape: &[i64],
        strides: &[i64],
        dtype: DataType,
        padded: bool,
    ) -> Result<Self, Error> {
        if shape.len() <= Self::MAX_NDIM && shape.len() == strides.len() {
            if let Some(layout) = fast_path::layout(shape, strides, dtype) {
                return Ok(layout);
            }
        }
        Self::slow(shape, strides, dtype, padded)
    }

    /// The layout of a row-major tensor whose bytes are known to fit in memory.
    #[inline(always)]
    pub(crate) const fn dense(numel: usize, nbytes: usize) -> Self {
        let last = isize::from_ne_bytes(numel.to_ne_bytes()).wrapping_sub(1);
        let end = isize::from_ne_bytes(nbytes.to_ne_bytes());
        Self { numel, nbytes, first: 0, last, start: 0, end, row_major: true }
    }

    /// Checks a shape and its strides as Rust code has them, for elements of a Rust type.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), with [`Error::ShapeOverflow`] for sizes beyond `i64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// assert_eq!(Layout::of::<f32>(&[2, 3], &[-3, 1])?.byte_extents(), -12..12);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn of<T: Element>(shape: &[usize], strides: &[isize]) -> Result<Self, Error> {
        const { assert_element::<T>() };
        let [mut sizes, mut steps] = [[0; Self::MAX_NDIM]; 2];
        let (ndim, count) = (shape.len(), strides.len());
        let (Some(sizes), Some(steps)) = (sizes.get_mut(..ndim), steps.get_mut(..count)) else {
            return Err(Error::TooManyAxes { ndim: ndim.max(count), max: Self::MAX_NDIM });
        };
        for (to, &size) in sizes.iter_mut().zip(shape) {
            *to = i64::try_from(size).map_err(|_| Error::ShapeOverflow)?;
        }
        for (to, &stride) in steps.iter_mut().zip(strides) {
            *to = i64::try_from(stride).map_err(|_| Error::ExtentOverflow)?;
        }
        Self::new(sizes, steps, T::DTYPE, false)
    }

    /// Returns the number of elements of a shape: the product of its sizes.
    ///
    /// # Errors
    ///
    /// [`Error::NegativeSize`], or [`Error::ShapeOverflow`] if the product of the non-zero sizes exceeds `isize::MAX`.
    pub fn numel_of(shape: &[i64]) -> Result<usize, Error> {
        let mut product = Some(1_i64);
        let mut empty = false;
        for (axis, &size) in shape.iter().enumerate() {
            if size < 0 {
                return Err(Error::NegativeSize { axis, size });
            }
            if size == 0 {
                empty = true;
            } else {
                // Carried on after an overflow, so that a negative size further on is the one that is named.
                product = product.and_then(|p| p.checked_mul(size));
            }
        }
        let product = product.and_then(|p| isize::try_from(p).ok()).ok_or(Error::ShapeOverflow)?;
        Ok(if empty { 0 } else { product.unsigned_abs() })
    }

    /// Slow path: tensors without elements, dtypes narrower than a byte, and errors.
    #[cold]
    #[inline(never)]
    fn slow(shape: &[i64], strides: &[i64], dtype: DataType, padded: bool) -> Result<Self, Error> {
        if shape.len() > Self::MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: shape.len(), max: Self::MAX_NDIM });
        }
        if shape.len() != strides.len() {
            return Err(Error::StridesLenMismatch { expected: shape.len(), found: strides.len() });
        }
        if !dtype.is_valid() {
            return Err(Error::InvalidDType { found: dtype });
        }
        let numel = Self::numel_of(shape)?;
        if numel == 0 {
            return Ok(Self::dense(0, 0));
        }
        let (first, last) = reach(shape, strides).ok_or(Error::ExtentOverflow)?;
        let bits = isize::try_from(dtype.element_bits(padded)).ok();
        let span = bits.and_then(|bits| span(first, last, bits)).ok_or(Error::ExtentOverflow)?;
        let Range { start, end } = span;
        end.checked_sub(start).ok_or(Error::ExtentOverflow)?;
        let nbytes = dtype.nbytes(numel, padded).ok_or(Error::ShapeOverflow)?;
        let row_major = Self::is_c_contiguous(shape, strides);
        Ok(Self { numel, nbytes, first, last, start, end, row_major })
    }

    /// Returns the number of elements: 1 for a tensor without axes.
    #[inline]
    pub const fn numel(&self) -> usize {
        self.numel
    }

    /// Returns the number of bytes that the elements take side by side, gaps and overlaps aside.
    ///
    /// Packed elements smaller than a byte are rounded up once, at the end. (The formula in the C header rounds up
    /// for each element, which is wrong for packed ones.)
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, layout::Layout};
    ///
    /// let packed = Layout::new(&[5], &[1], DataType::F4_E2M1FN, false)?;
    /// let padded = Layout::new(&[5], &[1], DataType::F4_E2M1FN, true)?;
    /// assert_eq!((packed.nbytes(), padded.nbytes()), (3, 5));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn nbytes(&self) -> usize {
        self.nbytes
    }

    /// Returns the offsets, in elements, of the lowest and the highest element from the first one.
    ///
    /// Empty for a tensor without elements.
    #[inline]
    pub const fn extents(&self) -> RangeInclusive<isize> {
        self.first..=self.last
    }

    /// Returns the bytes that the elements cover, relative to the first byte of the first one.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, layout::Layout};
    ///
    /// let layout = Layout::new(&[2, 3], &[3, -1], DataType::F32, false)?;
    /// assert_eq!(layout.byte_extents(), -8..16);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const fn byte_extents(&self) -> Range<isize> {
        self.start..self.end
    }

    /// Checks that all elements lie within `available` bytes, of which number `first` begins the first element, and returns
    /// where they lie.
    pub(crate) fn within(&self, first: isize, available: usize) -> Result<Range<isize>, Error> {
        let (start, end) = (first.saturating_add(self.start), first.checked_add(self.end));
        match end {
            Some(end) if start >= 0 && end.unsigned_abs() <= available => Ok(start..end),
            _ => Err(Error::OutOfBounds { available, start, end: end.unwrap_or(isize::MAX) }),
        }
    }

    /// Returns `true` if the elements lie side by side in row-major (C) order.
    #[inline]
    pub const fn is_row_major(&self) -> bool {
        self.row_major
    }

    /// Returns `true` if as many places are covered as there are elements.
    ///
    /// Together with [`is_disjoint`](Self::is_disjoint) that means: dense, in some order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, layout::Layout};
    ///
    /// assert!(Layout::new(&[2, 3], &[1, -2], DataType::U8, false)?.covers_its_extents());
    /// assert!(!Layout::new(&[2, 3], &[4, 1], DataType::U8, false)?.covers_its_extents());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn covers_its_extents(&self) -> bool {
        let span = self.last.checked_sub(self.first).and_then(|n| n.checked_add(1));
        span.is_some_and(|span| usize::try_from(span) == Ok(self.numel))
    }
}
