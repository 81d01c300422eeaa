//! The class [`Tensor`], for tensors that need no class of their own.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{
    DataTypeCode, Descriptor, Device, DeviceType, Element, Error, Exclusive, Exporter, Frozen,
    ManagedTensorVersioned, OpaqueTensor,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyTuple};

use super::array::numpy;
use super::class::{Export, needs_no_wait};
use super::copy;
use super::legacy::ReadOnlyAsLegacy;
use super::list::list_of;
use super::readiness::{Readiness, refuse_stream, refuse_to_lend};
use crate::export;
use crate::import::{PyTensor, Text, to_py_err};
use crate::protocol::NamedStream;
use crate::raw::{End, Undisturbed};
use crate::route::versioned_in_turn;

/// A tensor that every library with DLPack support can import.
///
/// numpy() makes an array of it, tolist() lists of numbers, and the from_dlpack of any library an array of that library.
/// A tensor of one element is a number for int, float, complex and bool. Two tensors are equal only if they are one object.
///
/// shape, ndim, size and nbytes mean what they mean for an array of NumPy, and data_ptr() is the address of the first element.
/// dtype_name and device are strings, and element_strides are the strides in elements.
#[pyclass(frozen, module = "dlpack_pyo3")]
pub struct Tensor {
    tensor: Undisturbed<Arc<ManagedTensorVersioned>>,
    readiness: Readiness,
    /// `true` if the producer of the elements has waited until the host may read them.
    is_waited_for: bool,
    policy: ReadOnlyAsLegacy,
}

// What was imported here is under a struct of this crate, which leaks what has to leak. Who made a tensor in another way has promised that its
// deleter may be called at any time.
impl End for Arc<ManagedTensorVersioned> {}

// Python shows the documentation of the struct, so that of Rust is here.
/// # Returning a tensor
///
/// A function that makes a tensor returns it as this class. All consumers share its memory. The tensor's deleter runs when
/// the object and everything that consumers made of it are gone; a deleter of Rust runs without Python. Writable memory is
/// writable for all consumers, and Rust makes no claim about its contents from then on. PyTorch also writes memory that is
/// read-only; see [`Export`](trait@Export#read-only-memory).
///
/// ```
/// use dlpack_pyo3::{PyTensor, Tensor};
/// use pyo3::exceptions::PyMemoryError;
/// use pyo3::prelude::*;
///
/// /// A matrix of zeros.
/// #[pyfunction]
/// fn zeros(rows: usize, columns: usize) -> PyResult<Tensor> {
///     // Python chooses the sizes. `vec![0.0; count]` would end the process if there is no memory for so many elements.
///     let count = rows.checked_mul(columns).unwrap_or(usize::MAX);
///     let mut zeros = Vec::new();
///     zeros.try_reserve_exact(count).map_err(|e| PyMemoryError::new_err(e.to_string()))?;
///     zeros.resize(count, 0.0_f32);
///     Tensor::from_vec(zeros, &[rows, columns])
/// }
///
/// Python::attach(|py| {
///     assert!(zeros(2, 1 << 62).is_err());
///     let zeros = zeros(2, 3)?.into_pyobject(py)?;
///     assert_eq!(zeros.repr()?, "Tensor(shape=(2, 3), dtype='float32', device='cpu')");
///     assert_eq!(zeros.extract::<PyTensor>()?.strides(), [3, 1]);
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
///
/// # Getting the memory back
///
/// To use memory again, export it as a [loan](dlpack::loan), whose [`Claim`](dlpack::loan::Claim) returns the owner once Python
/// has dropped the tensor. To get a tensor back, keep it in an [`Arc`]:
///
/// ```
/// use std::sync::Arc;
/// use dlpack_pyo3::Tensor;
/// use dlpack_pyo3::dlpack::Exporter;
/// use pyo3::prelude::*;
///
/// let tensor = Arc::new(Exporter::new(vec![1_u8, 2]).build()?.into_inner());
/// Python::attach(|py| Tensor::from(Arc::clone(&tensor)).into_pyobject(py).map(drop))?;
/// let tensor = Arc::into_inner(tensor).expect("Python has dropped it");
/// assert_eq!(tensor.downcast::<Vec<u8>>().ok(), Some(vec![1, 2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A consumer may have dropped a tensor on a device, or in pinned memory, while the device still is to work on it: wait for the device
/// before the host uses the memory.
impl Tensor {
    /// Makes an object of a tensor.
    ///
    /// A consumer of a tensor on a device of CUDA or ROCm, or in their pinned memory, names the stream on which it will use the
    /// tensor. Without [`ready_on`](Self::ready_on), only a consumer that synchronizes by itself, with `stream=-1`, gets the tensor.
    /// Nobody gets a copy, since nobody here can wait for the device. For other devices, the protocol has no streams, and
    /// consumers that name none get the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::Tensor;
    /// use dlpack_pyo3::dlpack::Exporter;
    ///
    /// let tensor = Tensor::new(Exporter::new([1_u8, 2]).build()?.into_inner());
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
    /// ```
    pub fn new(tensor: ManagedTensorVersioned) -> Self {
        // What another `Tensor` has exported shares the memory of that one, and does not keep it and its export alive.
        match tensor.shared() {
            Some(whole) => whole.into(),
            // Other memory may be known to be accessible by the host, which would be forgotten.
            None if tensor.device().device_type == DeviceType::CPU => {
                Arc::new(versioned_in_turn(tensor)).into()
            }
            None => Arc::new(tensor).into(),
        }
    }

    /// Makes an object of a vector, which becomes the memory of a row-major tensor.
    ///
    /// The vector is not copied, and libraries share its memory. JAX copies what does not begin at a multiple of 64 bytes,
    /// which the memory of a vector need not do, and halves elements of 64 bits by default.
    ///
    /// An [`Exporter`](dlpack::Exporter) makes tensors of other owners and with other strides.
    ///
    /// # Errors
    ///
    /// `ValueError` if the vector has another number of elements than the shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::Tensor;
    /// use pyo3::exceptions::PyMemoryError;
    /// use pyo3::prelude::*;
    ///
    /// /// A matrix of zeros.
    /// #[pyfunction]
    /// fn zeros(rows: usize, columns: usize) -> PyResult<Tensor> {
    ///     let count = rows.saturating_mul(columns);
    ///     let mut zeros = Vec::new();
    ///     // Python chooses the numbers: too much memory is an exception, and not the end of the process.
    ///     zeros.try_reserve_exact(count).map_err(|error| PyMemoryError::new_err(error.to_string()))?;
    ///     zeros.resize(count, 0.0_f32);
    ///     Tensor::from_vec(zeros, &[rows, columns])
    /// }
    /// # assert!(zeros(1 << 62, 1 << 62).is_err());
    /// # assert_eq!(zeros(2, 3)?.shape(), [2, 3]);
    /// # assert!(Tensor::from_vec(vec![0_u8; 5], &[2, 3]).is_err());
    /// # PyResult::Ok(())
    /// ```
    pub fn from_vec<T: Element>(elements: Vec<T>, shape: &[usize]) -> PyResult<Self> {
        let found = elements.len();
        let expected = shape.iter().try_fold(1, |product: usize, &n| product.checked_mul(n));
        let expected = match expected {
            None if shape.contains(&0) => 0,
            expected => expected.ok_or_else(|| to_py_err(Error::ShapeOverflow))?,
        };
        if expected != found {
            return Err(to_py_err(Error::LenMismatch { expected, found }));
        }
        Ok(Exporter::new(elements).shape(shape).build().map_err(to_py_err)?.into())
    }

    /// Makes an object of a producer, which is asked whenever a library imports the object.
    ///
    /// Use this for memory of a device whose runtime is in this process: the producer copies and synchronizes streams.
    ///
    /// Each import gets what the producer exports at that time. Main memory must be ready then: the producer is not asked to
    /// [synchronize](Producer::synchronize) with the CPU. A producer that does not implement that, as an `Arc` of a tensor does not,
    /// says so of pinned memory, too. What this object says of itself, such as its shape, describes the first export; only
    /// `__dlpack_device__` asks the producer.
    ///
    /// The producer is called on attached threads. PyO3 is not told so where Python calls for a consumer: clone and drop a `Py` within
    /// [`Python::attach`](pyo3::Python::attach) only.
    ///
    /// # Errors
    ///
    /// Those of [`Producer::export`], which is called once to get the description, and [`Error::DeviceMismatch`] if that tensor is
    /// on another device than [`Producer::device`] names.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack_pyo3::Tensor;
    /// use dlpack_pyo3::dlpack::{Access, Exporter};
    ///
    /// let table = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let tensor = Tensor::from_producer(table)?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
    /// ```
    pub fn from_producer(
        producer: impl Producer<Error = Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let tensor = producer.export()?;
        let (expected, found) = (producer.device(), tensor.device());
        if found.canonical() != expected.canonical() {
            return Err(Error::DeviceMismatch { expected, found });
        }
        let tensor = Undisturbed::new(Arc::new(tensor));
        let readiness = Readiness::Producer(Undisturbed::new(Box::new(producer)));
        Ok(Self { tensor, readiness, is_waited_for: false, policy: ReadOnlyAsLegacy::COPY })
    }

    /// Sets the stream of the tensor's device on which the elements can be used. [`Stream::NONE`] is the default stream.
    ///
    /// Consumers that use this stream get the tensor without a wait. Those on other streams are still refused, since only the
    /// device's runtime can make one stream wait for another; see [`from_producer`](Self::from_producer). CUDA's per-thread
    /// stream is that of the thread which calls this. A stream that ends before the tensor must have finished its work: another
    /// one may have its handle then.
    ///
    /// # Examples
    ///
    /// A function that has queued its work on the default stream of the device:
    ///
    /// ```
    /// use dlpack_pyo3::Tensor;
    /// use dlpack_pyo3::dlpack::ManagedTensorVersioned;
    /// use dlpack_pyo3::dlpack::negotiate::Stream;
    ///
    /// fn finished(tensor: ManagedTensorVersioned) -> Tensor {
    ///     Tensor::new(tensor).ready_on(Stream::NONE)
    /// }
    /// # let tensor = dlpack_pyo3::dlpack::Exporter::new([1_u8, 2]).build()?.into_inner();
    /// # assert_eq!(finished(tensor).shape(), [2]);
    /// # Ok::<(), dlpack_pyo3::dlpack::Error>(())
    /// ```
    ///
    /// A tensor that was imported knows its stream; see [`PyTensor::into_tensor`].
    #[must_use]
    pub fn ready_on(self, stream: Stream) -> Self {
        Self { is_waited_for: false, ..self.ready_on_named(NamedStream::by_this_thread(stream)) }
    }

    fn ready_on_named(self, named: NamedStream) -> Self {
        let stream = named.stream.on(self.tensor.device().device_type);
        Self { readiness: Readiness::On(NamedStream { stream, ..named }), ..self }
    }

    /// Sets what consumers of the legacy ABI get if the tensor is read-only. By default, they get a copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::Exporter;
    /// use dlpack_pyo3::{ReadOnlyAsLegacy, Tensor};
    /// use pyo3::exceptions::PyBufferError;
    /// use pyo3::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tensor = Exporter::new([1_u8, 2]).read_only().build()?.into_inner();
    /// let tensor = Tensor::new(tensor).with_read_only_as_legacy(ReadOnlyAsLegacy::REFUSE);
    /// Python::attach(|py| {
    ///     let refused = tensor.into_pyobject(py)?.call_method0("__dlpack__").unwrap_err();
    ///     assert!(refused.is_instance_of::<PyBufferError>(py));
    ///     PyResult::Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_read_only_as_legacy(self, policy: ReadOnlyAsLegacy) -> Self {
        Self { policy, ..self }
    }
}

impl<T, R> PyTensor<T, R> {
    /// Converts the tensor into an object that all libraries import, which keeps alive what this one kept alive.
    ///
    /// A tensor on a device is ready on the stream for which it was imported, without a runtime: on the default stream, if it
    /// was an argument, or on the stream that an [`Import`](crate::Import) named. A capsule names no stream, nor does an
    /// import with [`Stream::NO_SYNC`]; see [`Tensor::ready_on`] for those, and for streams that end. A legacy tensor becomes read-only, unless it is
    /// known to be writable.
    ///
    /// # Errors
    ///
    /// `MemoryError` if there is no memory for a new header.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{PyTensor, Tensor};
    /// use pyo3::prelude::*;
    ///
    /// /// Exports the memory of an array, on any device.
    /// #[pyfunction]
    /// fn wrap(tensor: PyTensor) -> PyResult<Tensor> {
    ///     tensor.into_tensor()
    /// }
    /// # Python::attach(|py| {
    /// # let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// # let start = bytes.as_bytes().as_ptr();
    /// # let wrapped = Bound::new(py, wrap(bytes.extract()?)?)?;
    /// # assert_eq!(wrapped.extract::<PyTensor>()?.data(), start.cast_mut().cast());
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn into_tensor(self) -> PyResult<Tensor> {
        let (ready, is_waited_for) = (self.ready_on(), self.is_ready_for_host());
        let tensor = Tensor { is_waited_for, ..Tensor::new(self.into_managed()?) };
        Ok(match ready {
            Some(named) => tensor.ready_on_named(named),
            None => tensor,
        })
    }
}

impl Export for Tensor {
    const NEEDS_PYO3: bool = false;
    const LENDS: bool = true;

    #[inline]
    fn lend<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a ManagedTensorVersioned> {
        let this = slf.get();
        match this.readiness {
            Readiness::Unknown | Readiness::On(_) => Ok(&this.tensor),
            // It is asked each time, and may have another tensor by now.
            Readiness::Producer(_) => Err(refuse_to_lend()),
        }
    }

    #[inline]
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        let this = slf.get();
        let tensor = match &this.readiness {
            Readiness::Producer(producer) => {
                producer.export().and_then(|tensor| tensor.into_opaque().map_err(Error::from))
            }
            Readiness::Unknown | Readiness::On(_) => this.tensor.share_opaque(),
        };
        tensor.map_err(to_py_err)
    }

    fn device(slf: &Bound<'_, Self>) -> Device {
        let this = slf.get();
        match &this.readiness {
            Readiness::Producer(producer) => producer.device(),
            Readiness::Unknown | Readiness::On(_) => this.tensor.device(),
        }
    }

    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        let this = slf.get();
        let copy = match &this.readiness {
            Readiness::Producer(producer) => producer.copy_to(device, stream),
            Readiness::Unknown | Readiness::On(_) => match this.tensor.device() {
                Device { device_type: DeviceType::CPU, .. } => {
                    copy::shared_to_host(slf.py(), &this.tensor, device)
                }
                found => Err(copy::refuse(found, device)),
            },
        };
        copy.map_err(to_py_err)
    }

    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        let this = slf.get();
        let device = this.tensor.device();
        match &this.readiness {
            Readiness::Producer(producer) => producer.synchronize(stream).map_err(to_py_err),
            Readiness::On(ready) if ready.is(stream) => Ok(()),
            // Pinned memory is no exception: the host can access it, but the device may still be at work on it.
            _ if needs_no_wait(device, stream) => Ok(()),
            readiness => Err(refuse_stream(device, readiness)),
        }
    }

    fn wait_for_host(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(slf.get().is_waited_for)
    }

    fn read_only_as_legacy(slf: &Bound<'_, Self>) -> ReadOnlyAsLegacy {
        slf.get().policy
    }
}

export!(Tensor);

/// The attributes that Python sees.
#[pymethods]
impl Tensor {
    #[getter(shape)]
    fn shape_of<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.shape())
    }

    // Not `strides`, which libraries take for NumPy's, in bytes.
    #[getter(element_strides)]
    fn strides_of<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.strides())
    }

    // Not `dtype`, which libraries take for NumPy's, an object.
    #[getter(dtype_name)]
    fn dtype_of(&self) -> String {
        self.tensor.dtype().to_string()
    }

    #[getter(device)]
    fn device_of(&self) -> String {
        self.tensor.device().to_string()
    }

    #[getter(ndim)]
    fn ndim_of(&self) -> usize {
        self.tensor.ndim()
    }

    #[getter(size)]
    fn numel_of(&self) -> usize {
        self.tensor.numel()
    }

    #[getter(nbytes)]
    fn nbytes_of(&self) -> usize {
        self.tensor.nbytes()
    }

    /// Returns the address of the first element, and 0 if there is none.
    #[pyo3(name = "data_ptr")]
    fn address(&self) -> PyResult<usize> {
        Ok(self.tensor.start().map_err(to_py_err)?.addr())
    }

    /// Returns an array of NumPy that shares the memory.
    fn numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        numpy(slf)
    }

    /// Returns the elements as numbers of Python, in nested lists.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let device = self.tensor.device();
        if device.canonical() != Device::CPU {
            return Err(to_py_err(Error::NotHostAccessible { device }));
        }
        list_of(py, &self.tensor)
    }

    fn __len__(&self) -> PyResult<usize> {
        match self.tensor.shape() {
            [] => Err(PyTypeError::new_err(Text(
                "expected a tensor with axes for len(), found one without",
            ))),
            [rows, ..] => Ok(usize::try_from(*rows)?),
        }
    }

    // Without these methods, Python would parse the buffer as text.
    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyInt>().call1((self.number(py, "int")?,))
    }

    fn __float__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyFloat>().call1((self.number(py, "float")?,))
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyComplex>().call1((self.number(py, "complex")?,))
    }

    /// Returns the truth of the only element. Without this, it would be that of the length.
    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        self.number(py, "the truth of a tensor")?.is_truthy()
    }

    /// Returns the integer of a tensor without axes, as NumPy does. `bytes` takes whatever has an index for a length.
    fn __index__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let is_integer = matches!(self.tensor.dtype().code, DataTypeCode::INT | DataTypeCode::UINT);
        if self.tensor.ndim() != 0 || !is_integer {
            return Err(PyTypeError::new_err(Text(
                "expected an integer without axes for an index: call int() or tolist()",
            )));
        }
        self.number(py, "an index")
    }

    /// Makes a search an error, which would compare tensors.
    fn __contains__(&self, _item: &Bound<'_, PyAny>) -> PyResult<bool> {
        Err(PyTypeError::new_err(Text(
            "expected numpy() or tolist(), which can be searched, found a tensor",
        )))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (dtype, device) = (self.tensor.dtype(), self.tensor.device());
        let shape = self.shape_of(py)?.repr()?;
        Ok(format!("Tensor(shape={shape}, dtype='{dtype}', device='{device}')"))
    }

    /// Makes `pickle` and `copy` fail, which would make an object without a tensor.
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(Text(
            "expected an object that can be pickled or copied, found a tensor, \
             which numpy.from_dlpack and others take",
        )))
    }
}

impl Tensor {
    /// Returns the only element as a number of Python.
    fn number<'py>(&self, py: Python<'py>, what: &str) -> PyResult<Bound<'py, PyAny>> {
        let numel = self.tensor.numel();
        if numel != 1 {
            return Err(PyTypeError::new_err(Text(format!(
                "expected one element for {what}, found {numel}: call tolist()"
            ))));
        }
        let mut number = self.tolist(py)?;
        for _ in 0..self.tensor.ndim() {
            number = number.get_item(0)?;
        }
        Ok(number)
    }
}

impl Deref for Tensor {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        &self.tensor
    }
}

impl From<ManagedTensorVersioned> for Tensor {
    fn from(tensor: ManagedTensorVersioned) -> Self {
        Self::new(tensor)
    }
}

impl From<Exclusive<ManagedTensorVersioned>> for Tensor {
    fn from(tensor: Exclusive<ManagedTensorVersioned>) -> Self {
        Self::new(tensor.into_inner())
    }
}

impl From<Frozen<ManagedTensorVersioned>> for Tensor {
    fn from(tensor: Frozen<ManagedTensorVersioned>) -> Self {
        Self::new(tensor.into_inner())
    }
}

/// The count of a clone that the caller keeps tells when Python has dropped the tensor.
impl From<Arc<ManagedTensorVersioned>> for Tensor {
    fn from(tensor: Arc<ManagedTensorVersioned>) -> Self {
        let tensor = Undisturbed::new(tensor);
        let (readiness, policy) = (Readiness::Unknown, ReadOnlyAsLegacy::COPY);
        Self { tensor, readiness, is_waited_for: false, policy }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
