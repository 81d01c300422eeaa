//! Storage for a shape and strides: in place for the ranks in use, on the heap above.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec::Vec};
use core::mem::MaybeUninit;
use core::slice;

use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::layout::Layout;

/// How many dimensions are held without a heap.
pub(crate) const INLINE: usize = 8;

#[cfg(feature = "alloc")]
pub(crate) const CAPACITY: usize = Layout::MAX_NDIM;
#[cfg(not(feature = "alloc"))]
pub(crate) const CAPACITY: usize = INLINE;

/// Numbers on the heap; without one, there are no values of this type.
#[cfg(feature = "alloc")]
type Heap<N> = Box<[N; 2 * CAPACITY]>;
#[cfg(not(feature = "alloc"))]
type Heap<N> = ([N; 0], core::convert::Infallible);

/// Room for a shape or for strides, written as far as there are axes.
pub(crate) type Room<N> = [MaybeUninit<N>; INLINE];

/// A shape and as many strides.
// In this order, for speed: if numbers separate the two rooms, a compiler copies each straight to where it goes.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Dims<N: Copy> {
    /// # Invariants
    ///
    /// 1. Without a heap, there are at most [`INLINE`] axes, and that many of `sizes` and of `steps` are initialised.
    /// 2. There are at most [`CAPACITY`] axes.
    sizes: Room<N>,
    rank: Rank<N>,
    steps: Room<N>,
}

/// How many axes there are, and a heap if they are too many for a [`Room`].
///
/// Apart from the room, so that a compiler sees that there is nothing to free where it sees how the room was filled.
#[derive(Clone)]
pub(crate) struct Rank<N> {
    ndim: usize,
    /// The shape from 0, the strides from the middle.
    heap: Option<Heap<N>>,
}

impl<N> Rank<N> {
    /// That of axes which need no heap.
    #[inline(always)]
    pub(crate) const fn of(ndim: usize) -> Self {
        Self { ndim, heap: None }
    }

    /// The shape and the strides, if they are on the heap.
    #[inline(always)]
    fn heap(&self) -> Option<(&[N], &[N])> {
        #[cfg(feature = "alloc")]
        return self.heap.as_deref().map(|both| both.split_at(CAPACITY));
        #[cfg(not(feature = "alloc"))]
        self.heap.as_ref().map(|&(_, none)| match none {})
    }

    #[inline(always)]
    fn heap_mut(&mut self) -> Option<(&mut [N], &mut [N])> {
        #[cfg(feature = "alloc")]
        return self.heap.as_deref_mut().map(|both| both.split_at_mut(CAPACITY));
        #[cfg(not(feature = "alloc"))]
        self.heap.as_ref().map(|&(_, none)| match none {})
    }
}

impl Dims<i64> {
    /// Returns the same numbers as the machine's own integers; strides that do not fit, and so address nothing, become 0.
    #[inline(always)]
    pub(crate) fn native(&self) -> Result<Dims<isize>, Error> {
        if size_of::<isize>() != size_of::<i64>() {
            return converted(self.shape(), self.strides());
        }
        // SAFETY: numbers of the same size, of which any may be uninitialised.
        let (sizes, steps) = unsafe {
            let native = |room: *const Room<i64>| room.cast::<Room<isize>>().read();
            (native(&raw const self.sizes), native(&raw const self.steps))
        };
        let rank = match self.rank.heap() {
            // Not the whole heap, which has room for more axes.
            Some(_) => converted(self.shape(), self.strides())?.into_parts().2,
            None => Rank::of(self.ndim()),
        };
        // SAFETY: the invariants of `self` and of what was converted.
        Ok(unsafe { Dims::from_parts(sizes, steps, rank) })
    }
}

#[inline(never)]
fn converted<N: Copy, M: Copy + Default + TryFrom<N>>(
    shape: &[N],
    strides: &[N],
) -> Result<Dims<M>, Error> {
    let mut dims = Dims::zeroed(shape.len())?;
    let (to_shape, to_strides) = dims.both_mut();
    for (to, &from) in to_shape.iter_mut().zip(shape) {
        *to = M::try_from(from).map_err(|_| Error::ShapeOverflow)?;
    }
    for (to, &from) in to_strides.iter_mut().zip(strides) {
        *to = M::try_from(from).unwrap_or_default();
    }
    Ok(dims)
}

impl<N: Copy> Dims<N> {
    /// # Safety
    ///
    /// The arguments must hold the invariants of [`Dims`].
    #[inline(always)]
    pub(crate) const unsafe fn from_parts(sizes: Room<N>, steps: Room<N>, rank: Rank<N>) -> Self {
        Self { sizes, steps, rank }
    }

    pub(crate) fn into_parts(self) -> (Room<N>, Room<N>, Rank<N>) {
        (self.sizes, self.steps, self.rank)
    }

    #[inline]
    pub(crate) const fn ndim(&self) -> usize {
        self.rank.ndim
    }

    #[inline]
    pub(crate) fn shape(&self) -> &[N] {
        let start = match self.rank.heap() {
            Some((shape, _)) => shape.as_ptr(),
            None => self.sizes.as_ptr().cast(),
        };
        // SAFETY: invariants 1 and 2.
        unsafe { slice::from_raw_parts(start, self.ndim()) }
    }

    #[inline]
    pub(crate) fn strides(&self) -> &[N] {
        let start = match self.rank.heap() {
            Some((_, strides)) => strides.as_ptr(),
            None => self.steps.as_ptr().cast(),
        };
        // SAFETY: invariants 1 and 2.
        unsafe { slice::from_raw_parts(start, self.ndim()) }
    }

    /// Returns the shape and the strides.
    #[inline]
    pub(crate) fn both_mut(&mut self) -> (&mut [N], &mut [N]) {
        let ndim = self.ndim();
        let (shape, strides) = match self.rank.heap_mut() {
            Some((shape, strides)) => (shape.as_mut_ptr(), strides.as_mut_ptr()),
            None => (self.sizes.as_mut_ptr().cast(), self.steps.as_mut_ptr().cast()),
        };
        // SAFETY: invariants 1 and 2; the two do not overlap.
        unsafe {
            (slice::from_raw_parts_mut(shape, ndim), slice::from_raw_parts_mut(strides, ndim))
        }
    }

    /// Takes out `axis`, which must exist.
    pub(crate) fn remove(&mut self, axis: usize) {
        let (shape, strides) = self.both_mut();
        shape.copy_within(axis + 1.., axis);
        strides.copy_within(axis + 1.., axis);
        self.rank.ndim -= 1;
    }

    /// Keeps the first `ndim` axes, which must exist.
    pub(crate) fn truncate(&mut self, ndim: usize) {
        self.rank.ndim = self.rank.ndim.min(ndim);
    }
}

impl<N: Copy + Default> Dims<N> {
    /// `ndim` zero sizes and zero strides.
    #[inline]
    pub(crate) fn zeroed(ndim: usize) -> Result<Self, Error> {
        let rank = if ndim > INLINE { Rank::zeroed(ndim)? } else { Rank::of(ndim) };
        let room = [MaybeUninit::new(N::default()); INLINE];
        Ok(Self { sizes: room, steps: room, rank })
    }

    /// A copy of a shape and of as many strides.
    #[inline]
    pub(crate) fn copied(shape: &[N], strides: &[N]) -> Result<Self, Error> {
        let ndim = shape.len().min(strides.len());
        let [mut sizes, mut steps] = [[MaybeUninit::uninit(); INLINE]; 2];
        let rank = if ndim > INLINE {
            Rank::copied(shape, strides)?
        } else {
            for (to, &from) in sizes.iter_mut().zip(&shape[..ndim]) {
                to.write(from);
            }
            for (to, &from) in steps.iter_mut().zip(&strides[..ndim]) {
                to.write(from);
            }
            Rank::of(ndim)
        };
        // SAFETY: as many sizes and strides have been written as there are axes.
        Ok(unsafe { Self::from_parts(sizes, steps, rank) })
    }
}

impl<N: Copy + Default> Rank<N> {
    /// With a heap of zero sizes and zero strides.
    #[cold]
    fn zeroed(ndim: usize) -> Result<Self, Error> {
        #[cfg(feature = "alloc")]
        if ndim <= CAPACITY {
            let mut both = Vec::new();
            both.try_reserve_exact(2 * CAPACITY).map_err(|_| Error::AllocationFailed)?;
            both.resize(2 * CAPACITY, N::default());
            // Of one length, so that a heap is one pointer. The conversion cannot fail.
            let both = both.into_boxed_slice().try_into().map_err(|_| Error::AllocationFailed)?;
            return Ok(Self { ndim, heap: Some(both) });
        }
        Err(Error::TooManyAxes { ndim, max: CAPACITY })
    }

    /// With a heap of these numbers.
    #[cold]
    fn copied(shape: &[N], strides: &[N]) -> Result<Self, Error> {
        let mut rank = Self::zeroed(shape.len())?;
        if let Some((sizes, steps)) = rank.heap_mut() {
            sizes[..shape.len()].copy_from_slice(shape);
            steps[..strides.len()].copy_from_slice(strides);
        }
        Ok(rank)
    }
}

impl Dims<isize> {
    /// Returns the same numbers as those of the C struct.
    pub(crate) fn wide(&self) -> Result<Dims<i64>, Error> {
        converted(self.shape(), self.strides())
    }

    /// Makes the strides row-major.
    pub(crate) fn fill_row_major(&mut self) {
        let (shape, strides) = self.both_mut();
        write_compact(shape, strides, 1);
    }

    /// Returns the same elements cut into `count` parts each: strides count parts, and the parts are the last axis.
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

/// Returns the same number; sizes of a tensor and indices into it are at most `isize::MAX`.
#[inline]
#[expect(clippy::cast_possible_wrap, reason = "callers pass sizes and indices, which fit")]
pub(crate) const fn signed(n: usize) -> isize {
    n as isize
}

/// The number of elements of a shape, as [`Layout::numel_of`](crate::layout::Layout::numel_of) has it: the product of the
/// non-zero sizes fits in `isize`.
#[inline]
pub(crate) fn numel(shape: &[usize]) -> Result<usize, Error> {
    let times = |n: isize, &size: &usize| n.checked_mul(isize::try_from(size).ok()?.max(1));
    let product = shape.iter().try_fold(1, times).ok_or(Error::ShapeOverflow)?.unsigned_abs();
    Ok(if shape.contains(&0) { 0 } else { product })
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
        write_compact(shape, &mut strides[..shape.len()], 1);
        Self { strides, ndim: shape.len() }
    }

    pub(crate) fn strides(&self) -> &[isize] {
        &self.strides[..self.ndim]
    }
}

/// Writes the strides of elements in row-major order that lie `step` apart.
#[inline]
pub(crate) fn write_compact(shape: &[isize], strides: &mut [isize], step: isize) {
    let mut next = step;
    for (&size, stride) in shape.iter().zip(strides).rev() {
        *stride = next;
        // Wraps only if there are no elements, and then strides mean nothing.
        next = next.wrapping_mul(size.max(1));
    }
}
