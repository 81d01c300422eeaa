//! The ready-made class.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::ptr;

use dlpack::negotiate::{Producer, Stream};
use dlpack::{Descriptor, Device, Error, Exclusive, Frozen, ManagedTensorVersioned, Parcel};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::copy;
use super::legacy::ReadOnlyAsLegacy;
use super::source::{Export, Lend};
use crate::export;
use crate::import::to_py_err;

/// A tensor that any library imports that speaks DLPack.
///
/// Its `shape` and `strides` are tuples of numbers, its `dtype` and `device` are strings.
#[pyclass(frozen, module = "dlpack_pyo3")]
pub struct Tensor {
    tensor: Arc<ManagedTensorVersioned>,
    order: Order,
    policy: ReadOnlyAsLegacy,
}

/// Who knows when the elements are written.
enum Order {
    /// The host, or nobody.
    None,
    /// They are, for work on this stream.
    On(Stream),
    /// The producer, who is asked for everything.
    Producer(Box<dyn Producer<Error = Error> + Send + Sync>),
}

// Not on the struct, since Python shows what is written there.
/// # Making one
///
/// What a function returns that has made a tensor. Each consumer gets the same memory; the tensor's deleter runs when the
/// object and all that consumers made of it are gone, and it runs without Python if it is one of Rust. Memory that is
/// writable is writable for all of them: what they do with it is Python's affair from here on.
///
/// ```
/// use dlpack_pyo3::dlpack::Exporter;
/// use dlpack_pyo3::{PyTensor, Tensor, to_py_err};
/// use pyo3::prelude::*;
///
/// /// A matrix of zeros.
/// #[pyfunction]
/// fn zeros(rows: usize, columns: usize) -> PyResult<Tensor> {
///     let zeros = vec![0.0_f32; rows * columns];
///     let tensor = Exporter::new(zeros).shape(&[rows, columns]).build().map_err(to_py_err)?;
///     Ok(tensor.into())
/// }
///
/// Python::attach(|py| {
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
/// Memory that is to be used again goes out as a [loan](dlpack::loan()), whose [`Claim`](dlpack::Claim) returns the owner
/// once Python has let go of it. A tensor comes back from an [`Arc`]:
///
/// ```
/// use std::sync::Arc;
/// use dlpack_pyo3::Tensor;
/// use dlpack_pyo3::dlpack::Exporter;
/// use pyo3::prelude::*;
///
/// let tensor = Arc::new(Exporter::new(vec![1_u8, 2]).build()?.into_inner());
/// Python::attach(|py| Tensor::from(Arc::clone(&tensor)).into_pyobject(py).map(drop))?;
/// let tensor = Arc::into_inner(tensor).expect("Python has let go of it");
/// assert_eq!(tensor.downcast::<Vec<u8>>().ok(), Some(vec![1, 2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Tensor {
    /// Makes an object of a tensor.
    ///
    /// Consumers of a tensor on a device name the stream on which they go on. Without [`ready_on`](Self::ready_on), only those
    /// that see to the order themselves get it, with `stream=-1`.
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
        Arc::new(tensor).into()
    }

    /// Makes an object of a producer, which is asked whenever a library imports it.
    ///
    /// For memory of a device whose runtime this process has: the producer copies, and puts streams in order.
    ///
    /// # Errors
    ///
    /// Those of [`Producer::alias`], which is called once, for the description.
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
    pub fn from_producer(producer: impl Producer<Error = Error> + Send + Sync + 'static) -> Result<Self, Error> {
        let tensor = Arc::new(producer.alias()?);
        let order = Order::Producer(Box::new(producer));
        Ok(Self { tensor, order, policy: ReadOnlyAsLegacy::COPY })
    }

    /// Says on which stream of the tensor's device the elements can be used; [`Stream::NONE`] is the device's default one.
    ///
    /// Consumers that go on there get the tensor, and it costs nothing. Those on other streams are still refused, since it takes
    /// the device's runtime to have one stream wait for another; see [`from_producer`](Self::from_producer).
    ///
    /// # Examples
    ///
    /// A tensor that came in as an argument is ready on its device's default stream:
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::negotiate::Stream;
    /// use dlpack_pyo3::{PyTensor, Tensor};
    /// use pyo3::prelude::*;
    ///
    /// /// The same memory, wherever it is.
    /// #[pyfunction]
    /// fn wrap(tensor: PyTensor) -> PyResult<Tensor> {
    ///     Ok(Tensor::new(tensor.into_managed()?).ready_on(Stream::NONE))
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
    #[must_use]
    pub fn ready_on(self, stream: Stream) -> Self {
        // SAFETY: null. That is the default stream of a device that has one.
        let default =
            unsafe { Stream::from_ptr(self.tensor.device().device_type, ptr::null_mut()) };
        let stream = if stream == Stream::NONE { default } else { stream };
        Self { order: Order::On(stream), ..self }
    }

    /// Says what consumers of the legacy ABI get if the tensor is read-only; otherwise they get a copy.
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
    /// let tensor = Tensor::new(tensor).as_legacy(ReadOnlyAsLegacy::REFUSE);
    /// Python::attach(|py| {
    ///     let refused = tensor.into_pyobject(py)?.call_method0("__dlpack__").unwrap_err();
    ///     assert!(refused.is_instance_of::<PyBufferError>(py));
    ///     PyResult::Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_legacy(self, policy: ReadOnlyAsLegacy) -> Self {
        Self { policy, ..self }
    }
}

impl Export for Tensor {
    const NEEDS_PYO3: bool = false;
    const LEND: Option<Lend<Self>> = Some(|slf| &slf.get().tensor);

    #[inline]
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
        let this = slf.get();
        let tensor = match &this.order {
            Order::Producer(producer) => producer.alias().map(Parcel::from),
            Order::None | Order::On(_) => this.tensor.share_parcel(),
        };
        tensor.map_err(to_py_err)
    }

    fn device(slf: &Bound<'_, Self>) -> Device {
        slf.get().tensor.device()
    }

    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        let this = slf.get();
        let copy = match &this.order {
            Order::Producer(producer) => producer.copy_to(device, stream),
            Order::None | Order::On(_) => copy::shared_to_host(slf.py(), &this.tensor, device),
        };
        copy.map_err(to_py_err)
    }

    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        let this = slf.get();
        let result = match &this.order {
            Order::Producer(producer) => producer.synchronize(stream),
            Order::On(ready) if *ready == stream => Ok(()),
            // By the rule for all that have no runtime.
            Order::None | Order::On(_) => Producer::synchronize(&this.tensor, stream),
        };
        result.map_err(to_py_err)
    }

    fn read_only_as_legacy(slf: &Bound<'_, Self>) -> ReadOnlyAsLegacy {
        slf.get().policy
    }
}

export!(Tensor);

/// What Python sees of it.
#[pymethods]
impl Tensor {
    #[getter(shape)]
    fn shape_of<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.shape())
    }

    #[getter(strides)]
    fn strides_of<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.strides())
    }

    #[getter(dtype)]
    fn dtype_of(&self) -> String {
        self.tensor.dtype().to_string()
    }

    #[getter(device)]
    fn device_of(&self) -> String {
        self.tensor.device().to_string()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (dtype, device) = (self.tensor.dtype(), self.tensor.device());
        let shape = self.shape_of(py)?.repr()?;
        Ok(format!("Tensor(shape={shape}, dtype='{dtype}', device='{device}')"))
    }

    /// Refuses, on behalf of `pickle` and `copy`, which would make an object without a tensor.
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "expected an object that can be pickled or copied, found a tensor, \
             which numpy.from_dlpack and others take",
        ))
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

/// Whoever keeps a clone can tell by the count when Python has let go of the tensor.
impl From<Arc<ManagedTensorVersioned>> for Tensor {
    fn from(tensor: Arc<ManagedTensorVersioned>) -> Self {
        Self { tensor, order: Order::None, policy: ReadOnlyAsLegacy::COPY }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
