//! A function that reads no elements, and so takes tensors on any device.

use dlpack_pyo3::PyTensor;
use pyo3::prelude::*;

/// Returns the size of the elements in bytes, on whichever device they are.
#[pyfunction]
pub(crate) fn nbytes(tensor: PyTensor) -> usize {
    tensor.nbytes()
}
