//! Copies of matrices that run along one axis at the source and along the other at the destination, for any elements and
//! any processor.
//!
//! A copy that walks one side in order jumps through the other, and where the jumps are a power of two apart all
//! of them fall into the same few sets of the cache. Tiles bring whole cache lines in, turn them in a buffer that
//! stays in the first-level cache, and write whole lines out.

use core::mem::MaybeUninit;

use super::matrix::{Matrix, Walk};
use super::{Axis, copy_row};
use crate::dims::signed;

/// The elements on a side of the squares that are turned in registers.
const SQUARE: usize = 4;
/// The elements on a side of the tiles of a matrix that steps over elements.
const SIDE: usize = 32;

/// A tile turned: `N` bands of [`SQUARE`] lines, each of `N` quarters of [`SQUARE`] elements.
type Tile<T, const N: usize> = [[[Quarter<T>; N]; SQUARE]; N];
type Quarter<T> = [MaybeUninit<T>; SQUARE];

/// Copies a matrix whose columns run fast at the source and whose rows run fast at the destination.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided).
pub(super) unsafe fn copy_tiles<T: Copy>(matrix: &Matrix<T>) {
    // SAFETY: clauses 1 and 2 of `copy_strided` hold for the matrix.
    unsafe {
        if const { size_of::<T>() <= 2 } {
            copy_turned(matrix, &mut [[[[MaybeUninit::uninit(); SQUARE]; 16]; SQUARE]; 16]);
        } else {
            copy_turned(matrix, &mut [[[[MaybeUninit::uninit(); SQUARE]; 8]; SQUARE]; 8]);
        }
    }
}

/// # Safety
///
/// As for [`copy_tiles`].
unsafe fn copy_turned<T: Copy, const N: usize>(matrix: &Matrix<T>, buffer: &mut Tile<T, N>) {
    let side = N * SQUARE;
    let Some(mut walk) = Walk::new([matrix.rows, matrix.columns], [side, side]) else { return };
    loop {
        let tile = matrix.tile(&walk);
        // SAFETY: the tile lies within the matrix, and `turn` fills the buffer.
        unsafe {
            if tile.rows == side && tile.columns == side {
                turn(tile.from, tile.from_pitch, buffer);
                put(buffer, tile.to, tile.to_pitch);
            } else {
                let slow = Axis { size: tile.rows, from: 1, to: tile.to_pitch };
                let fast = Axis { size: tile.columns, from: tile.from_pitch, to: 1 };
                copy_rows(tile.from, tile.to, slow, fast);
            }
        }
        if !walk.advance() {
            return;
        }
    }
}

/// Copies a matrix that steps over elements on either side.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided), for two axes.
pub(super) unsafe fn copy_strided_tiles<T: Copy>(
    from: *const T,
    to: *mut T,
    slow: Axis,
    fast: Axis,
) {
    let [height, width] = [slow.size.min(SIDE), fast.size.min(SIDE)];
    let Some(mut walk) = Walk::new([slow.size, fast.size], [SIDE, SIDE]) else { return };
    loop {
        let [i, j] = walk.start().map(signed);
        // SAFETY: the tile begins at an index of the matrix, and lies within it.
        unsafe {
            let from = from.offset(i * slow.from + j * fast.from);
            let to = to.offset(i * slow.to + j * fast.to);
            copy_rows(from, to, Axis { size: height, ..slow }, Axis { size: width, ..fast });
        }
        if !walk.advance() {
            return;
        }
    }
}

/// Fills a tile from lines that are `pitch` apart, and that become its columns.
///
/// # Safety
///
/// As many lines of as many elements as the tile has can be read.
#[inline]
unsafe fn turn<T: Copy, const N: usize>(from: *const T, pitch: isize, tile: &mut Tile<T, N>) {
    for j in 0..N {
        for (i, band) in tile.iter_mut().enumerate() {
            let (row, column) = (signed(j * SQUARE), signed(i * SQUARE));
            // SAFETY: the square lies within the lines.
            let [a, b, c, d] = unsafe { read_square(from.offset(row * pitch + column), pitch) };
            for (k, line) in band.iter_mut().enumerate() {
                line[j] = [a[k], b[k], c[k], d[k]];
            }
        }
    }
}

/// # Safety
///
/// [`SQUARE`] lines of as many elements, `pitch` apart, can be read.
#[inline]
unsafe fn read_square<T: Copy>(from: *const T, pitch: isize) -> [Quarter<T>; SQUARE] {
    // SAFETY: each read is of one of the lines.
    unsafe {
        [
            from.cast::<Quarter<T>>().read(),
            from.offset(pitch).cast::<Quarter<T>>().read(),
            from.offset(2 * pitch).cast::<Quarter<T>>().read(),
            from.offset(3 * pitch).cast::<Quarter<T>>().read(),
        ]
    }
}

/// Writes the lines of a tile, `pitch` apart.
///
/// # Safety
///
/// As many lines of as many elements as the tile has can be written, and the tile is filled.
#[inline]
unsafe fn put<T: Copy, const N: usize>(tile: &Tile<T, N>, to: *mut T, pitch: isize) {
    for (i, line) in tile.iter().flatten().enumerate() {
        // SAFETY: the line can be written, and the tile is another variable.
        unsafe { line.as_ptr().copy_to_nonoverlapping(to.offset(signed(i) * pitch).cast(), N) };
    }
}

/// # Safety
///
/// As for [`copy_tiles`].
unsafe fn copy_rows<T: Copy>(from: *const T, to: *mut T, slow: Axis, fast: Axis) {
    for i in 0..slow.size {
        let i = signed(i);
        // SAFETY: `i` is within the axis.
        unsafe { copy_row(from.offset(i * slow.from), to.offset(i * slow.to), fast) };
    }
}
