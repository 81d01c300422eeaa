//! Shapes that come from Rust code, made into dimensions of a view.

use crate::dims::Dims;
use crate::error::Error;

/// A row-major shape over `len` elements.
pub(super) fn row_major(shape: &[usize], len: usize) -> Result<Dims<isize>, Error> {
    let (mut dims, expected) = Dims::of_shape(shape)?;
    if expected != len {
        return Err(Error::LenMismatch { expected, found: len });
    }
    dims.fill_row_major();
    Ok(dims)
}
