//! A matrix that one side of a copy keeps by columns and the other by rows, and its walk in tiles.

use core::ops::Range;

use crate::view::strided::signed;

/// The elements on a side of a block, which tiles fill: the pages of a block stay known to the processor meanwhile.
const BLOCK: usize = 256;

/// Element `j` of row `i` is read at `from + j·from_pitch + i` and written at `to + i·to_pitch + j`, in elements.
pub(in crate::view::copy) struct Matrix<P> {
    pub(in crate::view::copy) from: *const P,
    pub(in crate::view::copy) from_pitch: isize,
    pub(in crate::view::copy) to: *mut P,
    pub(in crate::view::copy) to_pitch: isize,
    pub(in crate::view::copy) rows: usize,
    pub(in crate::view::copy) columns: usize,
}

impl<P> Matrix<P> {
    /// The same with elements of another type, which must have the same size.
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
    ///
    /// Neighbours along the source follow each other, and blocks of tiles one another. What does not fill a tile is in
    /// a tile that lies over its neighbour.
    #[inline(always)]
    pub(super) fn each_tile(&self, [height, width]: [usize; 2], mut f: impl FnMut(&Self, &Self)) {
        let (rows, columns) = (height.min(self.rows), width.min(self.columns));
        let tile = |i: usize, j: usize| {
            let (i, j) = (i.min(self.rows - rows), j.min(self.columns - columns));
            self.part(i..i + rows, j..j + columns)
        };
        for j0 in (0..self.columns).step_by(BLOCK) {
            for i0 in (0..self.rows).step_by(BLOCK) {
                for j in (j0..self.columns.min(j0 + BLOCK)).step_by(width) {
                    let end = self.rows.min(i0 + BLOCK);
                    for i in (i0..end).step_by(height) {
                        let after = i + height;
                        let next = if after < end { tile(after, j) } else { tile(i0, j + width) };
                        f(&tile(i, j), &next);
                    }
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
