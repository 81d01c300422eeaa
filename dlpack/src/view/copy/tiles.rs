//! Copies of matrices that run along one axis at the source and along the other at the destination, of any elements and
//! on any processor.
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

/// A tile turned: `N` bands of [`SQUARE`] lines, each of `N` quarters of [`SQUARE`] elements.
type Tile<T, const N: usize> = [[[Quarter<T>; N]; SQUARE]; N];
type Quarter<T> = [MaybeUninit<T>; SQUARE];

/// Copies a matrix whose columns (`slow`) run fast at the source and whose rows (`fast`) run fast at the
/// destination.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided), for two axes.
pub(super) unsafe fn copy_tiles<T: Copy>(from: *const T, to: *mut T, slow: Axis, fast: Axis) {
    if size_of::<T>() <= 2 {
        let mut tile: Tile<T, 16> = [[[[MaybeUninit::uninit(); SQUARE]; 16]; SQUARE]; 16];
        // SAFETY: the caller's promise.
        unsafe { copy_blocks(from, to, slow, fast, &mut tile) }
    } else {
        let mut tile: Tile<T, 8> = [[[[MaybeUninit::uninit(); SQUARE]; 8]; SQUARE]; 8];
        // SAFETY: the caller's promise.
        unsafe { copy_blocks(from, to, slow, fast, &mut tile) }
    }
}

/// # Safety
///
/// As for [`copy_tiles`].
unsafe fn copy_blocks<T: Copy, const N: usize>(
    from: *const T,
    to: *mut T,
    slow: Axis,
    fast: Axis,
    tile: &mut Tile<T, N>,
) {
    let side = N * SQUARE;
    let walk = (0..slow.size).step_by(BLOCK).flat_map(|i| {
        (0..fast.size).step_by(BLOCK).flat_map(move |j| {
            let rows = (i..slow.size.min(i + BLOCK)).step_by(side);
            let columns = (j..fast.size.min(j + BLOCK)).step_by(side);
            rows.flat_map(move |i| columns.clone().map(move |j| (i, j)))
        })
    });
    for (i, j) in walk {
        let (m, n) = (side.min(slow.size - i), side.min(fast.size - j));
        let (i, j) = (signed(i), signed(j));
        // SAFETY: the caller's promise: the tile begins at an index of the matrix.
        let from = unsafe { from.offset(i * slow.from + j * fast.from) };
        // SAFETY: the same.
        let to = unsafe { to.offset(i * slow.to + j * fast.to) };
        if m == side && n == side && slow.from == 1 && fast.to == 1 {
            // SAFETY: the caller's promise: the tile lies within the matrix.
            unsafe { turn(from, fast.from, tile) };
            // SAFETY: the caller's promise, and `turn` has filled the tile.
            unsafe { put(tile, to, slow.to) };
        } else {
            // SAFETY: the caller's promise: the tile lies within the matrix.
            unsafe { copy_edge(from, to, Axis { size: m, ..slow }, Axis { size: n, ..fast }) };
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
            // SAFETY: the caller's promise: the square begins within the lines.
            let from = unsafe { from.offset(row * pitch + column) };
            // SAFETY: the caller's promise: the square lies within the lines.
            let [a, b, c, d] = unsafe { read_square(from, pitch) };
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
    [0, 1, 2, 3].map(|line| {
        // SAFETY: the caller's promise.
        let from = unsafe { from.offset(line * pitch) };
        // SAFETY: the caller's promise.
        unsafe { from.cast::<Quarter<T>>().read() }
    })
}

/// Writes the lines of a tile, `pitch` apart.
///
/// # Safety
///
/// As many lines of as many elements as the tile has can be written, and the tile is filled.
#[inline]
unsafe fn put<T: Copy, const N: usize>(tile: &Tile<T, N>, to: *mut T, pitch: isize) {
    for (i, line) in tile.iter().flatten().enumerate() {
        // SAFETY: the caller's promise.
        let to = unsafe { to.offset(signed(i) * pitch) };
        // SAFETY: the caller's promise; the tile is another variable.
        unsafe { line.as_ptr().copy_to_nonoverlapping(to.cast(), N) };
    }
}

/// # Safety
///
/// As for [`copy_tiles`].
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
