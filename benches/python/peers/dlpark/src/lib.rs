//! The module `peer_dlpark`.

use std::ffi::c_void;
use std::sync::Arc;

use dlpark::ffi::{DLDataType, DLDevice, DLManagedTensor, DLManagedTensorVersioned, DLTensor};
use dlpark::python::consumer::exchange::ExchangeApi;
use dlpark::python::{
    DlpackExchangeProducer, DlpackExporter, ExportRequest, export_dlpack, from_dlpack,
    install_exchange_api,
};
use dlpark::{DlpackElement, DlpackFlags, Managed, ManagedTensorBase, TensorRef, metadata::Fixed};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The address of the first element plus the number of elements.
fn answer(tensor: &TensorRef<'_>) -> usize {
    let first = (tensor.data_ptr() as usize).wrapping_add(tensor.byte_offset() as usize);
    first.wrapping_add(tensor.num_elements())
}

fn wrong(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyfunction]
fn take(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    let tensor = from_dlpack(array.as_borrowed(), None, None)?;
    Ok(answer(&tensor.validate().map_err(wrong)?))
}

#[pyfunction]
fn take_view(array: &Bound<'_, PyAny>) -> PyResult<usize> {
    let api = ExchangeApi::from_object(array.as_borrowed())?;
    let api = api.ok_or_else(|| wrong("expected a table of functions"))?;
    api.with_tensor_view_no_sync(array.as_borrowed(), |tensor, _| {
        // SAFETY: the library of the array has written it, and it is valid for this call.
        let tensor = unsafe { TensorRef::from_raw(tensor) }.map_err(wrong)?;
        Ok(answer(&tensor))
    })?
}

const ROWS: i64 = 3;
const COLUMNS: i64 = 4;

struct Block {
    shape: [i64; 2],
    strides: [i64; 2],
    elements: [f32; 12],
}

/// An array whose memory Python knows nothing of.
#[pyclass(frozen)]
struct Own {
    block: Arc<Block>,
}

impl Own {
    fn data(&self) -> *mut c_void {
        self.block.elements.as_ptr().cast_mut().cast()
    }

    fn tensor<M: ManagedTensorBase>(&self) -> PyResult<Managed<M>> {
        let layout = Fixed::new(self.block.shape, self.block.strides);
        let mut new = layout.initialize_as::<M>(Arc::clone(&self.block)).map_err(wrong)?;
        new.set_data(self.data()).set_device(DLDevice::CPU).set_dtype(f32::DTYPE);
        // SAFETY: the elements live as long as the block, which the tensor holds.
        Ok(unsafe { new.finish() })
    }
}

impl DlpackExporter for Own {
    fn device(&self) -> DLDevice {
        DLDevice::CPU
    }

    fn flags(&self) -> DlpackFlags {
        DlpackFlags::empty()
    }

    fn prepare_export(&self, _: Python<'_>, _: &ExportRequest<'_>) -> PyResult<()> {
        Ok(())
    }

    fn export_legacy(&self, _: Python<'_>) -> PyResult<Managed<DLManagedTensor>> {
        self.tensor()
    }

    fn export_versioned(&self, _: Python<'_>) -> PyResult<Managed<DLManagedTensorVersioned>> {
        self.tensor()
    }
}

// SAFETY: shape and strides are in the block, which the object holds.
unsafe impl DlpackExchangeProducer for Own {
    const HAS_DLTENSOR_VIEW: bool = true;

    fn managed_tensor_no_sync(&self, _: Python<'_>) -> PyResult<Managed<DLManagedTensorVersioned>> {
        self.tensor()
    }

    fn tensor_view_no_sync(&self, _: Python<'_>) -> PyResult<DLTensor> {
        Ok(DLTensor {
            data: self.data(),
            device: DLDevice::CPU,
            ndim: 2,
            dtype: DLDataType::of::<f32>(),
            shape: self.block.shape.as_ptr().cast_mut(),
            strides: self.block.strides.as_ptr().cast_mut(),
            byte_offset: 0,
        })
    }

    fn current_work_stream(_: Python<'_>, _: DLDevice) -> PyResult<*mut c_void> {
        Ok(std::ptr::null_mut())
    }
}

#[pymethods]
impl Own {
    #[new]
    fn new() -> Self {
        let elements = std::array::from_fn(|i| i as f32);
        let block = Block { shape: [ROWS, COLUMNS], strides: [COLUMNS, 1], elements };
        Self { block: Arc::new(block) }
    }

    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(u32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        export_dlpack(self, py, ExportRequest::parse(stream, max_version, dl_device, copy)?)
    }

    fn __dlpack_device__(&self) -> (u32, i32) {
        (1, 0)
    }

    fn address(&self) -> usize {
        self.data() as usize
    }
}

/// Makes an array of torch by torch's table.
#[pyfunction]
fn to_torch<'py>(own: &Bound<'py, Own>, like: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let api = ExchangeApi::from_object(like.as_borrowed())?;
    let api = api.ok_or_else(|| wrong("expected a table of functions"))?;
    api.managed_tensor_to_py_object_no_sync(own.get().tensor()?, own.py())
}

#[pymodule]
fn peer_dlpark(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Own>()?;
    install_exchange_api::<Own>(module.py())?;
    module.add_function(wrap_pyfunction!(take, module)?)?;
    module.add_function(wrap_pyfunction!(take_view, module)?)?;
    module.add_function(wrap_pyfunction!(to_torch, module)?)
}
