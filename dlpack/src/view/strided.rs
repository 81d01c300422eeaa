//! A pointer with a shape and strides: what every view is made of.
//!
//! The functions here pick, reorder or renumber elements and never name one that was not there before, so
//! that the invariants of [`Strided`] carry over by themselves. Nothing here reads or writes an element.

use core::ops::{Bound, RangeBounds};
use core::ptr::NonNull;

use super::reshape;
use crate::copy::Axes;
use crate::dims::{CAPACITY, Dims, numel, signed};
use crate::error::Error;
use crate::layout::Layout;

pub(crate) struct Strided<T> {
    /// # Invariants
    ///
    /// 1. Sizes are at least 0, their product is `numel`, and `numel` elements take at most `isize::MAX` bytes.
    /// 2. If `numel` is not 0, then for each index `k` within the shape, `origin + Σ k[i]·strides[i]` elements
    ///    is the aligned address of a `T` in one live allocation, and neither a partial sum nor its size in
    ///    bytes overflows.
    /// 3. If `numel` is 0, `origin` is aligned and never followed.
    origin: NonNull<T>,
    dims: Dims<isize>,
    numel: usize,
}

impl<T> Strided<T> {
    /// # Safety
    ///
    /// The arguments must hold the invariants of [`Strided`].
    #[inline]
    pub(crate) const unsafe fn new_unchecked(
        origin: NonNull<T>,
        dims: Dims<isize>,
        numel: usize,
    ) -> Self {
        Self { origin, dims, numel }
    }

    #[inline]
    pub(crate) const fn origin(&self) -> NonNull<T> {
        self.origin
    }

    #[inline]
    pub(crate) const fn numel(&self) -> usize {
        self.numel
    }

    #[inline]
    pub(crate) const fn ndim(&self) -> usize {
        self.dims.ndim()
    }

    #[inline]
    pub(crate) fn shape(&self) -> &[usize] {
        bytemuck::cast_slice(self.dims.shape())
    }

    #[inline]
    pub(crate) fn strides(&self) -> &[isize] {
        self.dims.strides()
    }

    #[inline]
    pub(crate) const fn dims(&self) -> &Dims<isize> {
        &self.dims
    }

    /// Returns the address of an element, or `None` if there is none with this index.
    #[inline]
    pub(crate) fn element(&self, index: &[usize]) -> Option<NonNull<T>> {
        if index.len() != self.ndim() || self.numel == 0 {
            return None;
        }
        let mut offset = 0_isize;
        for ((&k, &size), &stride) in index.iter().zip(self.shape()).zip(self.strides()) {
            if k >= size {
                return None;
            }
            // Cannot overflow: invariant 2, since each index so far is within its axis.
            offset = offset.wrapping_add(signed(k).wrapping_mul(stride));
        }
        // SAFETY: invariant 2: the index is within the shape and the tensor is not empty.
        Some(unsafe { self.origin.offset(offset) })
    }

    /// Returns the elements, if they lie side by side in row-major order.
    pub(crate) fn row_major(&self) -> Result<NonNull<[T]>, Error> {
        let compact = self.numel == 0 || is_compact(self.shape(), self.strides());
        let elements = NonNull::slice_from_raw_parts(self.origin, self.numel);
        if compact { Ok(elements) } else { Err(Error::NotContiguous) }
    }

    /// Returns the elements in the order of memory, if they lie side by side in any order.
    pub(crate) fn dense(&self) -> Result<NonNull<[T]>, Error> {
        self.clone().into_memory_order().row_major()
    }

    /// Returns whether no two indices can name the same element.
    pub(crate) fn is_disjoint(&self) -> Result<bool, Error> {
        let dims = self.dims.wide()?;
        Ok(Layout::is_disjoint(dims.shape(), dims.strides()))
    }

    fn axis(&self, axis: usize) -> Result<(usize, isize), Error> {
        match (self.shape().get(axis), self.strides().get(axis)) {
            (Some(&size), Some(&stride)) => Ok((size, stride)),
            _ => Err(Error::AxisOutOfRange { axis, ndim: self.ndim() }),
        }
    }

    /// Sets one axis; `size` must not exceed the one before.
    fn set_axis(&mut self, axis: usize, size: usize, stride: isize) {
        let (sizes, strides) = self.dims.both_mut();
        sizes[axis] = signed(size);
        strides[axis] = stride;
        self.numel = product(self.shape());
    }

    /// Moves the origin along an axis; does nothing once no element is left.
    fn advance(&mut self, stride: isize, count: usize) {
        if self.numel == 0 {
            return;
        }
        let offset = signed(count).wrapping_mul(stride);
        // SAFETY: invariant 2: the caller names an element that is there.
        self.origin = unsafe { self.origin.offset(offset) };
    }

    pub(crate) fn slice<R>(&mut self, axis: usize, range: R) -> Result<(), Error>
    where
        R: RangeBounds<usize>,
    {
        let (size, stride) = self.axis(axis)?;
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => size,
        };
        if end > size || start > end {
            return Err(Error::RangeOutOfBounds { start, end, size });
        }
        self.set_axis(axis, end - start, stride);
        self.advance(stride, start);
        Ok(())
    }

    pub(crate) fn step_by(&mut self, axis: usize, step: usize) -> Result<(), Error> {
        let (size, stride) = self.axis(axis)?;
        if step == 0 {
            return Err(Error::ZeroStep);
        }
        let size = size.div_ceil(step);
        // A product that does not fit belongs to an axis of at most one element, where strides mean nothing.
        let step = isize::try_from(step).ok().and_then(|n| stride.checked_mul(n));
        self.set_axis(axis, size, step.unwrap_or(0));
        Ok(())
    }

    pub(crate) fn flip(&mut self, axis: usize) -> Result<(), Error> {
        let (size, stride) = self.axis(axis)?;
        self.advance(stride, size.saturating_sub(1));
        self.set_axis(axis, size, stride.wrapping_neg());
        Ok(())
    }

    pub(crate) fn select(&mut self, axis: usize, index: usize) -> Result<(), Error> {
        let (size, _) = self.axis(axis)?;
        if index >= size {
            return Err(Error::IndexOutOfRange { axis, index, size });
        }
        self.slice(axis, index..=index)?;
        self.dims.remove(axis);
        Ok(())
    }

    /// Removes the last axis, at its first index, and returns its size and stride: 1 and 0 if there is none.
    ///
    /// A tensor without elements stays so.
    pub(crate) fn pop_axis(&mut self) -> (usize, isize) {
        let Some(last) = self.ndim().checked_sub(1) else {
            return (1, 0);
        };
        let axis = (self.shape()[last], self.strides()[last]);
        self.dims.truncate(last);
        if self.numel != 0 {
            self.numel = product(self.shape());
        }
        axis
    }

    pub(crate) fn insert_axis(&mut self, axis: usize) -> Result<(), Error> {
        let ndim = self.ndim();
        if axis > ndim {
            return Err(Error::InsertOutOfRange { axis, ndim });
        }
        let mut dims = Dims::zeroed(ndim + 1)?;
        let (shape, strides) = dims.both_mut();
        shape[..ndim].copy_from_slice(self.dims.shape());
        strides[..ndim].copy_from_slice(self.dims.strides());
        shape[ndim] = 1;
        shape[axis..].rotate_right(1);
        strides[axis..].rotate_right(1);
        self.dims = dims;
        Ok(())
    }

    pub(crate) fn permute(&mut self, axes: &[usize]) -> Result<(), Error> {
        let ndim = self.ndim();
        if axes.len() != ndim {
            return Err(Error::NdimMismatch { expected: ndim, found: axes.len() });
        }
        let mut seen = [false; CAPACITY];
        for &axis in axes {
            if axis >= ndim {
                return Err(Error::AxisOutOfRange { axis, ndim });
            }
            if core::mem::replace(&mut seen[axis], true) {
                return Err(Error::RepeatedAxis { axis });
            }
        }
        let before = self.dims.clone();
        let (shape, strides) = self.dims.both_mut();
        for (to, &from) in axes.iter().enumerate() {
            shape[to] = before.shape()[from];
            strides[to] = before.strides()[from];
        }
        Ok(())
    }

    pub(crate) fn transpose(&mut self) {
        let (shape, strides) = self.dims.both_mut();
        shape.reverse();
        strides.reverse();
    }

    pub(crate) fn reshape(&mut self, shape: &[usize]) -> Result<(), Error> {
        let found = numel(shape)?;
        if found != self.numel {
            return Err(Error::LenMismatch { expected: self.numel, found });
        }
        let mut dims = Dims::zeroed(shape.len())?;
        let (sizes, strides) = dims.both_mut();
        sizes.copy_from_slice(bytemuck::cast_slice(shape));
        if self.numel != 0 {
            reshape::strides(self.dims.shape(), self.dims.strides(), sizes, strides)?;
        }
        self.dims = dims;
        Ok(())
    }

    /// Two parts of one axis: before `at`, and from `at` on.
    pub(crate) fn split_at(mut self, axis: usize, at: usize) -> Result<(Self, Self), Error> {
        let mut head = self.clone();
        head.slice(axis, ..at)?;
        self.slice(axis, at..)?;
        Ok((head, self))
    }

    /// Returns the same elements in the order of their addresses, with as few axes as possible.
    ///
    /// Axes along which the address stays the same come first. If overlapping elements allow several orders, one is picked.
    pub(crate) fn into_memory_order(mut self) -> Self {
        if self.numel == 0 {
            return self;
        }
        let (shape, strides) = self.dims.both_mut();
        let mut axes = Axes { shape, strides: [strides] };
        let [offset] = axes.flip_negative();
        axes.sort();
        let ndim = axes.merge();
        self.dims.truncate(ndim);
        // SAFETY: invariant 2: this is the address of an element.
        self.origin = unsafe { self.origin.offset(offset) };
        self
    }

    /// Returns the same elements in the same order, with as few axes as possible.
    pub(crate) fn into_fewest_axes(mut self) -> Self {
        if self.numel != 0 {
            let (shape, strides) = self.dims.both_mut();
            let ndim = Axes { shape, strides: [strides] }.merge();
            self.dims.truncate(ndim);
        }
        self
    }
}

impl<T> Clone for Strided<T> {
    fn clone(&self) -> Self {
        Self { origin: self.origin, dims: self.dims.clone(), numel: self.numel }
    }
}

fn product(shape: &[usize]) -> usize {
    // Cannot overflow unless a size is 0, and then the result is 0.
    if shape.contains(&0) { 0 } else { shape.iter().product() }
}

fn is_compact(shape: &[usize], strides: &[isize]) -> bool {
    let mut expected = 1_isize;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size == 1 {
            continue;
        }
        if stride != expected {
            return false;
        }
        // Cannot overflow: a compact tensor has `numel` elements in its extents.
        expected = expected.wrapping_mul(signed(size));
    }
    true
}
