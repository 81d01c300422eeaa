//! The owner of an imported tensor.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use dlpack::negotiate::Request;
use dlpack::{
    DataType, Descriptor, Element, Error, ManagedTensorVersioned, TensorView, TensorViewMut,
};
use pyo3::{Borrowed, FromPyObject, PyAny, PyErr, PyResult, Python};

use super::cells::{self, Cells};
use super::elements::{Any, Elements};
use super::error::{refuse, refuse_argument, to_py_err};
use super::require::Requirement;
use super::untyped::UntypedTensor;
use crate::protocol::NamedStream;

/// A tensor that was imported from Python, of any library that supports DLPack.
///
/// As an argument of a `#[pyfunction]`, it accepts arrays of NumPy, PyTorch, JAX and all other libraries with `__dlpack__`,
/// capsules, and objects with the buffer protocol, such as `bytes` and `memoryview`. Nothing is copied. `T` is the element
/// type, or [`Any`] if the dtype is checked later. `R` is a [`Requirement`] on the tensor, or a tuple of several.
///
/// This dereferences to [`Descriptor`], which has the shape, the dtype and everything else that describes a tensor. Of its
/// methods that may fail, [`size`](Self::size), [`sizes`](Self::sizes) and [`check_size`](Self::check_size) are also methods of
/// this type, with exceptions as errors, so that `?` is enough.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::{PyTensor, Rank, Tensor};
/// use pyo3::prelude::*;
///
/// /// The sum of the diagonal.
/// #[pyfunction]
/// fn trace(py: Python<'_>, matrix: PyTensor<f64, Rank<2>>) -> PyResult<f64> {
///     let cells = matrix.cells(py)?;
///     Ok((0..).map_while(|i| cells.get(&[i, i])).sum())
/// }
///
/// # Python::attach(|py| {
/// let module = PyModule::new(py, "linear")?;
/// module.add_function(wrap_pyfunction!(trace, &module)?)?;
///
/// // Any array would do. A `memoryview` gives this one two dimensions.
/// let array = py.import("array")?.call_method1("array", ("d", vec![1.0, 2.0, 3.0, 4.0]))?;
/// let matrix = memoryview(&array)?.call_method1("cast", ("B",))?.call_method1("cast", ("d", (2, 2)))?;
/// # fn memoryview<'py>(of: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
/// #     of.py().import("builtins")?.call_method1("memoryview", (of,))
/// # }
/// assert_eq!(module.call_method1("trace", (matrix,))?.extract::<f64>()?, 5.0);
///
/// let refused = module.call_method1("trace", (array,)).unwrap_err();
/// assert_eq!(refused.to_string(), "ValueError: expected 2 dimensions, found 1");
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
///
/// # Errors
///
/// An object that is not a tensor, or has another dtype, raises a `TypeError`. The documentation of each requirement says
/// what it raises. What the producer raises is passed on, such as NumPy's `BufferError` for an array of objects. From CPython
/// 3.11 on, a note names the argument. Methods that are called later, such as [`cells`](Self::cells), cannot name it: what can
/// be required of an argument is best required there.
///
/// # Reading and writing
///
/// [`to_vec`](Self::to_vec) and [`cells`](Self::cells) are safe, whatever other holders of the memory do meanwhile. Slices
/// and views are as fast as Rust's own, but need a promise that only the caller can give: nobody writes the elements, or, for
/// a mutable view, nobody else uses them. That includes Python threads that run while this one computes, and libraries that
/// release the interpreter lock, as NumPy does. Elements that were never written, such as those of `numpy.empty`, read as
/// arbitrary values.
///
/// By the protocol, a producer keeps the memory in place for as long as a consumer has the tensor. Some producers can be told
/// not to, by `resize(refcheck=False)` in NumPy and `resize_` in PyTorch. A program that does so breaks all its consumers.
///
/// # Dropping
///
/// The tensor can be sent to other threads, and be dropped on any thread, attached to the interpreter or not. The producer's
/// deleter runs there, and may wait for the interpreter. So do not drop it while holding a lock that an attached thread may
/// wait for.
#[repr(transparent)]
pub struct PyTensor<T = Any, R = ()> {
    /// # Invariants
    ///
    /// Its dtype is that of `T`, if `T` has one.
    tensor: UntypedTensor,
    kind: PhantomData<fn() -> (T, R)>,
}

const _: () = {
    const fn may_go_anywhere<T: Send + Sync + Unpin + 'static>() {}
    may_go_anywhere::<PyTensor<*const (), *const ()>>();
};

// A tensor is moved a few times on its way in, and the C library copies more bytes than that in a loop.
const _: usize = 256 - size_of::<PyTensor>();

impl<T: Elements, R: Requirement> PyTensor<T, R> {
    /// Checks what `T` and `R` ask for.
    #[inline(always)]
    pub(super) fn new(tensor: UntypedTensor) -> PyResult<Self> {
        check::<T>(&tensor)?;
        R::check(&tensor)?;
        Ok(Self { tensor, kind: PhantomData })
    }
}

#[inline]
fn check<T: Elements>(tensor: &Descriptor) -> PyResult<()> {
    match T::DTYPE {
        Some(expected) if expected != tensor.dtype() => {
            Err(another_dtype(expected, tensor.dtype()))
        }
        _ => Ok(()),
    }
}

#[cold]
fn another_dtype(expected: DataType, found: DataType) -> PyErr {
    to_py_err(Error::DTypeMismatch { expected, found })
}

impl<'py, T: Elements, R: Requirement> FromPyObject<'_, 'py> for PyTensor<T, R> {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        const ORDINARY: &Request = &Request::new();
        UntypedTensor::import(object, ORDINARY, false, Self::new)
    }
}

impl<T, R> PyTensor<T, R> {
    /// Returns the route by which the tensor was imported: `"capsule"`, `"exchange"`, `"protocol"`, `"numpy"` or `"buffer"`.
    ///
    /// This is for tests and logs: the route affects nothing but the speed. See the documentation of the crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{PyTensor, Tensor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// assert_eq!(bytes.extract::<PyTensor>()?.route(), "buffer");
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub fn route(&self) -> &'static str {
        self.tensor.route()
    }

    /// Returns the stream on which the elements can be used, if that is known.
    pub(crate) fn ready_on(&self) -> Option<NamedStream> {
        self.tensor.ready_on()
    }

    /// Returns `true` if the host may read the elements now.
    pub(crate) fn is_ready_for_host(&self) -> bool {
        self.tensor.is_ready_for_host()
    }

    /// Promises that the memory may be written, even if the tensor is read-only or does not say.
    ///
    /// A legacy tensor does not say whether it is read-only. JAX, for example, exports arrays in the legacy ABI that must not
    /// be written.
    ///
    /// # Safety
    ///
    /// Every byte of the tensor's extents can be written through the tensor's data pointer.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use dlpack_pyo3::dlpack::Access;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// # use dlpack_pyo3::Tensor;
    /// # let tensor = dlpack_pyo3::dlpack::Exporter::new([1, 2]).build().map_err(dlpack_pyo3::to_py_err)?;
    /// # let array = Bound::new(py, Tensor::new(tensor.into_inner()))?;
    /// // As older libraries answer: a legacy tensor.
    /// let capsule = array.call_method0("__dlpack__")?;
    /// let tensor: PyTensor = capsule.extract()?;
    /// assert_eq!(tensor.access(), Access::Unknown);
    /// // SAFETY: the documentation of that library says that its arrays may be written.
    /// let tensor = unsafe { tensor.assume_writable() };
    /// assert_eq!(tensor.access(), Access::Writable);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub unsafe fn assume_writable(self) -> Self {
        // SAFETY: every byte can be written, as the caller promises.
        Self { tensor: unsafe { self.tensor.assume_writable() }, kind: PhantomData }
    }

    /// Converts the tensor into one of `dlpack`, which keeps alive what this one kept alive.
    ///
    /// Use this to pass the tensor on without Python, to C for example; [`into_tensor`](Self::into_tensor) makes an object for
    /// Python. A legacy tensor becomes read-only, unless it is known to be writable. A copy in memory that the host can access loses the flag
    /// [`IS_COPIED`](dlpack::Flags::IS_COPIED), unless it was made by this crate, or, with a global interpreter lock, by NumPy of an array
    /// of its own class. A copy of another library may be known to code of Python, which could write it while safe code has a slice of it.
    ///
    /// The deleter of another library's tensor runs when the tensor is dropped, or, if many tensors that keep each other alive are
    /// ending on this thread, as soon as one of those has ended.
    ///
    /// # Errors
    ///
    /// `MemoryError` if there is no memory for a new header.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor = bytes.extract::<PyTensor>()?.into_managed()?;
    /// // Any thread may have it, attached or not.
    /// let numel = py.detach(|| std::thread::spawn(move || tensor.numel()).join());
    /// assert_eq!(numel.ok(), Some(4));
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn into_managed(self) -> PyResult<ManagedTensorVersioned> {
        self.tensor.into_managed().map_err(to_py_err)
    }

    /// Returns the tensor as one of elements `U`.
    ///
    /// # Errors
    ///
    /// `TypeError` if its dtype is not that of `U`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use dlpack_pyo3::dlpack::DataType;
    /// use pyo3::exceptions::PyTypeError;
    /// use pyo3::prelude::*;
    ///
    /// #[pyfunction]
    /// fn maximum(py: Python<'_>, tensor: PyTensor) -> PyResult<f64> {
    ///     match tensor.dtype() {
    ///         DataType::U8 => Ok(tensor.as_typed::<u8>()?.cells(py)?.iter().max().unwrap_or(0).into()),
    ///         DataType::F64 => Ok(tensor.as_typed::<f64>()?.cells(py)?.iter().fold(0.0, f64::max)),
    ///         other => Err(PyTypeError::new_err(format!("expected uint8 or float64, found {other}"))),
    ///     }
    /// }
    /// # Python::attach(|py| {
    /// # let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// # assert_eq!(maximum(py, bytes.extract()?)?, 7.0);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn as_typed<U: Element>(&self) -> PyResult<&PyTensor<U, R>> {
        self.check_type::<U>()?;
        // SAFETY: both types are transparent around an `UntypedTensor`, and the dtype was checked.
        Ok(unsafe { &*(&raw const *self).cast() })
    }

    /// As [`as_typed`](Self::as_typed), for a tensor that is to be written.
    ///
    /// # Errors
    ///
    /// As for [`as_typed`](Self::as_typed).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyByteArray::new(py, &[3, 7, 5]);
    /// let mut tensor = bytes.extract::<PyTensor>()?;
    /// // SAFETY: nobody else knows the `bytearray`.
    /// unsafe { tensor.as_typed_mut::<u8>()?.view_mut() }?[[0]] = 9;
    /// assert_eq!(tensor.as_typed::<u8>()?.to_vec(py)?, [9, 7, 5]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn as_typed_mut<U: Element>(&mut self) -> PyResult<&mut PyTensor<U, R>> {
        self.check_type::<U>()?;
        // SAFETY: both types are transparent around an `UntypedTensor`, and the dtype was checked.
        Ok(unsafe { &mut *(&raw mut *self).cast() })
    }

    fn check_type<U: Element>(&self) -> PyResult<()> {
        let (expected, found) = (U::DTYPE, self.dtype());
        if expected == found {
            return Ok(());
        }
        Err(refuse(Error::DTypeMismatch { expected, found }, self))
    }
}

/// # Shape
///
/// As the methods of [`Descriptor`] with these names, but with an exception as the error.
impl<T, R> PyTensor<T, R> {
    /// Returns the size of an axis as a `usize`.
    ///
    /// # Errors
    ///
    /// `ValueError` if there is no such axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor = bytes.extract::<PyTensor>()?;
    /// assert_eq!(tensor.size(0)?, 4);
    /// assert!(tensor.size(1).is_err());
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn size(&self, axis: usize) -> PyResult<usize> {
        self.tensor.size(axis).map_err(|error| refuse(error, self))
    }

    /// Returns the sizes of all axes, if there are `N`.
    ///
    /// # Errors
    ///
    /// `ValueError` for another number of axes, which the requirement [`Rank`](crate::Rank) rules out.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{PyTensor, Rank};
    /// use pyo3::prelude::*;
    ///
    /// #[pyfunction]
    /// fn is_square(matrix: PyTensor<f32, Rank<2>>) -> PyResult<bool> {
    ///     let [rows, columns] = matrix.sizes()?;
    ///     Ok(rows == columns)
    /// }
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let refused = bytes.extract::<PyTensor>()?.sizes::<2>().unwrap_err();
    /// let text = "ValueError: expected 2 dimensions, found 1, in a tensor of uint8 and shape [4]";
    /// assert_eq!(refused.to_string(), text);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn sizes<const N: usize>(&self) -> PyResult<[usize; N]> {
        self.tensor.sizes().map_err(|error| refuse(error, self))
    }

    /// Checks the size of an axis.
    ///
    /// # Errors
    ///
    /// `ValueError` if there is no such axis, and if it has another size.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, b"text");
    /// let tensor = bytes.extract::<PyTensor>()?;
    /// tensor.check_size(0, 4)?;
    /// let refused = tensor.check_size(0, 3).unwrap_err();
    /// let text = "ValueError: expected size 3 on axis 0, found 4, in a tensor of uint8 and shape [4]";
    /// assert_eq!(refused.to_string(), text);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn check_size(&self, axis: usize, expected: usize) -> PyResult<()> {
        self.tensor.check_size(axis, expected).map_err(|error| refuse(error, self))
    }
}

/// # Elements
///
/// Each of these methods checks that the host can access the memory, and that the data is aligned.
impl<T: Element, R> PyTensor<T, R> {
    /// Copies the elements in row-major order.
    ///
    /// This reads as [`cells`](Self::cells) does. It also accepts data that is not aligned, which it reads by plain loads, on
    /// the assumption that nobody writes the elements during the call.
    ///
    /// # Errors
    ///
    /// `BufferError` for memory that the host cannot read, or not now; see [`cells`](Self::cells).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// assert_eq!(bytes.extract::<PyTensor<u8>>()?.to_vec(py)?, [3, 7, 5]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn to_vec(&self, py: Python<'_>) -> PyResult<Vec<T>> {
        self.tensor.check_ready_for_host()?;
        cells::to_vec(py, &self.tensor).map_err(|error| refuse(error, self))
    }

    /// Views the elements, to read them while others may write them.
    ///
    /// With a global interpreter lock, no Python code writes while this thread is attached. A library that releases the lock
    /// may, and so may any other thread if there is no such lock. Then an element may read as a mixture of old and new bytes,
    /// which is not undefined behaviour. Each element is read when it is asked for, by one or more relaxed atomic loads.
    ///
    /// # Errors
    ///
    /// `BufferError` for memory that the host cannot read, and for data that is not aligned for `T`. Pinned memory of a device
    /// cannot be read either, since the device may write it at any time, unless the tensor was
    /// [requested](crate::Import::device) on the CPU.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyByteArray::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8>>()?;
    /// let cells = tensor.cells(py)?;
    /// bytes.set_item(0, 9)?;
    /// assert_eq!(cells.get(&[0]), Some(9));
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn cells<'a>(&'a self, py: Python<'a>) -> PyResult<Cells<'a, T>> {
        self.tensor.check_ready_for_host()?;
        Cells::new(py, &self.tensor).map_err(|error| refuse(error, self))
    }

    /// Views the elements.
    ///
    /// # Errors
    ///
    /// `BufferError` for memory that the host cannot access, and data that is not aligned for `T`.
    ///
    /// # Safety
    ///
    /// For the lifetime of the view, as for [`Descriptor::view`], all elements are initialised and nobody writes them: no code in
    /// Python, no other library, no device.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8>>()?;
    /// // SAFETY: nobody writes the elements of a `bytes`.
    /// let view = unsafe { tensor.view() }?;
    /// assert_eq!(view[[1]], 7);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[inline]
    pub unsafe fn view(&self) -> PyResult<TensorView<'_, T>> {
        // SAFETY: the elements are initialised and nobody writes them, as the caller promises.
        unsafe { self.tensor.view() }.map_err(|error| refuse(error, self))
    }

    /// Returns the elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), and `BufferError` if the elements are not contiguous in that order, which the requirement
    /// [`RowMajor`](crate::RowMajor) checks earlier.
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::{PyTensor, RowMajor};
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8, RowMajor>>()?;
    /// // SAFETY: nobody writes the elements of a `bytes`.
    /// assert_eq!(unsafe { tensor.as_slice() }?, [3, 7, 5]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[inline]
    pub unsafe fn as_slice(&self) -> PyResult<&[T]> {
        // SAFETY: the elements are initialised and nobody writes them, as the caller promises.
        unsafe { self.tensor.as_slice() }.map_err(|error| refuse(error, self))
    }

    /// Views the elements to write them.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), and `BufferError` unless the memory is known to be writable and no two elements are the
    /// same memory; the requirement [`Writable`](crate::Writable) says so earlier.
    ///
    /// # Safety
    ///
    /// For the lifetime of the view, as for [`ManagedTensorVersioned::view_mut`], all elements are initialised and nobody else
    /// reads or writes them: no code in Python, no other library, no device, and not through another tensor of the same memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::PyTensor;
    /// use pyo3::prelude::*;
    ///
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyByteArray::new(py, &[3, 7, 5]);
    /// let mut tensor = bytes.extract::<PyTensor<u8>>()?;
    /// // SAFETY: nobody else knows the `bytearray`.
    /// unsafe { tensor.view_mut() }?.fill(1);
    /// assert_eq!(tensor.to_vec(py)?, [1, 1, 1]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[inline]
    pub unsafe fn view_mut(&mut self) -> PyResult<TensorViewMut<'_, T>> {
        // SAFETY: nobody else uses the elements, which are initialised, as the caller promises.
        unsafe { self.tensor.view_mut() }.map_err(refuse_argument)
    }
}

impl<T, R> Deref for PyTensor<T, R> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.tensor
    }
}

impl<T, R> fmt::Debug for PyTensor<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
