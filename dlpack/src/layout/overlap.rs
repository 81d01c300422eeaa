//! The test whether two indices can name the same element.
//!
//! Deciding this exactly is a bounded Diophantine problem, hard in general. The test here is a sufficient
//! one. Take the axes of at least two elements by growing `|stride|`; each must exceed the *reach* of all
//! smaller ones, `Σ (size−1)·|stride|`. Then two different indices differ last at some axis `m` of that order,
//! and their offsets by at least `|stride[m]|` less the reach below `m`, which is positive.
//!
//! It accepts every slice, step, reversal, permutation and diagonal of a dense array and refuses broadcasts
//! and sliding windows; of arbitrary strides, it refuses some that do not overlap, such as shape `(2, 3)` with
//! strides `(3, 2)`.

use super::check::Layout;

impl Layout {
    /// Returns `true` if no two indices can name the same memory.
    ///
    /// `true` is a proof; `false` means that the strides overlap or are too unusual to tell. An empty tensor is
    /// disjoint. A shape with a negative size, and a shape and strides of different lengths, are not.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// assert!(Layout::is_disjoint(&[2, 3], &[-5, 1])); // reversed rows with a gap
    /// assert!(!Layout::is_disjoint(&[4, 3], &[0, 1])); // one row, broadcast
    /// assert!(!Layout::is_disjoint(&[4, 3], &[1, 1])); // a sliding window
    /// ```
    pub fn is_disjoint(shape: &[i64], strides: &[i64]) -> bool {
        if shape.len() != strides.len() || shape.iter().any(|&size| size < 0) {
            return false;
        }
        if shape.contains(&0) {
            return true;
        }
        // Selecting the next larger stride again and again needs no array, and beats sorting for the ranks in use.
        let disjoint = || {
            let (mut last, mut reach) = (0_u64, 0_u64);
            for _ in shape.iter().filter(|&&size| size != 1) {
                let next = next_larger(shape, strides, last);
                let (size, step) = next.filter(|&(_, step)| step > reach)?;
                reach = reach.checked_add(size.checked_sub(1)?.checked_mul(step)?)?;
                last = step;
            }
            Some(())
        };
        disjoint().is_some()
    }
}

/// The size and `|stride|` of the axis with the smallest `|stride|` above `last`.
///
/// Strides of 0 and repeated strides are never found, so the caller runs out of axes and refuses them.
fn next_larger(shape: &[i64], strides: &[i64], last: u64) -> Option<(u64, u64)> {
    shape
        .iter()
        .zip(strides)
        .filter(|&(&size, _)| size != 1)
        .map(|(&size, &stride)| (size.unsigned_abs(), stride.unsigned_abs()))
        .filter(|&(_, step)| step > last)
        .min_by_key(|&(_, step)| step)
}
