//! A function that takes any array and returns one.

use dlpack_pyo3::dlpack::Exporter;
use dlpack_pyo3::{OnHost, PyTensor, Rank, Tensor, to_py_err};
use pyo3::prelude::*;

/// Divides each row of a float32 matrix by its sum.
///
/// The argument may be an array of any library, in rows or columns, contiguous or not. What is no float32 matrix in main
/// memory raises an exception that says what was expected and what came.
#[pyfunction]
pub(crate) fn normalize(
    py: Python<'_>,
    matrix: PyTensor<f32, (Rank<2>, OnHost)>,
) -> PyResult<Tensor> {
    let mut elements = matrix.to_vec(py)?;
    let shape = matrix.cells(py)?.shape().to_vec();
    // Nothing of Python is used while the rows are computed, so other threads of Python may run.
    py.detach(|| {
        for row in elements.chunks_exact_mut(shape[1].max(1)) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|element| *element /= sum);
        }
    });
    // The vector goes out as it is, and is freed when Python is done with it.
    Ok(Exporter::new(elements).shape(&shape).build().map_err(to_py_err)?.into())
}
