//! A function that takes any array and returns one.

use dlpack_pyo3::{OnHost, PyTensor, Rank, Tensor};
use pyo3::prelude::*;

/// Divides each row of a float32 matrix by its sum.
///
/// The argument may be an array of any library, row-major or column-major, contiguous or not, aligned or not. Anything but a float32 matrix
/// in main memory raises an exception that says what was expected and what was found.
#[pyfunction]
pub(crate) fn normalize(
    py: Python<'_>,
    matrix: PyTensor<f32, (Rank<2>, OnHost)>,
) -> PyResult<Tensor> {
    let mut elements = matrix.to_vec(py)?;
    let [rows, columns] = matrix.sizes()?;
    // The computation uses no Python objects, so other Python threads may run meanwhile.
    py.detach(|| {
        for row in elements.chunks_exact_mut(columns.max(1)) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|element| *element /= sum);
        }
    });
    // The vector is exported without a copy, and freed when Python has dropped the tensor.
    Tensor::from_vec(elements, &[rows, columns])
}
