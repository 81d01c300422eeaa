//! A matrix that one side of a copy keeps by columns and the other by rows, and its walk in tiles.

use core::ops::Range;

use crate::view::strided::signed;

/// The tiles on a side of a block, in elements: the pages of a block stay known to the processor while it is copied.
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

    /// The matrix in tiles of `side` rows and columns, or of all that there are if there are fewer.
    ///
    /// Neighbours along the source follow each other, and blocks of tiles one another. What does not fill a tile is in
    /// a tile that lies over its neighbour.
    pub(super) fn tiles(&self, side: usize) -> impl Iterator<Item = Self> {
        let (height, width) = (side.min(self.rows), side.min(self.columns));
        let (down, across) = (self.rows.div_ceil(side), self.columns.div_ceil(side));
        let block = BLOCK.div_ceil(side);
        let blocks = (0..across).step_by(block).flat_map(move |j| {
            let columns = j..across.min(j + block);
            (0..down).step_by(block).map(move |i| (i..down.min(i + block), columns.clone()))
        });
        let places = blocks.flat_map(|(rows, columns)| {
            columns.flat_map(move |j| rows.clone().map(move |i| (i, j)))
        });
        places.map(move |(i, j)| {
            let i = (i * side).min(self.rows - height);
            let j = (j * side).min(self.columns - width);
            self.part(i..i + height, j..j + width)
        })
    }
}

/// Where parts of `len` begin that cover `total`, which is no less; the last may lie over the one before.
#[inline(always)]
pub(super) fn starts(total: usize, len: usize) -> impl Iterator<Item = usize> {
    (0..total).step_by(len).map(move |start| start.min(total - len))
}
