//! Copies between strided tensors: row by row where both run along the same axis, in tiles where they do not.

mod axes;
mod matrix;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod simd;
mod tiles;

use crate::dims::{CAPACITY, INLINE, signed};
pub(crate) use axes::{Axes, advance};
use matrix::Matrix;
use tiles::{copy_strided_tiles, copy_tiles};

/// Larger elements fill a cache line by themselves and gain nothing from tiles.
const TILED_BYTES: usize = 16;
/// An axis must have this many elements for a tile to pay.
const TILED_SIZE: usize = 8;

/// One axis of a copy: its size, and the strides on either side.
#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    from: isize,
    to: isize,
}

/// The axes of one copy, in the order in which it walks them: the one that runs fastest at the destination is last.
struct Plan<'r> {
    /// The strides at the destination, then those at the source.
    axes: Axes<'r, 2>,
    index: &'r mut [isize],
    /// The offsets of the first element to copy, at the destination and at the source.
    first: [isize; 2],
}

/// Copies the elements of one strided tensor to another of the same shape; strides count elements.
///
/// If the elements are `INITIALISED`, vector instructions are used, which load numbers; otherwise bytes are moved as they are.
///
/// # Safety
///
/// 1. For each index within `shape`, the element at that index can be read at `from` and written at `to`, both aligned.
/// 2. The two tensors do not overlap.
/// 3. The three slices have one length, of at most [`CAPACITY`].
/// 4. If `INITIALISED`, all bytes of the elements are initialised.
pub(crate) unsafe fn copy_strided<T: Copy, const INITIALISED: bool>(
    from: *const T,
    from_strides: &[isize],
    to: *mut T,
    to_strides: &[isize],
    shape: &[usize],
) {
    if shape.contains(&0) {
        return;
    }
    let (mut small, mut large);
    let room: &mut [isize] = if shape.len() <= INLINE {
        small = [0; 4 * INLINE];
        &mut small
    } else {
        large = [0; 4 * CAPACITY];
        &mut large
    };
    let mut plan = Plan::new(room, shape, from_strides, to_strides);
    // SAFETY: clause 1: these are the offsets of elements.
    let (from, to) = unsafe { (from.offset(plan.first[1]), to.offset(plan.first[0])) };
    let Some(last) = plan.axes.shape.len().checked_sub(1) else {
        // SAFETY: clause 1: without axes there is one element.
        return unsafe { to.write(from.read()) };
    };
    let fast = plan.axis(last);
    let slow = plan.transposed().filter(|_| const { size_of::<T>() <= TILED_BYTES });
    let outer = last - usize::from(slow.is_some());
    let nbytes = plan.axes.shape.iter().product::<isize>().unsigned_abs() * size_of::<T>();
    let slow = slow.map(|axis| {
        let slow = plan.axis(axis);
        plan.axes.bring_to_end(axis);
        slow
    });
    let mut offsets = [0; 2];
    loop {
        // SAFETY: clauses 1, 2 and 4, for the places that the outer axes lead to.
        unsafe {
            let (from, to) = (from.offset(offsets[1]), to.offset(offsets[0]));
            match slow {
                Some(slow) => copy_transposed::<T, INITIALISED>(from, to, slow, fast, nbytes),
                None => copy_row(from, to, fast),
            }
        }
        if !plan.advance(outer, &mut offsets) {
            return;
        }
    }
}

impl<'r> Plan<'r> {
    /// `room` is for at least four numbers an axis, none of which is empty.
    fn new(room: &'r mut [isize], shape: &[usize], from: &[isize], to: &[isize]) -> Self {
        let ndim = shape.len();
        let (sizes, room) = room.split_at_mut(ndim);
        let (to_strides, room) = room.split_at_mut(ndim);
        let (from_strides, index) = room.split_at_mut(ndim);
        sizes.copy_from_slice(bytemuck::cast_slice(shape));
        to_strides.copy_from_slice(to);
        from_strides.copy_from_slice(from);
        let mut axes = Axes { shape: sizes, strides: [to_strides, from_strides] };
        let first = axes.flip_negative();
        axes.sort();
        axes.merge();
        Self { axes, index, first }
    }

    fn axis(&self, axis: usize) -> Axis {
        let [to, from] = &self.axes.strides;
        Axis { size: self.axes.shape[axis].unsigned_abs(), from: from[axis], to: to[axis] }
    }

    /// The axis along which the source runs faster than along the last one, if tiles pay.
    fn transposed(&self) -> Option<usize> {
        let [_, from] = &self.axes.strides;
        let (&last, outer) = from.split_last()?;
        let (axis, &best) = outer.iter().enumerate().min_by_key(|&(_, k)| k.unsigned_abs())?;
        let faster = best.unsigned_abs() < last.unsigned_abs() && best != 0;
        let pays = |axis| self.axis(axis).size >= TILED_SIZE;
        (faster && pays(axis) && pays(outer.len())).then_some(axis)
    }

    /// Moves the offsets on both sides to those of the next index of the first `ndim` axes, as [`advance`] does.
    #[inline(never)]
    fn advance(&mut self, ndim: usize, offsets: &mut [isize; 2]) -> bool {
        let [to, from] = &self.axes.strides;
        advance(&self.axes.shape[..ndim], [&to[..ndim], &from[..ndim]], self.index, offsets)
    }
}

/// Copies a matrix whose columns (`slow`) run fast at the source and whose rows (`fast`) run fast at the
/// destination, as part of a copy of `nbytes` bytes.
///
/// # Safety
///
/// As for [`copy_strided`], for two axes.
unsafe fn copy_transposed<T: Copy, const INITIALISED: bool>(
    from: *const T,
    to: *mut T,
    slow: Axis,
    fast: Axis,
    nbytes: usize,
) {
    if slow.from != 1 || fast.to != 1 {
        // SAFETY: clauses 1 to 4 of `copy_strided` hold for this part of the copy.
        return unsafe { copy_strided_tiles(from, to, slow, fast) };
    }
    let (rows, columns) = (slow.size, fast.size);
    let matrix = Matrix { from, from_pitch: fast.from, to, to_pitch: slow.to, rows, columns };
    // Only one of the two is compiled.
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if const { INITIALISED && simd::has_pattern::<T>() } {
        // SAFETY: clauses 1 to 4 of `copy_strided` hold for this part of the copy.
        return unsafe { simd::copy_matrix(&matrix, nbytes) };
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    let _ = nbytes;
    // SAFETY: clauses 1 to 4 of `copy_strided` hold for this part of the copy.
    unsafe { copy_tiles(&matrix) }
}

/// # Safety
///
/// As for [`copy_strided`], for one axis.
unsafe fn copy_row<T: Copy>(from: *const T, to: *mut T, row: Axis) {
    if row.from == 1 && row.to == 1 {
        // SAFETY: clauses 1 and 2; the elements of both rows lie side by side.
        return unsafe { from.copy_to_nonoverlapping(to, row.size) };
    }
    for k in 0..row.size {
        // SAFETY: clause 1: `k` is within the axis.
        unsafe { to.offset(signed(k) * row.to).write(from.offset(signed(k) * row.from).read()) };
    }
}
