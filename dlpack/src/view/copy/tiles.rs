//! Copies of matrices that run along one axis at the source and along the other at the destination.
//!
//! A copy that walks one side in order jumps through the other, and where the jumps are a power of two apart all
//! of them fall into the same few sets of the cache. Tiles bring whole cache lines in, turn them in a buffer that
//! stays in the first-level cache, and write whole lines out. Tiles are taken block by block, so that the pages
//! of a block stay known to the processor while all of its tiles are copied.

use core::mem::MaybeUninit;

use super::axes::Axis;
use super::kernel::copy_row;
use crate::view::strided::signed;

/// The elements on a side of the squares that are turned in registers.
const SQUARE: usize = 4;
/// The elements on a side of a block of tiles.
const BLOCK: usize = 256;

/// Copies a matrix whose columns (`slow`) run fast at the source and whose rows (`fast`) run fast at the
/// destination.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided), for two axes.
pub(super) unsafe fn copy_tiles<T: Copy>(from: *const T, to: *mut T, slow: Axis, fast: Axis) {
    if size_of::<T>() <= 2 {
        // SAFETY: the caller's promise.
        unsafe { copy_blocks(from, to, slow, fast, &mut [[MaybeUninit::uninit(); 64]; 64]) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { copy_blocks(from, to, slow, fast, &mut [[MaybeUninit::uninit(); 32]; 32]) }
    }
}

/// # Safety
///
/// As for [`copy_tiles`].
unsafe fn copy_blocks<T: Copy, const TILE: usize>(
    from: *const T,
    to: *mut T,
    slow: Axis,
    fast: Axis,
    buffer: &mut [[MaybeUninit<T>; TILE]; TILE],
) {
    let walk = (0..slow.size).step_by(BLOCK).flat_map(|i| {
        (0..fast.size).step_by(BLOCK).flat_map(move |j| {
            let rows = (i..slow.size.min(i + BLOCK)).step_by(TILE);
            let columns = (j..fast.size.min(j + BLOCK)).step_by(TILE);
            rows.flat_map(move |i| columns.clone().map(move |j| (i, j)))
        })
    });
    for (i, j) in walk {
        let (m, n) = (TILE.min(slow.size - i), TILE.min(fast.size - j));
        let (i, j) = (signed(i), signed(j));
        // SAFETY: the caller's promise: the tile begins at an index of the matrix.
        let from = unsafe { from.offset(i * slow.from + j * fast.from) };
        // SAFETY: the same.
        let to = unsafe { to.offset(i * slow.to + j * fast.to) };
        if m == TILE && n == TILE && slow.from == 1 && fast.to == 1 {
            // SAFETY: the caller's promise: the tile lies within the matrix.
            unsafe { turn(from, fast.from, buffer) };
            // SAFETY: the caller's promise, and `turn` has filled the buffer.
            unsafe { put(buffer, to, slow.to) };
        } else {
            // SAFETY: the caller's promise: the tile lies within the matrix.
            unsafe { copy_edge(from, to, Axis { size: m, ..slow }, Axis { size: n, ..fast }) };
        }
    }
}

/// Reads a tile line by line, the lines `pitch` apart, and writes it to the buffer with lines as columns.
///
/// # Safety
///
/// `TILE` lines of `TILE` elements can be read.
#[inline]
unsafe fn turn<T: Copy, const TILE: usize>(
    from: *const T,
    pitch: isize,
    buffer: &mut [[MaybeUninit<T>; TILE]; TILE],
) {
    for j in (0..TILE).step_by(SQUARE) {
        for i in (0..TILE).step_by(SQUARE) {
            // SAFETY: the caller's promise: the square begins within the tile.
            let from = unsafe { from.offset(signed(j) * pitch + signed(i)) };
            // SAFETY: the caller's promise: the square lies within the tile.
            let square = unsafe { read_square(from, pitch) };
            for (row, line) in buffer[i..i + SQUARE].iter_mut().enumerate() {
                for (column, element) in line[j..j + SQUARE].iter_mut().enumerate() {
                    *element = square[column][row];
                }
            }
        }
    }
}

/// # Safety
///
/// `SQUARE` lines of `SQUARE` elements, `pitch` apart, can be read.
#[inline]
unsafe fn read_square<T: Copy>(from: *const T, pitch: isize) -> [[MaybeUninit<T>; SQUARE]; SQUARE] {
    let mut square = [[MaybeUninit::uninit(); SQUARE]; SQUARE];
    for (j, line) in square.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let from = unsafe { from.offset(signed(j) * pitch) };
        // SAFETY: the caller's promise.
        *line = unsafe { from.cast::<[MaybeUninit<T>; SQUARE]>().read() };
    }
    square
}

/// Writes the lines of the buffer, `pitch` apart.
///
/// # Safety
///
/// `TILE` lines of `TILE` elements can be written, and the buffer is filled.
#[inline]
unsafe fn put<T: Copy, const TILE: usize>(
    buffer: &[[MaybeUninit<T>; TILE]; TILE],
    to: *mut T,
    pitch: isize,
) {
    for (i, line) in buffer.iter().enumerate() {
        // SAFETY: the caller's promise.
        let to = unsafe { to.offset(signed(i) * pitch) };
        // SAFETY: the caller's promise; the buffer is another variable.
        unsafe { line.as_ptr().copy_to_nonoverlapping(to.cast(), TILE) };
    }
}

/// # Safety
///
/// As for [`copy_strided`], for two axes.
unsafe fn copy_edge<T: Copy>(from: *const T, to: *mut T, slow: Axis, fast: Axis) {
    for i in 0..slow.size {
        // SAFETY: the caller's promise: `i` is within the axis.
        let from = unsafe { from.offset(signed(i) * slow.from) };
        // SAFETY: the same.
        let to = unsafe { to.offset(signed(i) * slow.to) };
        // SAFETY: the same.
        unsafe { copy_row(from, to, fast) };
    }
}
