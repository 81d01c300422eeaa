//! Functions whose arguments are checked.

use dlpack::{Device, ImportMode};
use dlpack_pyo3::{Import, OnHost, PyTensor, Rank, RowMajor, Writable};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::describe::with_route;

/// Any tensor of `float32`.
#[pyfunction]
pub(crate) fn typed_f32<'py>(py: Python<'py>, x: PyTensor<f32>) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// What many kernels want.
#[pyfunction]
pub(crate) fn typed_matrix<'py>(
    py: Python<'py>,
    x: PyTensor<f32, (Rank<2>, RowMajor, OnHost)>,
) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// Adds 1 to each element, in place.
#[pyfunction]
pub(crate) fn typed_writable<'py>(
    py: Python<'py>,
    mut x: PyTensor<f64, Writable>,
) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: tests wrote the elements, and no thread of theirs uses them now.
    let mut elements = unsafe { x.view_mut() }?;
    for element in elements.iter_mut() {
        *element += 1.0;
    }
    with_route(py, &x)
}

/// The elements of a tensor of `float64`, read one by one.
#[pyfunction]
pub(crate) fn typed_list(py: Python<'_>, x: PyTensor<f64>) -> PyResult<Vec<f64>> {
    x.to_vec(py)
}

/// The same, asked for in main memory.
#[pyfunction]
pub(crate) fn typed_list_on_cpu(x: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let tensor: PyTensor<f64> = Import::new().device(Device::CPU).of(x)?;
    tensor.to_vec(x.py())
}

/// As closely to the standard as can be checked.
#[pyfunction]
pub(crate) fn strict<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let tensor: PyTensor = Import::new().mode(ImportMode::Strict).of(x)?;
    with_route(x.py(), &tensor)
}
