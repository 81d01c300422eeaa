//! Memory that may be written.

use dlpack::{Access, Descriptor, Error, layout::Layout};
use pyo3::PyResult;

use super::Requirement;
use crate::import::error::refuse_argument;

/// Requires elements that may be written, each by itself. Raises a `BufferError`.
///
/// A read-only tensor is refused, and so are a legacy tensor, which does not say whether it is read-only, and a tensor with
/// elements that may overlap, such as a broadcast array.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{Requirement, Writable};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let tensor = Exporter::new([0_u8; 6]).read_only().build()?;
/// assert!(Writable::check(&tensor).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Writable {}

impl Requirement for Writable {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        match tensor.access() {
            Access::Writable if Layout::is_disjoint(tensor.shape(), tensor.strides()) => Ok(()),
            Access::Writable => Err(refuse_argument(Error::Overlapping)),
            Access::ReadOnly => Err(refuse_argument(Error::ReadOnly)),
            _ => Err(refuse_argument(Error::WritabilityUnknown)),
        }
    }
}
