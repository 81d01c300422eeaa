//! The axes of several tensors of one shape, put in order and walked together.

use core::mem::take;

/// A shape, and the strides of `K` tensors of that shape.
///
/// The tensors have elements, and the addresses of these do not overflow, so no arithmetic on strides here does.
pub(crate) struct Axes<'a, const K: usize> {
    pub(crate) shape: &'a mut [isize],
    pub(crate) strides: [&'a mut [isize]; K],
}

impl<const K: usize> Axes<'_, K> {
    /// Flips the axes along which the addresses in the first tensor fall.
    ///
    /// Returns the offsets of the elements that come first afterwards.
    pub(crate) fn flip_negative(&mut self) -> [isize; K] {
        let mut offsets = [0_isize; K];
        for (axis, &size) in self.shape.iter().enumerate() {
            if self.strides[0][axis] >= 0 {
                continue;
            }
            for (strides, offset) in self.strides.iter_mut().zip(&mut offsets) {
                let stride = strides[axis];
                *offset = offset.wrapping_add((size - 1).wrapping_mul(stride));
                strides[axis] = stride.wrapping_neg();
            }
        }
        offsets
    }

    /// Sorts the axes so that the one which runs fastest in the first tensor is last.
    ///
    /// Axes along which the address stays the same come first.
    pub(crate) fn sort(&mut self) {
        let slowness = |stride: isize| if stride == 0 { isize::MAX } else { stride };
        for end in 1..self.shape.len() {
            let mut axis = end;
            while axis > 0 && slowness(self.strides[0][axis - 1]) < slowness(self.strides[0][axis])
            {
                self.shape.swap(axis - 1, axis);
                for strides in &mut self.strides {
                    strides.swap(axis - 1, axis);
                }
                axis -= 1;
            }
        }
    }

    /// Merges neighbouring axes that step as one in all tensors, and drops those of size 1.
    ///
    /// Returns how many axes are left.
    pub(crate) fn merge(&mut self) -> usize {
        let mut kept = 0;
        for axis in 0..self.shape.len() {
            let size = self.shape[axis];
            if size == 1 {
                continue;
            }
            let steps_on = |strides: &&mut [isize]| {
                kept > 0 && strides[kept - 1] == strides[axis].wrapping_mul(size)
            };
            let outer = if self.strides.iter().all(steps_on) {
                self.shape[kept - 1] * size
            } else {
                kept += 1;
                size
            };
            self.shape[kept - 1] = outer;
            for strides in &mut self.strides {
                strides[kept - 1] = strides[axis];
            }
        }
        self.shape = &mut take(&mut self.shape)[..kept];
        for strides in &mut self.strides {
            *strides = &mut take(strides)[..kept];
        }
        kept
    }

    /// Moves an axis to the end.
    pub(crate) fn bring_to_end(&mut self, axis: usize) {
        self.shape[axis..].rotate_left(1);
        for strides in &mut self.strides {
            strides[axis..].rotate_left(1);
        }
    }
}

/// Moves to the next index within `shape`, the last axis running fastest, and the offsets with it.
///
/// Returns `false`, back at the first index, if that was the last one.
#[inline]
pub(crate) fn advance<const K: usize>(
    shape: &[isize],
    strides: [&[isize]; K],
    index: &mut [isize],
    offsets: &mut [isize; K],
) -> bool {
    for axis in (0..shape.len()).rev() {
        index[axis] += 1;
        if index[axis] < shape[axis] {
            for (strides, offset) in strides.iter().zip(&mut *offsets) {
                *offset = offset.wrapping_add(strides[axis]);
            }
            return true;
        }
        index[axis] = 0;
        for (strides, offset) in strides.iter().zip(&mut *offsets) {
            *offset = offset.wrapping_sub((shape[axis] - 1).wrapping_mul(strides[axis]));
        }
    }
    false
}
