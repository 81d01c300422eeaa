//! Matrices turned in vector registers: SSE2, which every x86-64 processor has.
//!
//! A square of 16 bytes a side is turned by pairing its lines until they are its columns. Four squares abreast make
//! whole cache lines of the destination, so that none is written in parts.

#![allow(unused_unsafe, reason = "before Rust 1.87 the intrinsics are unsafe functions")]

use core::arch::x86_64::{
    __m128i, _MM_HINT_T0, _MM_HINT_T1, _mm_loadu_si128, _mm_prefetch, _mm_setzero_si128,
    _mm_sfence, _mm_storeu_si128, _mm_stream_si128, _mm_unpackhi_epi8, _mm_unpackhi_epi16,
    _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16,
    _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

use super::matrix::{Matrix, starts};
use crate::view::strided::signed;

/// The bytes of a cache line.
const LINE: usize = 64;
/// The bytes of a side of a tile: cache lines come in pairs.
const SIDE: usize = 2 * LINE;
/// The squares that make a cache line.
const ABREAST: usize = 4;

/// From this many bytes on, what is written next is brought into the cache before: it would not be there.
const FETCH_TARGET: usize = 1 << 20;
/// From this many bytes on, so is what is read next.
const FETCH_SOURCE: usize = 16 << 20;
/// From this many bytes on, the cache would not keep what is written, so it is written past the cache.
const STREAM: usize = 32 << 20;

/// How a copy treats the caches.
#[derive(Clone, Copy, Debug)]
struct Caching {
    fetch_target: bool,
    fetch_source: bool,
    stream: bool,
}

impl Caching {
    /// What pays for a copy of so many bytes.
    const fn of(nbytes: usize) -> Self {
        // Miri knows neither of these instructions.
        let real = !cfg!(miri);
        Self {
            fetch_target: real && nbytes >= FETCH_TARGET,
            fetch_source: real && nbytes >= FETCH_SOURCE,
            stream: real && nbytes >= STREAM,
        }
    }
}

/// The pattern of an element, of which `K` make 16 bytes.
trait Pattern<const K: usize>: Copy {
    /// Makes the columns of a square of its lines.
    fn turned(lines: [__m128i; K]) -> [__m128i; K];
}

macro_rules! patterns {
    ($($pattern:ty, $count:literal: $low:ident $high:ident $($round:ident)*;)*) => {$(
        impl Pattern<$count> for $pattern {
            #[inline(always)]
            fn turned(lines: [__m128i; $count]) -> [__m128i; $count] {
                $(let lines = $round(lines, |a, b| {
                    // SAFETY: x86-64 has SSE2.
                    let low = unsafe { $low(a, b) };
                    // SAFETY: the same.
                    let high = unsafe { $high(a, b) };
                    [low, high]
                });)*
                lines
            }
        }
    )*};
}

patterns! {
    u8, 16: _mm_unpacklo_epi8 _mm_unpackhi_epi8 round16 round16 round16 round16;
    u16, 8: _mm_unpacklo_epi16 _mm_unpackhi_epi16 round8 round8 round8;
    u32, 4: _mm_unpacklo_epi32 _mm_unpackhi_epi32 round4 round4;
    u64, 2: _mm_unpacklo_epi64 _mm_unpackhi_epi64 round2;
    u128, 1: _mm_unpacklo_epi64 _mm_unpackhi_epi64;
}

// A round pairs the lines of the upper half with those of the lower, which halves the distance between the elements of
// a column. Written out, since arrays that loops fill are not kept in registers.

type Pair = [__m128i; 2];

#[inline(always)]
fn round2(lines: [__m128i; 2], pair: impl Fn(__m128i, __m128i) -> Pair) -> [__m128i; 2] {
    pair(lines[0], lines[1])
}

#[inline(always)]
fn round4(lines: [__m128i; 4], pair: impl Fn(__m128i, __m128i) -> Pair) -> [__m128i; 4] {
    let ([a, b], [c, d]) = (pair(lines[0], lines[2]), pair(lines[1], lines[3]));
    [a, b, c, d]
}

#[inline(always)]
fn round8(lines: [__m128i; 8], pair: impl Fn(__m128i, __m128i) -> Pair) -> [__m128i; 8] {
    let ([a, b], [c, d]) = (pair(lines[0], lines[4]), pair(lines[1], lines[5]));
    let ([e, f], [g, h]) = (pair(lines[2], lines[6]), pair(lines[3], lines[7]));
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn round16(lines: [__m128i; 16], pair: impl Fn(__m128i, __m128i) -> Pair) -> [__m128i; 16] {
    let ([a, b], [c, d]) = (pair(lines[0], lines[8]), pair(lines[1], lines[9]));
    let ([e, f], [g, h]) = (pair(lines[2], lines[10]), pair(lines[3], lines[11]));
    let ([i, j], [k, l]) = (pair(lines[4], lines[12]), pair(lines[5], lines[13]));
    let ([m, n], [o, p]) = (pair(lines[6], lines[14]), pair(lines[7], lines[15]));
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

/// Copies a matrix, as part of a copy of `nbytes` bytes, if there is a pattern for its elements.
///
/// # Safety
///
/// As for [`copy_strided`](super::copy_strided), for elements whose bytes are initialised.
pub(super) unsafe fn copy_matrix<T>(matrix: &Matrix<T>, nbytes: usize) -> bool {
    let caching = Caching::of(nbytes);
    match size_of::<T>() {
        // SAFETY: the caller's promise; elements have the size of the pattern.
        1 => unsafe { copy_patterns::<u8, 16>(&matrix.cast(), caching) },
        // SAFETY: the same.
        2 => unsafe { copy_patterns::<u16, 8>(&matrix.cast(), caching) },
        // SAFETY: the same.
        4 => unsafe { copy_patterns::<u32, 4>(&matrix.cast(), caching) },
        // SAFETY: the same.
        8 => unsafe { copy_patterns::<u64, 2>(&matrix.cast(), caching) },
        // SAFETY: the same.
        16 => unsafe { copy_patterns::<u128, 1>(&matrix.cast(), caching) },
        _ => return false,
    }
    true
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
    if caching.stream && has_whole_lines(&lines) {
        // SAFETY: the caller's promise: a part of the matrix; its rows begin at cache lines.
        unsafe { stream::<P, K>(&lines, caching) };
    } else {
        // SAFETY: the caller's promise: a part of the matrix.
        unsafe { copy_blocks::<P, K, false>(&lines, caching) };
    }
    // SAFETY: the caller's promise: a part of the matrix.
    unsafe { copy_blocks::<P, K, false>(&matrix.part(0..rows, 0..before), caching) };
}

/// How many columns come before the first that begins a cache line of the destination, if it pays to copy them apart.
fn before_line<P>(matrix: &Matrix<P>) -> usize {
    let size = size_of::<P>();
    if matrix.columns < 4 * (SIDE / size) {
        0
    } else {
        matrix.to.addr().wrapping_neg() % LINE / size
    }
}

/// Whether all rows of the destination begin at cache lines.
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
    let side = SIDE / size_of::<P>();
    let (rows, columns) = (matrix.rows / side * side, matrix.columns / side * side);
    // SAFETY: the caller's promise: whole tiles of the matrix, and the fence follows.
    unsafe { copy_blocks::<P, K, true>(&matrix.part(0..rows, 0..columns), caching) };
    // SAFETY: x86-64 has SSE2.
    unsafe { _mm_sfence() };
    for rest in [
        matrix.part(0..rows, columns..matrix.columns),
        matrix.part(rows..matrix.rows, 0..matrix.columns),
    ] {
        // SAFETY: the caller's promise: a part of the matrix.
        unsafe { copy_blocks::<P, K, false>(&rest, caching) };
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
    let mut tiles = matrix.tiles(SIDE / size_of::<P>()).peekable();
    while let Some(tile) = tiles.next() {
        if let Some(next) = tiles.peek() {
            if caching.fetch_source {
                fetch::<P, _MM_HINT_T0>(next.from, next.from_pitch, next.columns, next.rows);
            }
            if caching.fetch_target && !STREAM {
                fetch::<P, _MM_HINT_T1>(next.to, next.to_pitch, next.rows, next.columns);
            }
        }
        // SAFETY: the caller's promise: a part of the matrix.
        unsafe { copy_tile::<P, K, STREAM>(&tile) };
    }
}

/// Brings lines of so many elements, `pitch` apart, into the cache.
#[inline(always)]
fn fetch<P, const HINT: i32>(from: *const P, pitch: isize, lines: usize, elements: usize) {
    for line in 0..lines {
        let from = from.wrapping_offset(signed(line).wrapping_mul(pitch));
        for at in (0..elements).step_by(LINE / size_of::<P>()) {
            // SAFETY: a hint, which may name any address.
            unsafe { _mm_prefetch::<HINT>(from.wrapping_add(at).cast()) };
        }
    }
}

/// # Safety
///
/// As for [`copy_blocks`].
#[inline(always)]
unsafe fn copy_tile<P: Pattern<K>, const K: usize, const STREAM: bool>(tile: &Matrix<P>) {
    let side = SIDE / size_of::<P>();
    // A square of small elements takes all registers by itself.
    let abreast = K < 8 || STREAM;
    if abreast && tile.rows == side && tile.columns == side {
        // The same with numbers that the compiler knows.
        let tile = Matrix { rows: side, columns: side, ..*tile };
        // SAFETY: the caller's promise.
        unsafe { copy_squares::<P, K, ABREAST, STREAM>(&tile) }
    } else if abreast && tile.columns >= ABREAST * K && tile.rows >= K {
        // SAFETY: the caller's promise.
        unsafe { copy_squares::<P, K, ABREAST, STREAM>(tile) }
    } else if tile.columns >= K && tile.rows >= K {
        // SAFETY: the caller's promise.
        unsafe { copy_squares::<P, K, 1, false>(tile) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { copy_each(tile) }
    }
}

/// Copies a tile of at least one row of squares, `L` abreast. What does not fill squares is copied by squares that
/// lie over their neighbours.
///
/// # Safety
///
/// As for [`copy_blocks`].
#[inline(always)]
unsafe fn copy_squares<P: Pattern<K>, const K: usize, const L: usize, const STREAM: bool>(
    tile: &Matrix<P>,
) {
    for i in starts(tile.rows, K) {
        for j in starts(tile.columns, L * K) {
            let (i, j) = (signed(i), signed(j));
            // SAFETY: the caller's promise: the squares begin within the tile.
            let from = unsafe { tile.from.offset(j * tile.from_pitch + i) };
            // SAFETY: the same.
            let to = unsafe { tile.to.offset(i * tile.to_pitch + j) };
            let mut squares = [[zero(); K]; L];
            for (k, square) in squares.iter_mut().enumerate() {
                // SAFETY: the caller's promise: the square lies within the tile.
                let from = unsafe { from.offset(signed(k * K) * tile.from_pitch) };
                // SAFETY: the same.
                *square = unsafe { read_turned::<P, K>(from, tile.from_pitch) };
            }
            for line in 0..K {
                for (k, square) in squares.iter().enumerate() {
                    // SAFETY: the caller's promise: the line lies within the tile.
                    let to = unsafe { to.offset(signed(line) * tile.to_pitch + signed(k * K)) };
                    // SAFETY: the same.
                    unsafe { write::<STREAM>(to.cast(), square[line]) };
                }
            }
        }
    }
}

/// Reads a square, and returns its columns.
///
/// # Safety
///
/// `K` lines of as many elements, `pitch` apart, can be read, and their bytes are initialised.
#[inline(always)]
unsafe fn read_turned<P: Pattern<K>, const K: usize>(from: *const P, pitch: isize) -> [__m128i; K] {
    let mut lines = [zero(); K];
    for (k, line) in lines.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let from = unsafe { from.offset(signed(k) * pitch) };
        // SAFETY: the caller's promise; this needs no alignment.
        *line = unsafe { _mm_loadu_si128(from.cast()) };
    }
    P::turned(lines)
}

#[inline(always)]
fn zero() -> __m128i {
    // SAFETY: x86-64 has SSE2.
    unsafe { _mm_setzero_si128() }
}

/// # Safety
///
/// 16 bytes can be written, which with `STREAM` are aligned, and come before a fence.
#[inline(always)]
unsafe fn write<const STREAM: bool>(to: *mut __m128i, line: __m128i) {
    if STREAM {
        // SAFETY: the caller's promise.
        unsafe { _mm_stream_si128(to, line) }
    } else {
        // SAFETY: the caller's promise; this needs no alignment.
        unsafe { _mm_storeu_si128(to, line) }
    }
}

/// # Safety
///
/// As for [`copy_patterns`].
unsafe fn copy_each<P: Copy>(tile: &Matrix<P>) {
    for i in 0..tile.rows {
        for j in 0..tile.columns {
            let (i, j) = (signed(i), signed(j));
            // SAFETY: the caller's promise: `i` and `j` are within the tile.
            let from = unsafe { tile.from.offset(j * tile.from_pitch + i) };
            // SAFETY: the same.
            let to = unsafe { tile.to.offset(i * tile.to_pitch + j) };
            // SAFETY: the same.
            let element = unsafe { from.read_unaligned() };
            // SAFETY: the same.
            unsafe { to.write_unaligned(element) };
        }
    }
}
