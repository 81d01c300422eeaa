//! Functions with requirements on their arguments.

use dlpack::Device;
use dlpack_pyo3::{Import, OnHost, PyTensor, Rank, RowMajor, Writable};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::describe::with_route;

/// Takes a tensor of `float32`.
#[pyfunction]
pub(crate) fn typed_f32<'py>(py: Python<'py>, x: PyTensor<f32>) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// Takes what many kernels need: a row-major matrix in main memory.
#[pyfunction]
pub(crate) fn typed_matrix<'py>(
    py: Python<'py>,
    x: PyTensor<f32, (Rank<2>, RowMajor, OnHost)>,
) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// Adds 1 to each element in place.
#[pyfunction]
pub(crate) fn typed_writable<'py>(
    py: Python<'py>,
    mut x: PyTensor<f64, Writable>,
) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: the tests initialise all elements, and none of their threads uses them now.
    let mut elements = unsafe { x.view_mut() }?;
    for element in elements.iter_mut() {
        *element += 1.0;
    }
    with_route(py, &x)
}

/// Returns the elements of a tensor of `float64`.
#[pyfunction]
pub(crate) fn typed_list(py: Python<'_>, x: PyTensor<f64>) -> PyResult<Vec<f64>> {
    x.to_vec(py)
}

/// Returns the elements of a tensor of `float64`, which is asked for in main memory.
#[pyfunction]
pub(crate) fn typed_list_on_cpu(x: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let tensor: PyTensor<f64> = Import::new().device(Device::CPU).of(x)?;
    tensor.to_vec(x.py())
}

/// Imports a tensor in the strict mode.
#[pyfunction]
pub(crate) fn strict<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let tensor: PyTensor = Import::new().strict().of(x)?;
    with_route(x.py(), &tensor)
}
