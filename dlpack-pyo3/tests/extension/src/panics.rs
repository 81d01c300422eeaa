//! A class whose methods panic.

use dlpack::negotiate::Stream;
use dlpack::{Device, OpaqueTensor};
use dlpack_pyo3::Export;
use pyo3::prelude::*;

/// An object whose method of this name panics.
#[pyclass(frozen)]
pub(crate) struct Panics {
    place: String,
}

impl Panics {
    fn at(&self, place: &str) {
        assert!(self.place != place, "{place} panics");
    }
}

impl Export for Panics {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        slf.get().at("tensor");
        panic!("there is no tensor")
    }

    fn device(slf: &Bound<'_, Self>) -> Device {
        slf.get().at("device");
        Device::CPU
    }

    fn current_stream(_: Python<'_>, _: Device) -> PyResult<Stream> {
        panic!("there is no stream")
    }
}

dlpack_pyo3::export!(Panics);

#[pymethods]
impl Panics {
    #[new]
    fn new(place: String) -> Self {
        Self { place }
    }
}
