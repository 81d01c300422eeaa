//! A runtime that notes what it is asked for.

use core::cell::RefCell;

use dlpack::Device;
use dlpack::negotiate::Stream;
use dlpack_pyo3::{Import, PyTensor, Runtime};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::describe::with_route;

/// Works on one stream of every device, and waits for none.
struct Noting {
    stream: usize,
    fails: bool,
    notes: RefCell<Vec<Note>>,
}

/// A device, and the streams: of the consumer and of the producer, unless only the first was asked for.
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
        // SAFETY: nothing follows it.
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

/// Imports for a runtime, and describes; also what the runtime was asked for.
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
