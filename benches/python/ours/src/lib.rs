//! The module `ours`: what the Python rows measure of `dlpack-pyo3`.

use dlpack_pyo3::dlpack::{Descriptor, Exporter};
use dlpack_pyo3::{PyTensor, Tensor};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

/// The address of the first element plus the number of elements.
fn answer(tensor: &Descriptor) -> usize {
    let offset = tensor.byte_offset() as usize;
    tensor.data().addr().wrapping_add(offset).wrapping_add(tensor.numel())
}

/// An array as an argument.
#[pyfunction]
fn take(array: PyTensor) -> usize {
    answer(&array)
}

/// What PyO3 takes for a call that does nothing.
#[pyfunction]
fn nothing(_object: &Bound<'_, PyAny>) {}

/// A tensor as a result, with as many elements as are asked for.
#[pyfunction]
fn own(rows: usize, columns: usize) -> PyResult<Tensor> {
    let elements = vec![0.0_f32; rows * columns];
    let tensor = Exporter::new(elements).shape(&[rows, columns]).build();
    let tensor = tensor.map_err(|error| PyBufferError::new_err(error.to_string()))?;
    Ok(Tensor::new(tensor.into_inner()))
}

#[pymodule]
mod ours {
    #[pymodule_export]
    use super::{nothing, own, take};
}
