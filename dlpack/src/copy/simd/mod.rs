//! Matrices turned in vector registers: SSE2, which every x86-64 processor has.
//!
//! Squares of elements are turned in registers. Four abreast make whole cache lines of the destination, so that no line
//! is written in parts; tiles of squares make whole pairs of lines on both sides. Where a copy is larger than caches
//! are, what comes next is fetched while a tile is copied, and whole lines are written past the caches.

#![allow(unused_unsafe, reason = "before Rust 1.87 the intrinsics are unsafe functions")]

mod squares;

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch, _mm_sfence};

use squares::{Pattern, copy_each, copy_squares};

use super::matrix::{Matrix, Walk};
use crate::dims::signed;

/// The bytes of a cache line.
const LINE: usize = 64;
/// The squares that make a cache line.
const ABREAST: usize = 4;

/// From this many bytes on, the lines of the next tile are fetched ahead: they would not be in the nearest cache.
const FETCH: usize = 1 << 20;
/// From this many bytes on, the cache would not keep what is written, so it is written past the cache.
const STREAM: usize = 32 << 20;

/// How a copy treats the caches.
#[derive(Clone, Copy, Debug)]
struct Caching {
    fetch: bool,
    stream: bool,
}

impl Caching {
    /// What pays for a copy of so many bytes.
    const fn of(nbytes: usize) -> Self {
        // Miri knows neither of these instructions.
        let real = !cfg!(miri);
        Self { fetch: real && nbytes >= FETCH, stream: real && nbytes >= STREAM }
    }
}

/// The rows and columns of a tile: a pair of cache lines along the destination, and one or two along the source.
const fn tile_shape<P>(stream: bool) -> [usize; 2] {
    let lines = if stream || size_of::<P>() < 4 { 2 } else { 1 };
    [lines * LINE / size_of::<P>(), 2 * LINE / size_of::<P>()]
}

impl<P> Matrix<P> {
    /// Returns the same with elements of another type, which must have the same size.
    fn cast<Q>(&self) -> Matrix<Q> {
        Matrix {
            from: self.from.cast(),
            from_pitch: self.from_pitch,
            to: self.to.cast(),
            to_pitch: self.to_pitch,
            rows: self.rows,
            columns: self.columns,
        }
    }
}

/// Returns whether there is a pattern for elements of this type.
pub(super) const fn has_pattern<T>() -> bool {
    matches!(size_of::<T>(), 1 | 2 | 4 | 8 | 16)
}

/// Copies a matrix of elements with a [pattern](has_pattern), as part of a copy of `nbytes` bytes.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided), for elements whose bytes are initialised.
#[inline(never)]
pub(super) unsafe fn copy_matrix<T>(matrix: &Matrix<T>, nbytes: usize) {
    let caching = Caching::of(nbytes);
    // SAFETY: the clauses of `copy_strided` hold for the matrix; elements have the size of the pattern.
    unsafe {
        match size_of::<T>() {
            1 => copy_patterns::<u8, 16>(&matrix.cast(), caching),
            2 => copy_patterns::<u16, 8>(&matrix.cast(), caching),
            4 => copy_patterns::<u32, 4>(&matrix.cast(), caching),
            8 => copy_patterns::<u64, 2>(&matrix.cast(), caching),
            16 => copy_patterns::<u128, 1>(&matrix.cast(), caching),
            _ => {}
        }
    }
}

/// Copies a matrix of patterns, `K` of which are 16 bytes.
///
/// # Safety
///
/// As for [`copy_matrix`]; neither side need be aligned for the pattern.
unsafe fn copy_patterns<P: Pattern<K>, const K: usize>(matrix: &Matrix<P>, caching: Caching) {
    let (rows, columns) = (matrix.rows, matrix.columns);
    let before = before_line(matrix);
    let lines = matrix.part(0..rows, before..columns);
    // SAFETY: these are parts of the matrix, and those that are streamed have rows that begin at cache lines.
    unsafe {
        if caching.stream && has_whole_lines(&lines) {
            stream::<P, K>(&lines, caching);
        } else {
            copy_blocks::<P, K, false>(&lines, caching);
        }
        copy_blocks::<P, K, false>(&matrix.part(0..rows, 0..before), caching);
    }
}

/// How many columns come before the first that begins a cache line of the destination, if it pays to copy them apart.
fn before_line<P>(matrix: &Matrix<P>) -> usize {
    let [_, width] = tile_shape::<P>(false);
    if matrix.columns < 4 * width {
        0
    } else {
        matrix.to.addr().wrapping_neg() % LINE / size_of::<P>()
    }
}

/// Returns whether all rows of the destination begin at cache lines.
fn has_whole_lines<P>(matrix: &Matrix<P>) -> bool {
    let pitch = matrix.to_pitch.unsigned_abs().wrapping_mul(size_of::<P>());
    matrix.to.addr() % LINE == 0 && pitch % LINE == 0
}

/// Copies a matrix past the cache, but for what does not fill tiles.
///
/// # Safety
///
/// As for [`copy_patterns`], where all rows of the destination begin at cache lines.
unsafe fn stream<P: Pattern<K>, const K: usize>(matrix: &Matrix<P>, caching: Caching) {
    let [height, width] = tile_shape::<P>(true);
    let (rows, columns) = (matrix.rows / height * height, matrix.columns / width * width);
    // SAFETY: these are parts of the matrix: whole tiles, before a fence, and then the rest.
    unsafe {
        copy_blocks::<P, K, true>(&matrix.part(0..rows, 0..columns), caching);
        _mm_sfence();
        for rest in [
            matrix.part(0..rows, columns..matrix.columns),
            matrix.part(rows..matrix.rows, 0..matrix.columns),
        ] {
            copy_blocks::<P, K, false>(&rest, caching);
        }
    }
}

/// # Safety
///
/// As for [`copy_patterns`]; with `STREAM`, the rows of the destination are whole cache lines, the matrix is of whole
/// tiles, and a fence comes before any other access to it.
unsafe fn copy_blocks<P: Pattern<K>, const K: usize, const STREAM: bool>(
    matrix: &Matrix<P>,
    caching: Caching,
) {
    // Tiles at the edges may be smaller, but with numbers that the compiler knows it is faster.
    let [height, width] = tile_shape::<P>(STREAM);
    let Some(mut walk) = Walk::new([matrix.rows, matrix.columns], [height, width]) else { return };
    let mut tile = matrix.tile(&walk);
    loop {
        let more = walk.advance();
        let next = matrix.tile(&walk);
        if caching.fetch {
            fetch(next.from, next.from_pitch, width, height);
        }
        if caching.fetch && !STREAM {
            fetch(next.to, next.to_pitch, height, width);
        }
        // SAFETY: a tile is a part of the matrix.
        unsafe { copy_tile::<P, K, STREAM>(&tile) };
        if !more {
            return;
        }
        tile = next;
    }
}

/// Brings lines of so many elements, `pitch` apart, into the cache.
#[inline(always)]
fn fetch<P>(from: *const P, pitch: isize, lines: usize, elements: usize) {
    for line in 0..lines {
        let from = from.wrapping_offset(signed(line).wrapping_mul(pitch));
        for at in (0..elements).step_by(LINE / size_of::<P>()) {
            // SAFETY: a hint, which may name any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(at).cast()) };
        }
    }
}

/// # Safety
///
/// As for [`copy_blocks`].
#[inline(always)]
unsafe fn copy_tile<P: Pattern<K>, const K: usize, const STREAM: bool>(tile: &Matrix<P>) {
    let [height, width] = tile_shape::<P>(STREAM);
    // A square of small elements takes all registers by itself.
    let abreast = K < 8 || STREAM;
    // SAFETY: the squares fit into the tile.
    unsafe {
        if STREAM || (abreast && tile.rows == height && tile.columns == width) {
            // A whole tile, with numbers that the compiler knows.
            let tile = Matrix { rows: height, columns: width, ..*tile };
            copy_squares::<P, K, ABREAST, STREAM>(&tile);
        } else if abreast && tile.columns >= ABREAST * K && tile.rows >= K {
            copy_squares::<P, K, ABREAST, STREAM>(tile);
        } else if tile.columns >= K && tile.rows >= K {
            copy_squares::<P, K, 1, false>(tile);
        } else {
            copy_each(tile);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::vec;
    use alloc::vec::Vec;
    use core::ops::Range;

    use super::{Caching, LINE, Matrix, Pattern, copy_patterns};
    use crate::dims::signed;

    const CACHINGS: [Caching; 4] = [
        Caching { fetch: false, stream: false },
        Caching { fetch: true, stream: false },
        Caching { fetch: false, stream: true },
        Caching { fetch: true, stream: true },
    ];

    /// How a copy lies in memory, in elements.
    #[derive(Clone, Copy, Debug)]
    struct Place {
        rows: usize,
        columns: usize,
        from_pitch: usize,
        to_pitch: usize,
        /// How far behind the beginning of a cache line the target begins.
        skip: usize,
    }

    /// Memory around a target of `len` elements that begins `skip` elements behind a cache line.
    fn target<P: Copy>(around: P, len: usize, skip: usize) -> (Vec<P>, Range<usize>) {
        let line = LINE / size_of::<P>();
        let memory = vec![around; len + 3 * line];
        let start = memory.as_ptr().addr().wrapping_neg() % LINE / size_of::<P>() + skip % line;
        (memory, start..start + len)
    }

    fn check<P: Pattern<K> + PartialEq, const K: usize>(number: fn(usize) -> P, place: Place) {
        let Place { rows, columns, from_pitch, to_pitch, skip } = place;
        let source: Vec<P> = (0..from_pitch * columns).map(number).collect();
        let around = number(250);
        let mut expected = vec![around; to_pitch * rows];
        for (i, row) in expected.chunks_exact_mut(to_pitch).enumerate() {
            for (j, element) in row[..columns].iter_mut().enumerate() {
                *element = source[j * from_pitch + i];
            }
        }
        for &caching in if cfg!(miri) { &CACHINGS[..1] } else { &CACHINGS[..] } {
            let (mut memory, within) = target(around, expected.len(), skip);
            let matrix = Matrix {
                from: source.as_ptr(),
                from_pitch: signed(from_pitch),
                to: memory[within.clone()].as_mut_ptr(),
                to_pitch: signed(to_pitch),
                rows,
                columns,
            };
            // SAFETY: the source has so many columns, the target so many rows.
            unsafe { copy_patterns::<P, K>(&matrix, caching) };
            assert!(memory[within.clone()] == expected, "{place:?} {caching:?}");
            let mut outside = memory[..within.start].iter().chain(&memory[within.end..]);
            assert!(outside.all(|&element| element == around), "{place:?} {caching:?}");
        }
    }

    /// Sizes around those of squares, lines, tiles and what is copied apart, in all pairs.
    fn sizes<P: Pattern<K> + PartialEq, const K: usize>(number: fn(usize) -> P) {
        let sizes = [1, K, K + 1, 4 * K + 1, 8 * K, 9 * K + 1, 32 * K, 40 * K + 3];
        let count = if cfg!(miri) { 5 } else { sizes.len() };
        for rows in &sizes[..count] {
            for columns in &sizes[..count] {
                let (rows, columns) = (*rows, *columns);
                let dense = Place { rows, columns, from_pitch: rows, to_pitch: columns, skip: 1 };
                let line = 4 * K;
                let lines = Place { to_pitch: columns.next_multiple_of(line), ..dense };
                check(number, dense);
                check(number, Place { skip: 0, ..lines });
                check(number, Place { skip: 3 * K, from_pitch: rows + 3, ..lines });
            }
        }
    }

    #[test]
    fn patterns_of_all_sizes() {
        sizes::<u8, 16>(|n| u8::try_from(n % 251).unwrap());
        sizes::<u16, 8>(|n| u16::try_from(n % 65521).unwrap());
        sizes::<u32, 4>(|n| u32::try_from(n).unwrap() << 8);
        sizes::<u64, 2>(|n| u64::try_from(n).unwrap() << 28 | 5);
        sizes::<u128, 1>(|n| u128::try_from(n).unwrap() << 60 | 5);
    }

    /// More than a block.
    #[test]
    #[cfg_attr(miri, ignore = "hundreds of thousands of elements")]
    fn blocks() {
        let number = |n| u32::try_from(n).unwrap();
        for (rows, columns) in [(300, 600), (600, 300), (257, 256), (512, 512)] {
            let dense = Place { rows, columns, from_pitch: rows, to_pitch: columns, skip: 1 };
            check::<u32, 4>(number, dense);
            check::<u32, 4>(number, Place { to_pitch: columns.next_multiple_of(16), ..dense });
        }
    }
}
