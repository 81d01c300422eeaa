//! The axes of a copy, put in the order in which the copy walks them.

use crate::view::strided::signed;

/// One axis: its size, and the distance between neighbours on either side, in elements.
#[derive(Clone, Copy, Default)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) from: isize,
    pub(super) to: isize,
}

/// The axes of one copy, the one that runs fastest at the destination last.
pub(super) struct Axes<const N: usize> {
    axes: [Axis; N],
    len: usize,
    /// The offset of the first element to copy, on either side, in elements.
    pub(super) from_start: isize,
    pub(super) to_start: isize,
}

impl<const N: usize> Axes<N> {
    /// The shape has no size of 0 and at most `N` axes.
    pub(super) fn new(shape: &[usize], from: &[isize], to: &[isize]) -> Self {
        let mut axes = Self { axes: [Axis::default(); N], len: 0, from_start: 0, to_start: 0 };
        for ((&size, &from), &to) in shape.iter().zip(from).zip(to) {
            if size != 1 {
                axes.insert(Axis { size, from, to });
            }
        }
        axes.merge();
        axes
    }

    pub(super) fn as_slice(&self) -> &[Axis] {
        &self.axes[..self.len]
    }

    /// Moves an axis to the last place but one.
    pub(super) fn bring_to_last_but_one(&mut self, axis: usize) {
        let end = self.len - 1;
        self.axes[axis..end].rotate_left(1);
    }

    /// Sorts an axis in by its distance at the destination, turned so that this distance is not negative.
    fn insert(&mut self, mut axis: Axis) {
        if axis.to < 0 {
            let last = signed(axis.size - 1);
            self.from_start = self.from_start.wrapping_add(last.wrapping_mul(axis.from));
            self.to_start = self.to_start.wrapping_add(last.wrapping_mul(axis.to));
            axis.from = axis.from.wrapping_neg();
            axis.to = axis.to.wrapping_neg();
        }
        let place = self.as_slice().iter().position(|other| other.to < axis.to);
        let place = place.unwrap_or(self.len);
        self.axes[place..=self.len].rotate_right(1);
        self.axes[place] = axis;
        self.len += 1;
    }

    /// Makes one axis of neighbours that step as one on both sides.
    fn merge(&mut self) {
        let mut kept = 0;
        for next in 1..self.len {
            let inner = self.axes[next];
            let outer = &mut self.axes[kept];
            let size = signed(inner.size);
            if outer.from == inner.from.wrapping_mul(size)
                && outer.to == inner.to.wrapping_mul(size)
            {
                *outer = Axis { size: outer.size * inner.size, ..inner };
            } else {
                kept += 1;
                self.axes[kept] = inner;
            }
        }
        self.len = self.len.min(kept + 1);
    }
}
