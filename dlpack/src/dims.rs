//! Storage for a shape and strides: in place for the ranks in use, on the heap above.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::layout::MAX_NDIM;

/// How many dimensions are held without a heap.
pub(crate) const INLINE: usize = 8;

#[cfg(feature = "alloc")]
pub(crate) const CAPACITY: usize = MAX_NDIM;
#[cfg(not(feature = "alloc"))]
pub(crate) const CAPACITY: usize = INLINE;

/// A shape and as many strides.
#[derive(Clone, Debug)]
pub(crate) struct Dims<N> {
    ndim: usize,
    store: Store<N>,
}

#[derive(Clone, Debug)]
enum Store<N> {
    /// The shape from 0, the strides from [`INLINE`].
    Inline([N; 2 * INLINE]),
    /// The shape from 0, the strides from the middle.
    #[cfg(feature = "alloc")]
    Heap(Box<[N]>),
}

impl Dims<i64> {
    /// No axes.
    pub(crate) const EMPTY: Self = Self { ndim: 0, store: Store::Inline([0; 2 * INLINE]) };
}

impl<N: Copy + Default> Dims<N> {
    /// Sets the number of axes; what their sizes and strides are is left open.
    #[inline]
    pub(crate) fn resize(&mut self, ndim: usize) -> Result<(), Error> {
        if ndim > INLINE {
            *self = Self::spilled(ndim)?;
        }
        self.ndim = ndim;
        Ok(())
    }

    /// `ndim` zero sizes and zero strides.
    #[inline]
    pub(crate) fn zeroed(ndim: usize) -> Result<Self, Error> {
        if ndim <= INLINE {
            return Ok(Self { ndim, store: Store::Inline([N::default(); 2 * INLINE]) });
        }
        Self::spilled(ndim)
    }

    #[cfg(feature = "alloc")]
    #[cold]
    fn spilled(ndim: usize) -> Result<Self, Error> {
        if ndim > CAPACITY {
            return Err(Error::TooManyDims { ndim, max: CAPACITY });
        }
        let mut both = Vec::new();
        both.try_reserve_exact(2 * ndim).map_err(|_| Error::AllocationFailed)?;
        both.resize(2 * ndim, N::default());
        Ok(Self { ndim, store: Store::Heap(both.into_boxed_slice()) })
    }

    #[cfg(not(feature = "alloc"))]
    #[cold]
    fn spilled(ndim: usize) -> Result<Self, Error> {
        Err(Error::TooManyDims { ndim, max: CAPACITY })
    }

    #[inline]
    pub(crate) const fn ndim(&self) -> usize {
        self.ndim
    }

    #[inline]
    pub(crate) fn shape(&self) -> &[N] {
        match &self.store {
            Store::Inline(both) => &both[..self.ndim],
            #[cfg(feature = "alloc")]
            Store::Heap(both) => &both[..self.ndim],
        }
    }

    #[inline]
    pub(crate) fn strides(&self) -> &[N] {
        match &self.store {
            Store::Inline(both) => &both[INLINE..INLINE + self.ndim],
            #[cfg(feature = "alloc")]
            Store::Heap(both) => &both[both.len() / 2..both.len() / 2 + self.ndim],
        }
    }

    /// The shape and the strides.
    #[inline]
    pub(crate) fn both_mut(&mut self) -> (&mut [N], &mut [N]) {
        match &mut self.store {
            Store::Inline(both) => {
                let (shape, strides) = both.split_at_mut(INLINE);
                (&mut shape[..self.ndim], &mut strides[..self.ndim])
            }
            #[cfg(feature = "alloc")]
            Store::Heap(both) => {
                let (shape, strides) = both.split_at_mut(both.len() / 2);
                (&mut shape[..self.ndim], &mut strides[..self.ndim])
            }
        }
    }

    /// Takes out `axis`, which must exist.
    pub(crate) fn remove(&mut self, axis: usize) {
        let (shape, strides) = self.both_mut();
        shape.copy_within(axis + 1.., axis);
        strides.copy_within(axis + 1.., axis);
        self.ndim -= 1;
    }

    /// Keeps the first `ndim` axes, which must exist.
    pub(crate) fn truncate(&mut self, ndim: usize) {
        debug_assert!(ndim <= self.ndim);
        self.ndim = self.ndim.min(ndim);
    }
}

impl Dims<isize> {
    /// Makes the strides row-major.
    pub(crate) fn fill_row_major(&mut self) {
        let (shape, strides) = self.both_mut();
        write_row_major(shape, strides);
    }

    /// The same elements cut into `count` parts each: strides count parts, and the parts are the last axis.
    ///
    /// Leaves out what addresses nothing, so that there is room for that axis: of 64 axes, some have size 1 or 0. The
    /// extents of the parts must fit in `isize`.
    pub(crate) fn in_parts(&self, count: isize) -> Result<Self, Error> {
        if self.shape().contains(&0) {
            return Self::zeroed(1);
        }
        let whole = || self.shape().iter().zip(self.strides()).filter(|&(&size, _)| size != 1);
        let last = whole().count();
        let mut dims = Self::zeroed(last + usize::from(count != 1))?;
        let (shape, strides) = dims.both_mut();
        for ((&size, &stride), (part_size, part_stride)) in
            whole().zip(shape.iter_mut().zip(&mut *strides))
        {
            *part_size = size;
            // Cannot overflow: the extents fit, and there is an element one stride away.
            *part_stride = stride.wrapping_mul(count);
        }
        if count != 1 {
            shape[last] = count;
            strides[last] = 1;
        }
        Ok(dims)
    }
}

/// The row-major strides of a shape, without a heap.
pub(crate) struct RowMajor {
    strides: [isize; CAPACITY],
    ndim: usize,
}

impl RowMajor {
    /// Those of a shape that a tensor has.
    pub(crate) fn of(shape: &[isize]) -> Self {
        let mut strides = [0; CAPACITY];
        write_row_major(shape, &mut strides[..shape.len()]);
        Self { strides, ndim: shape.len() }
    }

    pub(crate) fn strides(&self) -> &[isize] {
        &self.strides[..self.ndim]
    }
}

fn write_row_major(shape: &[isize], strides: &mut [isize]) {
    let mut next = 1_isize;
    for (&size, stride) in shape.iter().zip(strides).rev() {
        *stride = next;
        // Wraps only if there are no elements, and then strides mean nothing.
        next = next.wrapping_mul(size.max(1));
    }
}
