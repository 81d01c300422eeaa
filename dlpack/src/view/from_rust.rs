//! Shapes that come from Rust code, made into dimensions of a view.

use crate::dims::Dims;
use crate::error::Error;

/// A row-major shape over `len` elements.
pub(super) fn row_major(shape: &[usize], len: usize) -> Result<Dims<isize>, Error> {
    let count = if shape.contains(&0) {
        Some(0)
    } else {
        shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size))
    };
    if count != Some(len) {
        return Err(Error::LenMismatch { expected: count.unwrap_or(usize::MAX), found: len });
    }
    let mut dims = Dims::zeroed(shape.len())?;
    for (to, &from) in dims.both_mut().0.iter_mut().zip(shape) {
        *to = isize::try_from(from).map_err(|_| Error::ShapeOverflow)?;
    }
    dims.fill_row_major();
    Ok(dims)
}
