//! A class whose methods panic.

use std::panic::panic_any;

use dlpack::negotiate::Stream;
use dlpack::{Device, DeviceType, OpaqueTensor};
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
        if self.place == format!("{place}, twice") {
            panic_any(PanicsAgain(3));
        }
    }
}

/// A payload that panics when it is dropped, with another one of its kind, so many times.
struct PanicsAgain(usize);

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        if let Some(fewer) = self.0.checked_sub(1) {
            panic_any(Self(fewer));
        }
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

    fn current_stream(_: Python<'_>, device: Device) -> PyResult<Stream> {
        if device.device_type == DeviceType::CUDA_HOST {
            panic_any(PanicsAgain(1));
        }
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
