//! Squares of 16 bytes a side, turned in vector registers by pairing their lines until they are their columns.

use core::arch::x86_64::{
    __m128i, _mm_loadu_si128, _mm_setzero_si128, _mm_storeu_si128, _mm_stream_si128,
    _mm_unpackhi_epi8, _mm_unpackhi_epi16, _mm_unpackhi_epi32, _mm_unpackhi_epi64,
    _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

use crate::copy::matrix::Matrix;
use crate::dims::signed;

/// The pattern of an element, of which `K` make 16 bytes.
pub(super) trait Pattern<const K: usize>: Copy {
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
                    unsafe { [$low(a, b), $high(a, b)] }
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

/// Copies a tile of at least one row of squares, `L` abreast. What does not fill squares is copied by squares that
/// lie over their neighbours.
///
/// # Safety
///
/// As for [`copy_patterns`](super::copy_patterns), for a tile that `L` squares abreast fit into; with `STREAM`, the lines of the squares
/// are aligned at the destination, and a fence comes before any other access to them.
#[inline(always)]
pub(super) unsafe fn copy_squares<
    P: Pattern<K>,
    const K: usize,
    const L: usize,
    const STREAM: bool,
>(
    tile: &Matrix<P>,
) {
    for i in starts(tile.rows, K) {
        for j in starts(tile.columns, L * K) {
            let (i, j) = (signed(i), signed(j));
            let mut squares = [[zero(); K]; L];
            // SAFETY: the tile has these squares, and each line of them.
            unsafe {
                let mut from = tile.from.offset(j * tile.from_pitch + i);
                let mut to = tile.to.offset(i * tile.to_pitch + j);
                for square in &mut squares {
                    *square = read_turned::<P, K>(from, tile.from_pitch);
                    from = from.wrapping_offset(signed(K) * tile.from_pitch);
                }
                for line in 0..K {
                    for (k, square) in squares.iter().enumerate() {
                        write::<STREAM>(to.add(k * K).cast(), square[line]);
                    }
                    to = to.wrapping_offset(tile.to_pitch);
                }
            }
        }
    }
}

/// Where parts of `len` begin that cover `total`, which is no less; the last may lie over the one before.
#[inline(always)]
pub(super) fn starts(total: usize, len: usize) -> impl Iterator<Item = usize> {
    (0..total).step_by(len).map(move |start| start.min(total - len))
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
        // SAFETY: the line can be read; this load needs no alignment.
        *line = unsafe { _mm_loadu_si128(from.offset(signed(k) * pitch).cast()) };
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
    // SAFETY: 16 bytes can be written, aligned and before a fence if `STREAM`.
    unsafe { if STREAM { _mm_stream_si128(to, line) } else { _mm_storeu_si128(to, line) } }
}

/// Copies a tile without squares.
///
/// # Safety
///
/// As for [`copy_patterns`](super::copy_patterns).
pub(super) unsafe fn copy_each<P: Copy>(tile: &Matrix<P>) {
    for i in 0..tile.rows {
        for j in 0..tile.columns {
            let (i, j) = (signed(i), signed(j));
            // SAFETY: `i` and `j` are within the tile.
            unsafe {
                let element = tile.from.offset(j * tile.from_pitch + i).read_unaligned();
                tile.to.offset(i * tile.to_pitch + j).write_unaligned(element);
            }
        }
    }
}
