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

    /// Returns the tile of `walk` that is next.
    #[inline(always)]
    pub(super) fn tile(&self, walk: &Walk) -> Self {
        let ([i, j], [rows, columns]) = (walk.start(), walk.size);
        self.part(i..i + rows, j..j + columns)
    }
}

/// The walk through a matrix in tiles, of which none is empty.
///
/// Tiles that follow one another are neighbours along the rows, and fill one block after the other. A tile that would leave
/// the matrix is moved back over its neighbour.
// Not an iterator that is compiled into each copy: there are as many copies as there are sizes of elements.
pub(super) struct Walk {
    matrix: [usize; 2],
    tile: [usize; 2],
    /// The size of all tiles: less than `tile` if the matrix is smaller.
    size: [usize; 2],
    /// Where the last tile begins.
    last: [usize; 2],
    block: [usize; 2],
    at: [usize; 2],
}

impl Walk {
    /// Starts at the first tile of a matrix of so many rows and columns, unless the matrix is empty.
    pub(super) fn new(matrix: [usize; 2], tile: [usize; 2]) -> Option<Self> {
        let size = [tile[0].min(matrix[0]), tile[1].min(matrix[1])];
        let last = [matrix[0] - size[0], matrix[1] - size[1]];
        let walk = Self { matrix, tile, size, last, block: [0; 2], at: [0; 2] };
        (!matrix.contains(&0)).then_some(walk)
    }

    /// Returns the first row and column of the tile.
    #[inline(always)]
    pub(super) fn start(&self) -> [usize; 2] {
        [self.at[0].min(self.last[0]), self.at[1].min(self.last[1])]
    }

    /// Moves to the next tile. Returns `false`, where it was, if there is none.
    #[inline(never)]
    pub(super) fn advance(&mut self) -> bool {
        let ([rows, columns], [i0, j0]) = (self.matrix, self.block);
        let [i, j] = [self.at[0] + self.tile[0], self.at[1] + self.tile[1]];
        if i < rows.min(i0 + BLOCK) {
            self.at[0] = i;
        } else if j < columns.min(j0 + BLOCK) {
            self.at = [i0, j];
        } else if i0 + BLOCK < rows {
            self.block[0] = i0 + BLOCK;
            self.at = self.block;
        } else if j0 + BLOCK < columns {
            self.block = [0, j0 + BLOCK];
            self.at = self.block;
        } else {
            return false;
        }
        true
    }
}
