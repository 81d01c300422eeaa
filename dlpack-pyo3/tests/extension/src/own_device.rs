//! A class with memory of a device, on machines without one.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlpack::negotiate::Stream;
use dlpack::{DataType, Device, DeviceType, Error, Exporter, ManagedTensorVersioned, OpaqueTensor};
use dlpack_pyo3::{Export, Tensor, to_py_err};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::memory::Counted;

/// Main memory that is exported as that of a device. The calls of the methods are recorded.
#[pyclass(frozen)]
pub(crate) struct OwnDevice {
    data: Arc<Counted>,
    len: usize,
    device: Device,
    /// What the class says of its device.
    said: Device,
    /// Where the memory is before that, and what the class says of it: the device at the first question, the second, and so on.
    before: Vec<Device>,
    /// How often the class was asked for its device.
    asked: AtomicUsize,
    /// `true` if the class can wait for its device.
    waits: bool,
    /// The methods that were called, with their arguments.
    #[pyo3(get)]
    calls: Py<PyList>,
    /// The exceptions that methods raise, by their names.
    #[pyo3(get)]
    raises: Py<PyDict>,
}

impl OwnDevice {
    fn note<'py>(
        slf: &Bound<'py, Self>,
        method: &str,
        device: Option<Device>,
        stream: Option<Stream>,
    ) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let device = device.map(|d| (d.device_type.code(), d.device_id));
        this.calls.bind(py).append((method, device, stream.map(number_of)))?;
        match this.raises.bind(py).get_item(method)? {
            Some(exception) => Err(PyErr::from_value(exception)),
            None => Ok(()),
        }
    }

    fn labelled(data: Arc<Counted>, len: usize, device: Device) -> Exporter<'static, Arc<Counted>> {
        let (start, nbytes) = (data.start(), len * size_of::<f32>());
        // SAFETY: the owner keeps memory of so many bytes. It is not on the device, but no test passes it to a runtime.
        unsafe { Exporter::from_raw_parts(data, start, nbytes, device) }.dtype(DataType::F32)
    }
}

/// Returns a stream as Python spells it.
fn number_of(stream: Stream) -> Option<i128> {
    if stream.is_no_sync() {
        return Some(-1);
    }
    stream.handle().and_then(|handle| handle.try_into().ok())
}

impl Export for OwnDevice {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        Self::note(slf, "tensor", None, None)?;
        let this = slf.get();
        let device = this.before.get(this.asked.load(Ordering::Relaxed)).unwrap_or(&this.device);
        let exporter = Self::labelled(Arc::clone(&this.data), this.len, *device);
        exporter.shape(&[this.len]).into_opaque().map_err(to_py_err)
    }

    fn device(slf: &Bound<'_, Self>) -> Device {
        let this = slf.get();
        let asked = this.asked.fetch_add(1, Ordering::Relaxed);
        *this.before.get(asked).unwrap_or(&this.said)
    }

    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        Self::note(slf, "copy_to", Some(device), Some(stream))?;
        let this = slf.get();
        if device != Device::CPU && device != this.device {
            return Err(to_py_err(Error::CopyUnsupported { device }));
        }
        let exporter = Self::labelled(Arc::new(this.data.copy()), this.len, device);
        // SAFETY: nobody else has the copy.
        let exporter = unsafe { exporter.copied() };
        exporter.shape(&[this.len]).build().map_err(to_py_err)
    }

    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        Self::note(slf, "synchronize", None, Some(stream))
    }

    fn wait_for_host(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if slf.get().waits {
            Self::note(slf, "wait_for_host", None, None)?;
            // It waits where the memory is.
            let _ = Self::device(slf);
        }
        Ok(slf.get().waits)
    }
}

dlpack_pyo3::export!(OwnDevice);

#[pymethods]
impl OwnDevice {
    #[new]
    #[pyo3(signature = (data, device=(2, 0), said=None, before=None, waits=false))]
    fn new(
        py: Python<'_>,
        data: Vec<f32>,
        device: (i32, i32),
        said: Option<(i32, i32)>,
        before: Option<Vec<(i32, i32)>>,
        waits: bool,
    ) -> Self {
        let bytes: Vec<u8> = data.iter().flat_map(|x| x.to_ne_bytes()).collect();
        let device_of = |(code, id)| Device::new(DeviceType::new(code), id);
        Self {
            data: Arc::new(Counted::new(&bytes)),
            len: data.len(),
            device: device_of(device),
            said: device_of(said.unwrap_or(device)),
            before: before.unwrap_or_default().into_iter().map(device_of).collect(),
            asked: AtomicUsize::new(0),
            waits,
            calls: PyList::empty(py).unbind(),
            raises: PyDict::new(py).unbind(),
        }
    }

    /// Returns the address of the first element.
    #[getter]
    fn address(&self) -> usize {
        self.data.start().addr()
    }

    /// Returns how often the class was asked for its device.
    #[getter]
    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Main memory that is exported as CUDA's pinned memory. The class names its device, and nothing else.
#[pyclass(frozen)]
pub(crate) struct OwnPinned(Arc<Counted>);

const PINNED: Device = Device::new(DeviceType::CUDA_HOST, 0);

impl Export for OwnPinned {
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let exporter = OwnDevice::labelled(Arc::clone(&slf.get().0), 1, PINNED);
        exporter.shape(&[1]).into_opaque().map_err(to_py_err)
    }

    fn device(_: &Bound<'_, Self>) -> Device {
        PINNED
    }
}

dlpack_pyo3::export!(OwnPinned);

#[pymethods]
impl OwnPinned {
    #[new]
    fn new() -> Self {
        Self(Arc::new(Counted::new(&[0; 4])))
    }
}

/// Makes a `Tensor` whose memory is exported as that of a device, where it can be used on the stream `ready`.
#[pyfunction]
#[pyo3(signature = (data, device, ready=None))]
pub(crate) fn on_device(data: &[u8], device: (i32, i32), ready: Option<usize>) -> PyResult<Tensor> {
    let memory = Counted::new(data);
    let device = Device::new(DeviceType::new(device.0), device.1);
    let (start, nbytes) = (memory.start(), data.len());
    // SAFETY: as in `labelled`.
    let exporter = unsafe { Exporter::from_raw_parts(memory, start, nbytes, device) };
    let tensor = Tensor::new(exporter.build().map_err(to_py_err)?);
    Ok(match ready {
        // SAFETY: there is no device whose runtime would use the handle.
        Some(stream) => tensor.ready_on(unsafe { Stream::from_handle(stream) }),
        None => tensor,
    })
}
