//! Imported tensors that Python keeps and passes on.

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::panic;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{Descriptor, Device, Error, ManagedTensorVersioned};
use dlpack_pyo3::{PyTensor, ReadOnlyAsLegacy, Tensor, to_py_err};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::describe;

/// An imported tensor, until it is released or passed on.
#[pyclass]
pub(crate) struct Held(Option<PyTensor>);

/// Imports a tensor and keeps it.
#[pyfunction]
#[pyo3(signature = (tensor, /, *, copy=None, device=None, stream=None))]
pub(crate) fn hold<'py>(
    tensor: &Bound<'py, PyAny>,
    copy: Option<bool>,
    device: Option<(i32, i32)>,
    stream: Option<&Bound<'py, PyAny>>,
) -> PyResult<Held> {
    describe::take(tensor, copy, device, stream).map(|tensor| Held(Some(tensor)))
}

/// A tensor of `dlpack` in an object.
#[pyclass(frozen)]
pub(crate) struct Kept(
    #[expect(dead_code, reason = "held until it is dropped")] ManagedTensorVersioned,
);

/// Imports a tensor, makes it one of `dlpack`, and keeps it.
#[pyfunction]
pub(crate) fn keep(tensor: PyTensor) -> PyResult<Kept> {
    tensor.into_managed().map(Kept)
}

impl Held {
    fn tensor(&self) -> PyResult<&PyTensor> {
        self.0.as_ref().ok_or_else(|| PyValueError::new_err("expected a tensor, found it released"))
    }

    fn take(&mut self) -> PyResult<PyTensor> {
        self.tensor()?;
        self.0.take().ok_or_else(|| PyValueError::new_err("expected a tensor, found none"))
    }
}

#[pymethods]
impl Held {
    /// Drops the tensor. Does nothing if it was dropped before.
    fn release(&mut self) {
        self.0 = None;
    }

    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        describe::with_route(py, self.tensor()?)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        bytes_of(py, self.tensor()?)
    }

    /// Passes the tensor on as a `Tensor`, which can be used on the stream `ready`. If it is read-only, consumers of the
    /// legacy ABI get a copy, or nothing if `refuse_legacy`.
    #[pyo3(signature = (*, ready=None, refuse_legacy=false))]
    fn export(&mut self, ready: Option<usize>, refuse_legacy: bool) -> PyResult<Tensor> {
        let mut tensor = Tensor::new(self.take()?.into_managed()?);
        if refuse_legacy {
            tensor = tensor.with_read_only_as_legacy(ReadOnlyAsLegacy::REFUSE);
        }
        Ok(match ready {
            // SAFETY: tests pass streams that exist, or use no device at all.
            Some(stream) => tensor.ready_on(unsafe { Stream::from_handle(stream) }),
            None => tensor,
        })
    }

    /// Passes the tensor on as a `Tensor`, which can be used on the stream for which it was imported, or on the stream `ready`.
    #[pyo3(signature = (*, ready=None))]
    fn hand_on(&mut self, ready: Option<usize>) -> PyResult<Tensor> {
        let tensor = self.take()?.into_tensor()?;
        Ok(match ready {
            // SAFETY: tests pass streams that exist, or use no device at all.
            Some(stream) => tensor.ready_on(unsafe { Stream::from_handle(stream) }),
            None => tensor,
        })
    }

    /// Whether the tensor, which is dropped then, is one that nobody else uses.
    fn is_exclusive(&mut self) -> PyResult<bool> {
        Ok(self.take()?.into_managed()?.try_exclusive().is_ok())
    }

    /// Drops the tensor on a thread that Python does not know, while this thread is detached.
    fn send_to_thread(&mut self, py: Python<'_>) -> PyResult<()> {
        let tensor = self.take()?;
        let dropped = py.detach(|| thread::spawn(move || drop(tensor)).join());
        dropped.map_err(|_| PyValueError::new_err("expected a deleter, found a panic"))
    }

    /// The same, on a thread that is there for all tensors.
    fn send_to_worker(&mut self, py: Python<'_>) -> PyResult<()> {
        let tensor = self.take()?;
        py.detach(|| drop_on_worker(tensor))
    }
}

/// Drops a tensor on the one thread for that, and waits until it has done so.
fn drop_on_worker(tensor: PyTensor) -> PyResult<()> {
    type Work = (PyTensor, Sender<()>);
    static WORKER: OnceLock<Mutex<Sender<Work>>> = OnceLock::new();
    let worker = WORKER.get_or_init(|| {
        let (sender, work) = mpsc::channel::<Work>();
        thread::spawn(move || {
            for (tensor, done) in work {
                if panic::catch_unwind(AssertUnwindSafe(|| drop(tensor))).is_ok() {
                    let _ = done.send(());
                }
            }
        });
        Mutex::new(sender)
    });
    let (done, is_done) = mpsc::channel();
    let sent = worker.lock().unwrap_or_else(PoisonError::into_inner).send((tensor, done));
    let waited = sent.is_ok() && is_done.recv().is_ok();
    if waited { Ok(()) } else { Err(PyValueError::new_err("expected a deleter, found a panic")) }
}

/// Makes a `Tensor` of a producer that exports these tensors, starting with the last one, which this call uses. The producer says that it
/// is on the device of that one for so many times, and in main memory afterwards; `said` counts how often it has said the latter.
#[pyfunction]
#[pyo3(signature = (tensors, stays=usize::MAX, said=None))]
pub(crate) fn relay(
    tensors: Vec<Bound<'_, Held>>,
    stays: usize,
    said: Option<Py<PyList>>,
) -> PyResult<Tensor> {
    let take = |held: &Bound<'_, Held>| held.borrow_mut().take()?.into_managed();
    let tensors = tensors.iter().map(take).collect::<PyResult<Vec<_>>>()?;
    let device = tensors.last().map_or(Device::CPU, |tensor| tensor.device());
    let relay = Relay { tensors: tensors.into(), device, stays: stays.into(), said };
    Tensor::from_producer(relay).map_err(to_py_err)
}

/// A producer that passes tensors of other producers on, whose elements have been written.
struct Relay {
    tensors: Mutex<Vec<ManagedTensorVersioned>>,
    device: Device,
    stays: AtomicUsize,
    said: Option<Py<PyList>>,
}

impl Relay {
    fn next(&self) -> Result<ManagedTensorVersioned, Error> {
        let mut tensors = self.tensors.lock().map_err(|_| Error::NullTensor)?;
        tensors.pop().ok_or(Error::NullTensor)
    }
}

impl Producer for Relay {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.next()
    }

    fn copy_to(&self, _: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.next()
    }

    fn device(&self) -> Device {
        let order = Ordering::Relaxed;
        if self.stays.fetch_update(order, order, |times| times.checked_sub(1)).is_ok() {
            return self.device;
        }
        if let Some(said) = &self.said {
            Python::attach(|py| said.bind(py).append("main memory").is_ok());
        }
        Device::CPU
    }

    fn synchronize(&self, _: Stream) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns the bytes of the elements in row-major order, as Rust reads them.
#[pyfunction]
pub(crate) fn to_bytes<'py>(py: Python<'py>, tensor: PyTensor) -> PyResult<Bound<'py, PyBytes>> {
    bytes_of(py, &tensor)
}

/// Returns the bytes of elements of any dtype.
fn bytes_of<'py>(py: Python<'py>, tensor: &Descriptor) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: the tests initialise all elements, and none of their threads writes them now.
    let copy = unsafe { tensor.to_copy() }.map_err(to_py_err)?;
    let start = if copy.is_empty() { core::ptr::dangling() } else { copy.data().cast::<u8>() };
    // SAFETY: the elements of a copy are contiguous, from the data pointer on.
    let bytes = unsafe { core::slice::from_raw_parts(start, copy.nbytes()) };
    Ok(PyBytes::new(py, bytes))
}
