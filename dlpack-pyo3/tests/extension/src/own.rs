//! Classes that export memory of their own, as users write them.

use alloc::sync::Arc;

use dlpack::{Exporter, OpaqueTensor};
use dlpack_pyo3::{Export, PyOwner, ReadOnlyAsLegacy, Tensor, to_py_err};
use pyo3::prelude::*;

/// Elements inside an object that cannot change.
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

    /// Where the elements are.
    #[getter]
    fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }
}

/// Elements that are shared and can be replaced, in an object that changes.
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
            // SAFETY: the tests only read what they get of such an object.
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

    /// Writes all elements; those that somebody else has stay as they are.
    fn fill(&mut self, value: f32) {
        Arc::make_mut(&mut self.data).fill(value);
    }

    /// How many hold the elements.
    #[getter]
    fn holders(&self) -> usize {
        Arc::strong_count(&self.data)
    }
}

/// The ready-made class over a producer, which is asked for everything.
#[pyfunction]
pub(crate) fn produced(data: Vec<f32>) -> PyResult<Tensor> {
    let tensor = Exporter::new(data).build().map_err(to_py_err)?;
    Tensor::from_producer(Arc::new(tensor.freeze())).map_err(to_py_err)
}

/// The ready-made class over read-only memory that consumers of the legacy ABI do not get.
#[pyfunction]
pub(crate) fn refusing(data: Vec<f32>) -> PyResult<Tensor> {
    let tensor = Exporter::new(data).read_only().build().map_err(to_py_err)?;
    Ok(Tensor::from(tensor).with_read_only_as_legacy(ReadOnlyAsLegacy::REFUSE))
}
