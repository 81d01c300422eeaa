//! A function that looks at no element, and so needs no access to the memory.

use dlpack_pyo3::PyTensor;

use pyo3::prelude::*;

/// How many bytes the elements take, on whichever device they are.
#[pyfunction]
pub(crate) fn nbytes(tensor: PyTensor) -> usize {
    tensor.nbytes()
}
