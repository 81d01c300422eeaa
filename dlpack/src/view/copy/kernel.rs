//! The copy itself: rows where both sides run along the same axis, tiles where they do not.

use super::axes::{Axes, Axis};
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use super::registers::{Matrix, copy_matrix};
use super::tiles::copy_tiles;
use crate::dims::{CAPACITY, INLINE};
use crate::view::strided::signed;
use crate::view::view_element::sealed::Bits;

/// Larger elements fill a cache line by themselves and gain nothing from tiles.
const TILED_BYTES: usize = 16;
/// An axis must have this many elements for a tile to pay.
const TILED_SIZE: usize = 8;

/// Copies the elements of one strided tensor to another of the same shape; strides count elements.
///
/// # Safety
///
/// For each index within `shape`, the element at that index can be read at `from` and written at `to`, both
/// aligned; the two tensors do not overlap, and the three slices have one length of at most [`CAPACITY`].
pub(crate) unsafe fn copy_strided<T: Bits>(
    from: *const T,
    from_strides: &[isize],
    to: *mut T,
    to_strides: &[isize],
    shape: &[usize],
) {
    if shape.contains(&0) {
        return;
    }
    if shape.len() <= INLINE {
        let axes = Axes::<INLINE>::new(shape, from_strides, to_strides);
        // SAFETY: the caller's promise.
        unsafe { copy_axes(from, to, axes) }
    } else {
        let axes = Axes::<CAPACITY>::new(shape, from_strides, to_strides);
        // SAFETY: the caller's promise.
        unsafe { copy_axes(from, to, axes) }
    }
}

/// # Safety
///
/// As for [`copy_strided`].
unsafe fn copy_axes<T: Bits, const N: usize>(from: *const T, to: *mut T, mut axes: Axes<N>) {
    // SAFETY: the caller's promise: the offset is that of an element.
    let from = unsafe { from.offset(axes.from_start) };
    // SAFETY: the same.
    let to = unsafe { to.offset(axes.to_start) };
    if let Some(axis) = transposed(axes.as_slice()).filter(|_| size_of::<T>() <= TILED_BYTES) {
        axes.bring_to_last_but_one(axis);
        let nbytes =
            axes.as_slice().iter().map(|axis| axis.size).product::<usize>() * size_of::<T>();
        if let [outer @ .., slow, fast] = axes.as_slice() {
            let copy = |from, to| {
                // SAFETY: the caller's promise, for the places that the outer axes lead to.
                unsafe { copy_transposed(from, to, *slow, *fast, nbytes) }
            };
            // SAFETY: the caller's promise.
            unsafe { each::<T, N>(outer, from, to, copy) };
        }
    } else if let [outer @ .., row] = axes.as_slice() {
        let copy = |from, to| {
            // SAFETY: the caller's promise, for the places that the outer axes lead to.
            unsafe { copy_row(from, to, *row) }
        };
        // SAFETY: the caller's promise.
        unsafe { each::<T, N>(outer, from, to, copy) };
    } else {
        // SAFETY: the caller's promise: without axes there is one element.
        unsafe { copy_one(from, to) };
    }
}

/// The axis along which the source runs faster than along the last one, if tiles pay.
fn transposed(axes: &[Axis]) -> Option<usize> {
    let (last, outer) = axes.split_last()?;
    let (at, best) = outer.iter().enumerate().min_by_key(|(_, a)| a.from.unsigned_abs())?;
    let faster = best.from.unsigned_abs() < last.from.unsigned_abs() && best.from != 0;
    (faster && best.size >= TILED_SIZE && last.size >= TILED_SIZE).then_some(at)
}

/// Copies a matrix whose columns (`slow`) run fast at the source and whose rows (`fast`) run fast at the
/// destination, as part of a copy of `nbytes` bytes.
///
/// # Safety
///
/// As for [`copy_strided`], for two axes.
unsafe fn copy_transposed<T: Bits>(
    from: *const T,
    to: *mut T,
    slow: Axis,
    fast: Axis,
    nbytes: usize,
) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if T::INITIALISED && slow.from == 1 && fast.to == 1 {
        let matrix = Matrix {
            from,
            from_pitch: fast.from,
            to,
            to_pitch: slow.to,
            rows: slow.size,
            columns: fast.size,
        };
        // SAFETY: the caller's promise; the bytes of all elements are initialised.
        if unsafe { copy_matrix(&matrix, nbytes) } {
            return;
        }
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    let _ = nbytes;
    // SAFETY: the caller's promise.
    unsafe { copy_tiles(from, to, slow, fast) }
}

/// Calls `f` with the places on both sides that each index of `axes` leads to.
///
/// # Safety
///
/// Those places are within the two tensors.
unsafe fn each<T, const N: usize>(
    axes: &[Axis],
    from: *const T,
    to: *mut T,
    f: impl Fn(*const T, *mut T),
) {
    let mut index = [0; N];
    let (mut f_at, mut t_at) = (0_isize, 0_isize);
    loop {
        // SAFETY: the caller's promise.
        let from = unsafe { from.offset(f_at) };
        // SAFETY: the caller's promise.
        let to = unsafe { to.offset(t_at) };
        f(from, to);
        let mut moved = false;
        for (axis, k) in axes.iter().zip(&mut index).rev() {
            *k += 1;
            if *k < axis.size {
                f_at = f_at.wrapping_add(axis.from);
                t_at = t_at.wrapping_add(axis.to);
                moved = true;
                break;
            }
            *k = 0;
            let back = signed(axis.size - 1);
            f_at = f_at.wrapping_sub(back.wrapping_mul(axis.from));
            t_at = t_at.wrapping_sub(back.wrapping_mul(axis.to));
        }
        if !moved {
            return;
        }
    }
}

/// # Safety
///
/// As for [`copy_strided`], for one axis.
pub(super) unsafe fn copy_row<T: Copy>(from: *const T, to: *mut T, row: Axis) {
    if row.from == 1 && row.to == 1 {
        // SAFETY: the caller's promise; both rows lie side by side.
        return unsafe { from.copy_to_nonoverlapping(to, row.size) };
    }
    for k in 0..row.size {
        // SAFETY: the caller's promise: `k` is within the axis.
        let from = unsafe { from.offset(signed(k) * row.from) };
        // SAFETY: the same.
        let to = unsafe { to.offset(signed(k) * row.to) };
        // SAFETY: the same.
        unsafe { copy_one(from, to) };
    }
}

/// # Safety
///
/// `from` can be read, `to` can be written.
#[inline]
unsafe fn copy_one<T: Copy>(from: *const T, to: *mut T) {
    // SAFETY: the caller's promise.
    let element = unsafe { from.read() };
    // SAFETY: the caller's promise.
    unsafe { to.write(element) };
}
