//! Strides for a new shape over elements that stay where they are.
//!
//! Old and new axes are matched in groups of equal element counts, from the slowest on. Within a group the
//! old axes must step as one, and then the new ones divide that walk among themselves.

use crate::dims::write_compact;
use crate::error::Error;

/// Fills `new_strides` for `new_shape`; both shapes have the same, non-zero number of elements.
pub(super) fn strides(
    old_shape: &[isize],
    old_strides: &[isize],
    new_shape: &[isize],
    new_strides: &mut [isize],
) -> Result<(), Error> {
    let mut old = 0;
    let mut new = 0;
    while old < old_shape.len() && new < new_shape.len() {
        let (old_first, new_first) = (old, new);
        let mut old_count = old_shape[old];
        let mut new_count = new_shape[new];
        old += 1;
        new += 1;
        while old_count != new_count {
            if old_count < new_count {
                old_count *= old_shape[old];
                old += 1;
            } else {
                new_count *= new_shape[new];
                new += 1;
            }
        }
        let fastest = walk(&old_shape[old_first..old], &old_strides[old_first..old])?;
        write_compact(&new_shape[new_first..new], &mut new_strides[new_first..new], fastest);
    }
    // What is left on either side has size 1, where any stride will do.
    new_strides[new..].fill(0);
    Ok(())
}

/// The stride of the fastest axis of a group that steps as one.
fn walk(shape: &[isize], strides: &[isize]) -> Result<isize, Error> {
    let mut axes = shape.iter().zip(strides).rev().filter(|&(&size, _)| size != 1);
    let Some((&size, &fastest)) = axes.next() else {
        return Ok(0);
    };
    let mut expected = fastest.wrapping_mul(size);
    for (&size, &stride) in axes {
        if stride != expected {
            return Err(Error::ReshapeNeedsCopy);
        }
        expected = expected.wrapping_mul(size);
    }
    Ok(fastest)
}
