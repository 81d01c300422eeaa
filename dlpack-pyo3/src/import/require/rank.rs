//! The number of dimensions.

use dlpack::{Descriptor, Error};
use pyo3::PyResult;

use super::Requirement;
use crate::import::error::to_py_err;

/// Requires `N` dimensions. Raises a `ValueError`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{Rank, Requirement};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let matrix = Exporter::new([0_u8; 6]).shape(&[2, 3]).build()?;
/// assert!(Rank::<2>::check(&matrix).is_ok());
/// assert!(Rank::<3>::check(&matrix).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Rank<const N: usize> {}

impl<const N: usize> Requirement for Rank<N> {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        match tensor.ndim() {
            found if found == N => Ok(()),
            found => Err(to_py_err(Error::NdimMismatch { expected: N, found })),
        }
    }
}
