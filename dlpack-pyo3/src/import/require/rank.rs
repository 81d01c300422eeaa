//! How many dimensions there are.

use dlpack::Descriptor;
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use super::Requirement;

/// That a tensor has `N` dimensions, or else a `ValueError`.
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
        if tensor.ndim() == N { Ok(()) } else { Err(refuse(N, tensor)) }
    }
}

#[cold]
fn refuse(expected: usize, tensor: &Descriptor) -> pyo3::PyErr {
    let (s, found) = (if expected == 1 { "" } else { "s" }, tensor.ndim());
    PyValueError::new_err(format!("expected {expected} dimension{s}, found {found}"))
}
