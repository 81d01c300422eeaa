//! What Python sees of a tensor's description, and how it is shown.

use dlpack_pyo3::Export;
use dlpack_pyo3::dlpack::negotiate::Stream;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{AttributeError, DTypeError, TypeError};
use crate::tensor::{Origin, Tensor, default_stream};

#[pymethods]
impl Tensor {
    /// The number of elements along each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.shape())
    }

    /// The distance between neighbours along each axis, in elements (NumPy counts bytes).
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor.strides())
    }

    /// The number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.tensor.ndim()
    }

    /// The number of elements.
    #[getter]
    fn size(&self) -> usize {
        self.tensor.numel()
    }

    /// The size of all elements in bytes, without gaps between them.
    #[getter]
    fn nbytes(&self) -> usize {
        self.tensor.nbytes()
    }

    /// The size of an element in bytes. Elements of less than a byte have none: a DTypeError.
    #[getter]
    fn itemsize(&self) -> PyResult<usize> {
        let dtype = self.tensor.dtype();
        let refuse = || DTypeError::new_err(format!("elements of {dtype} take less than a byte"));
        dtype.itemsize().ok_or_else(refuse)
    }

    /// The name of the dtype, such as 'float32', 'bfloat16' or 'float8_e4m3fn'.
    #[getter]
    fn dtype_name(&self) -> String {
        self.tensor.dtype().to_string()
    }

    /// The device, such as 'cpu' or 'cuda:0'. `__dlpack_device__()` returns it as numbers.
    #[getter]
    fn device(&self) -> String {
        self.tensor.device().to_string()
    }

    /// True if consumers must not write the elements.
    ///
    /// NumPy and PyArrow keep to it. PyTorch and Paddle write all the same: give them `asdlpack(x, copy=True)`. A write to
    /// memory that the operating system protects, such as an `mmap` with `ACCESS_READ`, ends the process.
    #[getter]
    fn readonly(&self) -> bool {
        self.tensor.access() != dlpack_pyo3::dlpack::Access::Writable
    }

    /// True if the elements lie one after another in row-major order.
    #[getter]
    fn is_contiguous(&self) -> bool {
        self.tensor.is_contiguous()
    }

    /// The address of the first element, or 0 if there is none. On devices with handles, such as Metal's, the handle.
    #[getter]
    fn address(&self) -> usize {
        let data = self.tensor.data().expose_provenance();
        match usize::try_from(self.tensor.byte_offset()) {
            Ok(offset) if !self.tensor.device().is_handle() => data.wrapping_add(offset),
            _ => data,
        }
    }

    /// What `dlpack.adapt` has changed, in words; empty for other tensors.
    ///
    /// >>> import dlpack
    /// >>> dlpack.asdlpack(b"abc").adapted
    /// ()
    #[getter]
    fn adapted<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.adapted.as_deref().unwrap_or_default())
    }

    /// A copy in row-major order, which is writable; on the tensor's own device.
    ///
    /// >>> import dlpack
    /// >>> t = dlpack.asdlpack(b"abc")
    /// >>> t.readonly, t.copy().readonly, t.copy().address == t.address
    /// (True, False, False)
    pub(crate) fn copy(slf: &Bound<'_, Self>) -> PyResult<Self> {
        let device = slf.get().tensor.device().canonical();
        let copy = Self::copy_to(slf, device, Stream::NONE)?;
        let is_on_the_host = slf.get().is_on_the_host();
        let stream = default_stream(device.device_type);
        let origin = if is_on_the_host { Origin::Ready } else { Origin::On(stream) };
        Ok(Self::new(copy, origin))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        // Nothing of it can change but its elements, which a shallow copy shares.
        slf
    }

    fn __deepcopy__(slf: &Bound<'_, Self>, _memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::copy(slf)
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(TypeError::new_err(
            "a dlpack.Tensor cannot be pickled, since another process could not use its memory: pickle \
             numpy.from_dlpack(t) or t.tolist()",
        ))
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("dlpack._methods")?.call_method1("represent", (slf,))
    }
}

/// What other libraries call an attribute, each with what stands for it here.
///
/// A method `__getattr__` would make each look-up of `__dlpack__` slower, by a quarter of an import by NumPy.
macro_rules! missing {
    ($($name:ident = $hint:literal;)*) => {
        #[pymethods]
        impl Tensor {$(
            #[doc = concat!("There is none", $hint, ".")]
            #[getter]
            #[allow(non_snake_case, reason = "the name is that of an attribute")]
            fn $name(&self) -> PyResult<Py<PyDict>> {
                Err(AttributeError::new_err(concat!(
                    "'dlpack.Tensor' object has no attribute '", stringify!($name), "'", $hint
                )))
            }
        )*}
    };
}

missing! {
    dtype = ": its name is t.dtype_name, and libraries take an attribute dtype for NumPy's";
    data = ": it is t.address";
    data_ptr = ": it is t.address";
    numpy = ": call numpy.from_dlpack(t)";
    item = ": call t.tolist()";
    T = ": call t.permute()";
    transpose = ": call t.permute()";
}
