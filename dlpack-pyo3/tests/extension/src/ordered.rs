//! A runtime that records the calls of its methods.

use core::cell::RefCell;
use std::panic::resume_unwind;
use std::thread;

use dlpack::Device;
use dlpack::negotiate::Stream;
use dlpack_pyo3::{Import, PyTensor, Runtime, Tensor};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::describe::with_route;

/// A runtime that uses one stream on every device, and never waits.
struct Noting {
    stream: usize,
    fails: bool,
    notes: RefCell<Vec<Note>>,
}

/// A call: the device, and for `wait` the streams of the consumer and of the producer.
type Note = ((i32, i32), Option<(Option<usize>, Option<usize>)>);

impl Noting {
    fn note(&self, device: Device, streams: Option<(Option<usize>, Option<usize>)>) {
        let device = (device.device_type.code(), device.device_id);
        self.notes.borrow_mut().push((device, streams));
    }
}

impl Runtime for Noting {
    fn stream(&self, _: Python<'_>, device: Device) -> PyResult<Stream> {
        self.note(device, None);
        if device == Device::CPU {
            return Ok(Stream::NONE);
        }
        // SAFETY: there is no device whose runtime would use the handle.
        Ok(unsafe { Stream::from_handle(self.stream) })
    }

    fn wait(
        &self,
        _: Python<'_>,
        device: Device,
        consumer: Stream,
        producer: Stream,
    ) -> PyResult<()> {
        self.note(device, Some((consumer.handle(), producer.handle())));
        if self.fails { Err(PyRuntimeError::new_err("no event")) } else { Ok(()) }
    }
}

/// Imports a tensor with a runtime, and passes it on, on another thread if that is asked for.
#[pyfunction]
#[pyo3(signature = (object, stream, *, elsewhere=false))]
pub(crate) fn ordered_tensor(
    object: &Bound<'_, PyAny>,
    stream: usize,
    elsewhere: bool,
) -> PyResult<Tensor> {
    let runtime = Noting { stream, fails: false, notes: RefCell::default() };
    let tensor: PyTensor = Import::new().runtime(&runtime).of(object)?;
    if !elsewhere {
        return tensor.into_tensor();
    }
    let ended = object.py().detach(|| thread::spawn(|| tensor.into_tensor()).join());
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Imports a tensor with a runtime. Returns the description of the tensor and the calls of the runtime.
#[pyfunction]
#[pyo3(signature = (object, stream, *, fails=false))]
pub(crate) fn ordered<'py>(
    object: &Bound<'py, PyAny>,
    stream: usize,
    fails: bool,
) -> PyResult<(Bound<'py, PyDict>, Vec<Note>)> {
    let runtime = Noting { stream, fails, notes: RefCell::default() };
    let tensor: PyTensor = Import::new().runtime(&runtime).of(object)?;
    let description = with_route(object.py(), &tensor)?;
    Ok((description, runtime.notes.take()))
}
