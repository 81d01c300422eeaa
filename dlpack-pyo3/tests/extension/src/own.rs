//! Classes that export their memory, as users write them.

use alloc::sync::Arc;

use dlpack::{DataType, Device, Exporter, OpaqueTensor};
use dlpack_pyo3::{Export, PyOwner, ReadOnlyAsLegacy, Tensor, to_py_err};
use pyo3::prelude::*;

use crate::memory::Counted;

/// An object of a frozen class that holds its elements.
#[pyclass(frozen, subclass)]
pub(crate) struct Own(Vec<f32>);

impl Export for Own {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let owner = PyOwner::from(slf.clone());
        Exporter::of(owner, |own| &own.get().0).into_opaque().map_err(to_py_err)
    }
}

dlpack_pyo3::export!(Own);

#[pymethods]
impl Own {
    #[new]
    fn new(data: Vec<f32>) -> Self {
        Self(data)
    }

    /// Returns the address of the first element.
    #[getter]
    fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }
}

/// An object that shares its elements with tensors and can replace them.
#[pyclass]
pub(crate) struct OwnShared {
    data: Arc<[f32]>,
    /// What consumers of the legacy ABI get: "copy", "error" or "alias".
    #[pyo3(get, set)]
    policy: String,
}

impl Export for OwnShared {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let data = Arc::clone(&slf.try_borrow()?.data);
        Exporter::shared(data).into_opaque().map_err(to_py_err)
    }

    fn read_only_as_legacy(slf: &Bound<'_, Self>) -> ReadOnlyAsLegacy {
        match slf.borrow().policy.as_str() {
            // SAFETY: the tests never write the memory of such an object.
            "alias" => unsafe { ReadOnlyAsLegacy::share() },
            "error" => ReadOnlyAsLegacy::REFUSE,
            _ => ReadOnlyAsLegacy::COPY,
        }
    }
}

dlpack_pyo3::export!(OwnShared);

#[pymethods]
impl OwnShared {
    #[new]
    #[pyo3(signature = (data, policy="copy"))]
    fn new(data: Vec<f32>, policy: &str) -> Self {
        Self { data: data.into(), policy: policy.into() }
    }

    #[getter]
    fn address(&self) -> usize {
        self.data.as_ptr().addr()
    }

    /// Sets all elements, in new memory if tensors share the old one.
    fn fill(&mut self, value: f32) {
        Arc::make_mut(&mut self.data).fill(value);
    }

    /// Returns the number of owners of the elements.
    #[getter]
    fn holders(&self) -> usize {
        Arc::strong_count(&self.data)
    }
}

/// An object without fields, so that a class of Python may be derived from this class and from `bytes`.
#[pyclass(frozen, subclass)]
pub(crate) struct OwnNothing;

impl Export for OwnNothing {
    fn tensor(_: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let memory = Counted::new(&[1, 2]);
        let start = memory.start();
        // SAFETY: the owner has at least so many bytes in main memory, which nobody else has.
        let exporter = unsafe { Exporter::from_raw_parts(memory, start, 2, Device::CPU) };
        exporter.dtype(DataType::U8).into_opaque().map_err(to_py_err)
    }
}

dlpack_pyo3::export!(OwnNothing);

#[pymethods]
impl OwnNothing {
    #[new]
    fn new() -> Self {
        Self
    }
}

/// Makes a `Tensor` of a producer.
#[pyfunction]
pub(crate) fn produced(data: Vec<f32>) -> PyResult<Tensor> {
    let tensor = Exporter::new(data).build().map_err(to_py_err)?;
    Tensor::from_producer(Arc::new(tensor.freeze())).map_err(to_py_err)
}

/// Makes a `Tensor` of read-only memory that consumers of the legacy ABI do not get.
#[pyfunction]
pub(crate) fn refusing(data: Vec<f32>) -> PyResult<Tensor> {
    let tensor = Exporter::new(data).read_only().build().map_err(to_py_err)?;
    Ok(Tensor::from(tensor).with_read_only_as_legacy(ReadOnlyAsLegacy::REFUSE))
}
