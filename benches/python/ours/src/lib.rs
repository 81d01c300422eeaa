//! The module `ours`: what the Python rows measure of `dlpack-pyo3`, used as any extension uses it.

use std::sync::Arc;

use dlpack_pyo3::dlpack::{Adopted, Descriptor, Device, Element, Exporter, Parcel};
use dlpack_pyo3::{Export, PyTensor, Tensor, to_py_err};
use pyo3::prelude::*;

/// The address of the first element plus the number of elements.
fn answer(tensor: &Descriptor) -> usize {
    let offset = tensor.byte_offset() as usize;
    tensor.data().addr().wrapping_add(offset).wrapping_add(tensor.numel())
}

/// What PyO3 takes for a call that does nothing.
#[pyfunction]
fn nothing(_object: &Bound<'_, PyAny>) {}

/// An array as an argument.
#[pyfunction]
fn take(array: PyTensor) -> usize {
    answer(&array)
}

/// A tensor as a result, of as many elements as are asked for.
#[pyfunction]
fn tensor(rows: usize, columns: usize) -> PyResult<Tensor> {
    let elements = vec![0.0_f32; rows * columns];
    let tensor = Exporter::new(elements).shape(&[rows, columns]).build().map_err(to_py_err)?;
    Ok(Tensor::new(tensor.into_inner()))
}

/// A class of its own, whose memory Python knows nothing of.
#[pyclass(frozen)]
struct Own {
    elements: Arc<[f32; 12]>,
}

impl Export for Own {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
        let elements = Arc::clone(&slf.get().elements);
        let start = elements.as_ptr().cast_mut().cast();
        // SAFETY: the elements are as many bytes, and live as long as their owner.
        let memory = unsafe { Adopted::new(elements, start, 48, Device::CPU) };
        Exporter::new(memory).dtype(f32::DTYPE).shape(&[3, 4]).into_parcel().map_err(to_py_err)
    }
}

dlpack_pyo3::export!(Own);

#[pymethods]
impl Own {
    #[new]
    fn new() -> Self {
        Self { elements: Arc::new([0.0; 12]) }
    }

    /// Where the first element is.
    fn address(&self) -> usize {
        self.elements.as_ptr().addr()
    }
}

#[pymodule]
mod ours {
    #[pymodule_export]
    use super::{Own, nothing, take, tensor};
}
