//! The walk over all rows of a strided tensor, a row being the elements of its last axis.

use core::ptr::NonNull;

use super::strided::Strided;
use crate::copy::advance;
use crate::dims::{Dims, signed};

/// One row: `len` elements, `stride` apart, from `start`.
pub(super) struct Row<T> {
    pub(super) start: NonNull<T>,
    pub(super) len: usize,
    pub(super) stride: isize,
}

impl<T> Row<T> {
    /// Returns the address of element `k`.
    ///
    /// # Safety
    ///
    /// `k` is less than `len`, and the tensor that the row is of is still there.
    #[inline]
    pub(super) unsafe fn at(&self, k: usize) -> NonNull<T> {
        // SAFETY: invariant 2 of `Strided`: `k` is within the row.
        unsafe { self.start.offset(signed(k).wrapping_mul(self.stride)) }
    }
}

/// Rows of one length, `pitch` apart: the elements of the last two axes.
pub(super) struct Rows<T> {
    pub(super) first: Row<T>,
    pub(super) count: usize,
    pitch: isize,
}

impl<T> Rows<T> {
    /// # Safety
    ///
    /// `i` is less than `count`, and the tensor that the rows are of is still there.
    #[inline]
    pub(super) unsafe fn row(&self, i: usize) -> Row<T> {
        // SAFETY: invariant 2 of `Strided`: `i` is within the rows.
        let start = unsafe { self.first.start.offset(signed(i).wrapping_mul(self.pitch)) };
        Row { start, ..self.first }
    }
}

/// Returns all rows of a tensor in logical order, as many together as two axes have.
#[inline(never)]
pub(super) fn all_rows<T>(mut tensor: Strided<T>) -> impl Iterator<Item = Rows<T>> {
    let (len, stride) = tensor.pop_axis();
    let (count, pitch) = tensor.pop_axis();
    let mut starts = Cursor::new(tensor);
    core::iter::from_fn(move || {
        let start = starts.next()?;
        Some(Rows { first: Row { start, len, stride }, count, pitch })
    })
}

/// A place in a strided tensor that moves through it in logical order.
pub(super) struct Cursor<T> {
    tensor: Strided<T>,
    /// The index of the element under the cursor, in the shape half.
    index: Dims<isize>,
    /// The offset of that element from the origin, in elements.
    offset: isize,
    /// How many elements are left, that one included.
    pub(super) left: usize,
}

impl<T> Cursor<T> {
    pub(super) fn new(tensor: Strided<T>) -> Self {
        let left = tensor.numel();
        let mut index = tensor.dims().clone();
        index.both_mut().0.fill(0);
        Self { tensor, index, offset: 0, left }
    }

    /// What is left of the row under the cursor; the cursor moves past it.
    pub(super) fn next_row(&mut self) -> Option<Row<T>> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: invariant 2 of `Strided`: `offset` is that of an index within the shape.
        let start = unsafe { self.tensor.origin().offset(self.offset) };
        let Some(last) = self.tensor.ndim().checked_sub(1) else {
            self.left = 0;
            return Some(Row { start, len: 1, stride: 0 });
        };
        let size = self.tensor.shape()[last];
        let stride = self.tensor.strides()[last];
        let begun = self.index.shape()[last].unsigned_abs();
        let len = size - begun;
        self.left -= len;
        if self.left != 0 {
            self.index.both_mut().0[last] = 0;
            self.offset = self.offset.wrapping_sub(signed(begun).wrapping_mul(stride));
            self.carry(last);
        }
        Some(Row { start, len, stride })
    }

    /// Returns the element under the cursor; the cursor moves to the next.
    #[inline]
    pub(super) fn next(&mut self) -> Option<NonNull<T>> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: invariant 2 of `Strided`: `offset` is that of an index within the shape.
        let element = unsafe { self.tensor.origin().offset(self.offset) };
        self.left -= 1;
        if self.left != 0 {
            self.carry(self.tensor.ndim());
        }
        Some(element)
    }

    /// Moves to the next index of the axes before `end`; there is one.
    #[inline]
    fn carry(&mut self, end: usize) {
        let (shape, strides) = (self.tensor.dims().shape(), self.tensor.strides());
        let mut offsets = [self.offset];
        advance(&shape[..end], [&strides[..end]], self.index.both_mut().0, &mut offsets);
        [self.offset] = offsets;
    }
}
