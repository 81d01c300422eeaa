//! Imports with options.

use core::fmt;

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{Device, DeviceType};
use pyo3::exceptions::PyBufferError;
use pyo3::types::PyAnyMethods;
use pyo3::{Borrowed, Bound, PyAny, PyResult, Python};

use super::bridge::{self, to_err};
use super::elements::Elements;
use super::error::Text;
use super::require::Requirement;
use super::runtime::Runtime;
use super::tensor::PyTensor;
use super::untyped::UntypedTensor;
use crate::protocol;
use crate::route::{self, Library};

/// Imports the tensor of a Python object with options: device, copy policy, stream.
///
/// A [`PyTensor`] that is an argument of a function is imported without options: on the device where it is, copied only if
/// the producer cannot avoid that, and for the default stream of the device. A function that needs something else takes a
/// `Bound<PyAny>` and uses this.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Device;
/// use dlpack_pyo3::dlpack::negotiate::CopyPolicy;
/// use dlpack_pyo3::{Import, PyTensor};
/// use pyo3::prelude::*;
///
/// /// The sum of the elements, which the producer copies to main memory if they are elsewhere.
/// #[pyfunction]
/// fn total(object: &Bound<'_, PyAny>) -> PyResult<f64> {
///     let tensor: PyTensor<f64> = Import::new().device(Device::CPU).of(object)?;
///     Ok(tensor.cells(object.py())?.iter().sum())
/// }
///
/// # Python::attach(|py| {
/// use dlpack_pyo3::{Tensor, dlpack::Exporter, to_py_err};
///
/// let numbers = Exporter::new(vec![1.0, 2.0]).build().map_err(to_py_err)?.into_inner();
/// let numbers = Bound::new(py, Tensor::new(numbers))?;
/// assert_eq!(total(&numbers)?, 3.0);
///
/// let copy: PyTensor = Import::new().copy(CopyPolicy::ALWAYS).of(&numbers)?;
/// assert_ne!(copy.data(), numbers.extract::<PyTensor>()?.data());
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Import<'a> {
    request: Request,
    strict: bool,
    stream: Source<'a>,
}

/// Who names the stream.
#[derive(Clone, Copy, Default)]
enum Source<'a> {
    /// The request does.
    #[default]
    Request,
    Python(Borrowed<'a, 'a, PyAny>),
    Runtime(&'a dyn Runtime),
}

impl<'a> Import<'a> {
    /// Makes an import without options.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor: PyTensor<u8> = Import::new().of(&bytes)?;
    /// assert_eq!(tensor.shape(), [4]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for memory on this device. The producer copies the elements there if it has to and can.
    ///
    /// A producer of device memory that is asked for the CPU copies the elements to main memory and waits until they are
    /// there. It may also give pinned or managed memory. A producer that is too old to be asked is taken as it is if its
    /// tensor is on that device.
    ///
    /// PyTorch and Paddle do not wait for all that they copy to or from a device of CUDA or ROCm, and take no stream that could. So
    /// they are not asked for such a copy, which is refused, unless it is one in main memory, or the stream is [`Stream::NO_SYNC`],
    /// for a function that waits by other means.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::Device;
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor: PyResult<PyTensor> = Import::new().device(Device::cuda(0)).of(&bytes);
    /// assert_eq!(tensor.unwrap_err().to_string(), "BufferError: expected a tensor on device cuda:0, found one on cpu");
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub const fn device(mut self, device: Device) -> Self {
        self.request.device = device;
        self
    }

    /// Asks for a copy, or forbids one.
    ///
    /// A copy in main memory may be written, unless its producer marks it as read-only. Of a producer that is too old to know
    /// this keyword, or that answers in the legacy ABI, a tensor in main memory is copied here, since nothing says that it is
    /// a copy. So are arrays of JAX. Some producers that copy do not say so in the tensor's flags.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::negotiate::CopyPolicy;
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor: PyTensor = Import::new().copy(CopyPolicy::NEVER).of(&bytes)?;
    /// assert_eq!(tensor.data().cast_const(), bytes.as_bytes().as_ptr().cast());
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub const fn copy(mut self, copy: CopyPolicy) -> Self {
        self.request.copy = copy;
        self
    }

    /// Refuses a tensor that breaks a rule which an import otherwise overlooks: null strides in a version that forbids them.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor: PyTensor = Import::new().strict().of(&bytes)?;
    /// assert_eq!(tensor.strides(), [1]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Names the stream on which the tensor will be used. The producer makes that stream wait until the elements are written.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::negotiate::Stream;
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// // Main memory has no streams, so there is nothing to wait for.
    /// let tensor: PyTensor = Import::new().stream(Stream::NO_SYNC).of(&bytes)?;
    /// assert_eq!(tensor.numel(), 4);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub const fn stream(mut self, stream: Stream) -> Self {
        self.request.stream = stream;
        self.stream = Source::Request;
        self
    }

    /// As [`stream`](Self::stream), for a stream that Python names; see [`stream_from`](crate::stream_from).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{Import, PyTensor};
    /// use pyo3::exceptions::PyValueError;
    /// use pyo3::prelude::*;
    ///
    /// /// The usual keyword for it.
    /// #[pyfunction]
    /// #[pyo3(signature = (array, *, stream=None))]
    /// fn prepare(array: &Bound<'_, PyAny>, stream: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    ///     let import = match stream {
    ///         Some(stream) => Import::new().stream_from(stream),
    ///         None => Import::new(),
    ///     };
    ///     let tensor: PyTensor = import.of(array)?;
    ///     # let _ = tensor;
    ///     Ok(())
    /// }
    /// # Python::attach(|py| {
    /// # let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// # let seven = 7_i32.into_pyobject(py)?.into_any();
    /// # assert!(prepare(&bytes, Some(&seven)).unwrap_err().is_instance_of::<PyValueError>(py));
    /// # prepare(&bytes, None)?;
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub fn stream_from(mut self, stream: &'a Bound<'a, PyAny>) -> Self {
        self.stream = Source::Python(stream.as_borrowed());
        self
    }

    /// As [`stream`](Self::stream), for the stream that a runtime names once the device is known.
    ///
    /// A tensor on a device is refused if its producer could not be told: a capsule, and an object whose `__dlpack_device__` is missing,
    /// or says another device.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::Device;
    /// use dlpack_pyo3::dlpack::negotiate::Stream;
    /// use dlpack_pyo3::{Import, PyTensor, Runtime};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// struct NoDevices;
    ///
    /// impl Runtime for NoDevices {
    ///     fn stream(&self, _: Python<'_>, device: Device) -> PyResult<Stream> {
    ///         assert_eq!(device, Device::CPU);
    ///         Ok(Stream::NONE)
    ///     }
    ///
    ///     fn wait(&self, _: Python<'_>, _: Device, _: Stream, _: Stream) -> PyResult<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor: PyTensor = Import::new().runtime(&NoDevices).of(&bytes)?;
    /// assert_eq!(tensor.numel(), 4);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub const fn runtime(mut self, runtime: &'a dyn Runtime) -> Self {
        self.stream = Source::Runtime(runtime);
        self
    }

    /// Imports the tensor of the object.
    ///
    /// # Errors
    ///
    /// As for a [`PyTensor`] that is an argument. Besides,
    ///
    /// - `TypeError` for a producer that is too old for what was asked, if that cannot be done here;
    /// - `BufferError` for a tensor on another device than the one that was asked for, or for which a [`runtime`](Self::runtime) has
    ///   named its stream, or without the strides that [`strict`](Self::strict) requires;
    /// - an error that is a `BufferError` and a `ValueError` for a copy that must not be made;
    /// - `ValueError` for a stream that the device does not have.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{Import, PyTensor, Rank};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let refused: PyResult<PyTensor<u8, Rank<2>>> = Import::new().of(&bytes);
    /// assert_eq!(refused.unwrap_err().to_string(), "ValueError: expected 2 dimensions, found 1");
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn of<T: Elements, R: Requirement>(
        &self,
        object: &Bound<'_, PyAny>,
    ) -> PyResult<PyTensor<T, R>> {
        let object = object.as_borrowed();
        match self.stream {
            Source::Runtime(runtime) if self.can_be_by_table() && has_table(object)? => {
                match self.in_order(object, runtime)? {
                    Some(tensor) => Ok(tensor),
                    None => self.by_request(object),
                }
            }
            _ => self.by_request(object),
        }
    }

    /// Imports a tensor by one request, which names the stream to the producer.
    fn by_request<T: Elements, R: Requirement>(
        &self,
        object: Borrowed<'_, '_, PyAny>,
    ) -> PyResult<PyTensor<T, R>> {
        let (request, named) = self.request(object)?;
        UntypedTensor::import(object, &request, self.strict, |tensor| {
            if let Some(device) = named {
                check_named_device(&tensor, device)?;
            }
            PyTensor::new(tensor)
        })
    }

    /// Imports a tensor for which the producer does not wait, and lets the runtime order the streams. Returns `None` for one on a
    /// device that the table has not given: it need not be ready on the stream that the table tells.
    fn in_order<T: Elements, R: Requirement>(
        &self,
        object: Borrowed<'_, '_, PyAny>,
        runtime: &dyn Runtime,
    ) -> PyResult<Option<PyTensor<T, R>>> {
        let request = self.request.stream(Stream::NO_SYNC);
        let (mut tensor, library) =
            UntypedTensor::import_with_library(object, &request, self.strict)?;
        if !tensor.is_by_table() && !tensor.is_ready_for_host() {
            return Ok(None);
        }
        if let Some(stream) = order(object.py(), &library, tensor.device(), runtime)? {
            tensor.set_ready_on(stream);
        }
        PyTensor::new(tensor).map(Some)
    }

    /// Returns `true` if a table may give what is asked for.
    fn can_be_by_table(&self) -> bool {
        let is_anywhere = self.request.wanted_device().is_none_or(|device| device == Device::CPU);
        is_anywhere && self.request.copy != CopyPolicy::ALWAYS && !self.strict
    }

    /// Returns the request for this object, and the device for which a runtime has named the stream.
    fn request(&self, object: Borrowed<'_, '_, PyAny>) -> PyResult<(Request, Option<Device>)> {
        let stream = match self.stream {
            Source::Request => self.request.stream,
            Source::Python(stream) if stream.is_none() => Stream::NONE,
            Source::Python(stream) => {
                let device = self.device_of(object)?;
                protocol::stream_from(bridge::object(stream), device)
                    .map_err(|raised| to_err(object.py(), raised))?
            }
            Source::Runtime(runtime) => {
                let device = self.device_of(object)?;
                let stream = runtime.stream(object.py(), device)?;
                return Ok((self.request.stream(stream), Some(device)));
            }
        };
        Ok((self.request.stream(stream), None))
    }

    /// Returns the device on which the tensor will be.
    fn device_of(&self, object: Borrowed<'_, '_, PyAny>) -> PyResult<Device> {
        match self.request.wanted_device() {
            Some(device) => Ok(device),
            None => protocol::device_of(bridge::object(object))
                .map(|device| device.unwrap_or(Device::CPU))
                .map_err(|raised| to_err(object.py(), raised)),
        }
    }
}

/// Makes the consumer's stream on the device wait for the stream of the library that has given the tensor, and returns it. Does
/// nothing for the CPU, and if the consumer synchronizes by itself.
fn order(
    py: Python<'_>,
    library: &Library,
    device: Device,
    runtime: &dyn Runtime,
) -> PyResult<Option<Stream>> {
    if device.device_type == DeviceType::CPU {
        return Ok(None);
    }
    let consumer = runtime.stream(py, device)?;
    if consumer.is_no_sync() {
        return Ok(None);
    }
    let producer = library.current_stream(bridge::attached(py), device);
    runtime.wait(py, device, consumer, producer.map_err(|raised| to_err(py, raised))?)?;
    Ok(Some(consumer))
}

/// Refuses a tensor on another device than the one for which a runtime has named its stream: a capsule, or an object that says nothing
/// about its device, or something else. Nobody has told its producer the stream on which it will be used.
fn check_named_device(tensor: &UntypedTensor, device: Device) -> PyResult<()> {
    let found = tensor.device();
    if tensor.is_ready_for_host() || found.canonical() == device.canonical() {
        return Ok(());
    }
    let text = "expected a producer that says its device, to be told the stream";
    Err(PyBufferError::new_err(Text(format!(
        "{text}, found a tensor on {found} from one of {device}"
    ))))
}

/// Returns `true` if the object can be imported without its producer's waiting.
fn has_table(object: Borrowed<'_, '_, PyAny>) -> PyResult<bool> {
    route::has_table(bridge::object(object)).map_err(|raised| to_err(object.py(), raised))
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("request", &self.request).finish_non_exhaustive()
    }
}
