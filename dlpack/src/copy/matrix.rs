//! A matrix that one side of a copy keeps by columns and the other by rows, and the walk through it in tiles.

use core::ops::Range;

use crate::dims::signed;

/// The elements on a side of a block of tiles: the pages of a block stay known to the processor while its tiles are copied.
const BLOCK: usize = 256;

/// Element `j` of row `i` is read at `from + j·from_pitch + i` and written at `to + i·to_pitch + j`, in elements.
pub(super) struct Matrix<P> {
    pub(super) from: *const P,
    pub(super) from_pitch: isize,
    pub(super) to: *mut P,
    pub(super) to_pitch: isize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl<P> Matrix<P> {
    /// Returns the same with elements of another type, which must have the same size.
    pub(super) fn cast<Q>(&self) -> Matrix<Q> {
        Matrix {
            from: self.from.cast(),
            from_pitch: self.from_pitch,
            to: self.to.cast(),
            to_pitch: self.to_pitch,
            rows: self.rows,
            columns: self.columns,
        }
    }

    /// Some rows and columns, which must be there.
    pub(super) fn part(&self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let (i, j) = (signed(rows.start), signed(columns.start));
        Self {
            from: self.from.wrapping_offset(j.wrapping_mul(self.from_pitch).wrapping_add(i)),
            to: self.to.wrapping_offset(i.wrapping_mul(self.to_pitch).wrapping_add(j)),
            rows: rows.len(),
            columns: columns.len(),
            ..*self
        }
    }

    /// Calls `f` with tiles of so many rows and columns, or of all that there are if there are fewer, each with the
    /// tile that follows.
    #[inline(always)]
    pub(super) fn each_tile(&self, [height, width]: [usize; 2], mut f: impl FnMut(&Self, &Self)) {
        let (rows, columns) = (height.min(self.rows), width.min(self.columns));
        let tile = |[i, j]: [usize; 2]| self.part(i..i + rows, j..j + columns);
        each_tile([self.rows, self.columns], [height, width], |this, next| {
            f(&tile(this), &tile(next));
        });
    }
}

/// Calls `f` with the first row and column of each tile and of the tile that follows it; the
/// tiles are as large as the matrix if that is smaller.
///
/// Tiles that follow one another are neighbours along the rows, and fill one block after the other. A tile that would leave
/// the matrix is moved back over its neighbour.
#[inline(always)]
pub(super) fn each_tile(
    [rows, columns]: [usize; 2],
    [height, width]: [usize; 2],
    mut f: impl FnMut([usize; 2], [usize; 2]),
) {
    let (lowest, rightmost) = (rows - height.min(rows), columns - width.min(columns));
    let within = |i: usize, j: usize| [i.min(lowest), j.min(rightmost)];
    for j0 in (0..columns).step_by(BLOCK) {
        for i0 in (0..rows).step_by(BLOCK) {
            for j in (j0..columns.min(j0 + BLOCK)).step_by(width) {
                let end = rows.min(i0 + BLOCK);
                for i in (i0..end).step_by(height) {
                    let after = i + height;
                    let next = if after < end { within(after, j) } else { within(i0, j + width) };
                    f(within(i, j), next);
                }
            }
        }
    }
}
