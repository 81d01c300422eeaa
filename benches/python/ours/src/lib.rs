//! The module `ours`: what the Python rows measure of `dlpack-pyo3`, used as any extension uses it.

use std::sync::Arc;

use dlpack_pyo3::dlpack::{Descriptor, Exporter, ManagedTensorVersioned, OpaqueTensor};
use dlpack_pyo3::{Export, PyTensor, Tensor, to_framework_of, to_py_err, with_borrowed};
use pyo3::prelude::*;

/// Returns the address of the first element plus the number of elements.
fn answer(tensor: &Descriptor) -> usize {
    let offset = tensor.byte_offset() as usize;
    tensor.data().addr().wrapping_add(offset).wrapping_add(tensor.numel())
}

/// Does nothing, which shows the cost of a call through PyO3.
#[pyfunction]
fn nothing(_object: &Bound<'_, PyAny>) {}

/// Takes an array as an argument.
#[pyfunction]
fn take(array: PyTensor) -> usize {
    answer(&array)
}

/// Borrows an array for the call.
#[pyfunction]
fn take_view(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    // SAFETY: the function reads numbers, and does not call Python.
    unsafe { with_borrowed(array, |tensor| answer(&tensor)) }
}

/// Returns a tensor with so many rows and columns.
#[pyfunction]
fn tensor(rows: usize, columns: usize) -> PyResult<Tensor> {
    Ok(Tensor::new(zeros(rows, columns)?))
}

/// A class that exports memory of Rust.
#[pyclass(frozen)]
struct Own(Arc<ManagedTensorVersioned>);

impl Export for Own {
    const NEEDS_PYO3: bool = false;
    const LENDS: bool = true;

    fn lend<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a ManagedTensorVersioned> {
        Ok(&slf.get().0)
    }

    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        slf.get().0.share_opaque().map_err(to_py_err)
    }
}

dlpack_pyo3::export!(Own);

#[pymethods]
impl Own {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(Arc::new(zeros(3, 4)?)))
    }

    /// Returns the address of the first element.
    fn address(&self) -> usize {
        self.0.data().addr()
    }
}

fn zeros(rows: usize, columns: usize) -> PyResult<ManagedTensorVersioned> {
    let elements = vec![0.0_f32; rows * columns];
    let tensor = Exporter::new(elements).shape(&[rows, columns]).build();
    Ok(tensor.map_err(to_py_err)?.into_inner())
}

/// Returns an `Own` as an array of another object's library.
#[pyfunction]
fn give_to<'py>(own: &Bound<'py, Own>, like: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    to_framework_of(own, like)
}

#[pymodule]
mod ours {
    #[pymodule_export]
    use super::{Own, give_to, nothing, take, take_view, tensor};
}
