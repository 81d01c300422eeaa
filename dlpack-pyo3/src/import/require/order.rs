//! The order in which the elements lie in memory.

use dlpack::Descriptor;
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, PyResult};

use super::Requirement;
use crate::import::error::Text;

/// Requires contiguous elements in row-major (C) order. Raises a `ValueError`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{Requirement, RowMajor};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let transposed = Exporter::new([0_u8; 6]).shape(&[2, 3]).strides(&[1, 2]).build()?;
/// assert!(RowMajor::check(&transposed).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum RowMajor {}

impl Requirement for RowMajor {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        if tensor.is_contiguous() { Ok(()) } else { Err(refuse("in row-major order", tensor)) }
    }
}

/// Requires contiguous elements in column-major (Fortran) order. Raises a `ValueError`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{ColumnMajor, Requirement};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let transposed = Exporter::new([0_u8; 6]).shape(&[2, 3]).strides(&[1, 2]).build()?;
/// assert!(ColumnMajor::check(&transposed).is_ok());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ColumnMajor {}

impl Requirement for ColumnMajor {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        if tensor.is_column_major() { Ok(()) } else { Err(refuse("in column-major order", tensor)) }
    }
}

/// Requires contiguous elements in some order of the axes, none of which overlap. Raises a `ValueError`.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{Dense, Requirement};
/// use dlpack_pyo3::dlpack::Exporter;
///
/// let every_second = Exporter::new([0_u8; 6]).shape(&[3]).strides(&[2]).build()?;
/// assert!(Dense::check(&every_second).is_err());
/// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Dense {}

impl Requirement for Dense {
    #[inline]
    fn check(tensor: &Descriptor) -> PyResult<()> {
        if tensor.is_dense() { Ok(()) } else { Err(refuse("side by side", tensor)) }
    }
}

#[cold]
fn refuse(expected: &str, tensor: &Descriptor) -> PyErr {
    let (shape, strides) = (tensor.shape(), tensor.strides());
    PyValueError::new_err(Text(format!(
        "expected elements {expected}, found strides {strides:?} for shape {shape:?}"
    )))
}
