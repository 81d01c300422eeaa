//! The buffer protocol for tensors in main memory, which `memoryview` and libraries without DLPack use.

use alloc::vec::Vec;
use core::ffi::{CStr, c_int, c_void};
use core::mem::ManuallyDrop;
use core::ptr;

use dlpack::layout::Layout;
use dlpack::{Access, DataType, Device, Error, ManagedTensorVersioned};
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use super::class::{Export, import};
use super::trampoline::{catch, panicked};
use crate::import::{Text, to_py_err};
use crate::raw::{Attached, SavedException, ffi};

/// Makes the class of the objects that lend buffers. This is called when an exported class is made, since there may be no memory later, for
/// which PyO3 panics.
pub(super) fn prepare(py: Python<'_>) {
    Lent::type_object(py);
}

/// Implements `__getbuffer__`.
///
/// The object that lends a buffer is a new one, which Python drops when the buffer is released. The class of `slf` cannot release it: a
/// class of Python that is derived from this one may have another base whose function Python calls for that, and an object may have
/// another class by then.
///
/// # Safety
///
/// Python calls this: `view` is null or can be written.
#[doc(hidden)]
pub unsafe fn get_buffer<T: Export>(
    slf: &Bound<'_, T>,
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    // SAFETY: as the caller promises.
    unsafe { fill(view, || lend(Bound::new(slf.py(), Lent::new(import(slf)?)?)?, flags)) }
}

/// # Safety
///
/// `view` is null or can be written.
unsafe fn fill(
    view: *mut ffi::Py_buffer,
    make: impl FnOnce() -> PyResult<ffi::Py_buffer>,
) -> PyResult<()> {
    if view.is_null() {
        return Err(PyBufferError::new_err(Text("expected a place for the buffer, found null")));
    }
    // SAFETY: `view` can be written, as the caller promises.
    unsafe {
        // For a failure.
        (&raw mut (*view).obj).write(ptr::null_mut());
        view.write(catch(make).unwrap_or_else(|payload| Err(panicked(payload)))?);
    }
    Ok(())
}

/// The tensor of a buffer, and the numbers that the buffer points to.
#[pyclass(frozen, module = "dlpack_pyo3")]
struct Lent {
    tensor: ManuallyDrop<ManagedTensorVersioned>,
    shape: Vec<ffi::Py_ssize_t>,
    /// In bytes.
    strides: Vec<ffi::Py_ssize_t>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The tensor's deleter must not see an exception that is set.
        // SAFETY: Python drops objects on attached threads, as does `get_buffer` what has not become one. The tensor is not used again.
        unsafe {
            let _saved = SavedException::take(Attached::assume());
            ManuallyDrop::drop(&mut self.tensor);
        }
    }
}

impl Lent {
    fn new(tensor: ManagedTensorVersioned) -> PyResult<Self> {
        let device = tensor.device();
        if device.canonical() != Device::CPU {
            return Err(to_py_err(Error::NotHostAccessible { device }));
        }
        let size = size_of(tensor.dtype())?;
        let mut strides = tensor.strides().to_vec();
        Layout::normalize_strides(tensor.shape(), &mut strides);
        let shape = tensor.shape().iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok());
        let strides = strides.iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok()?.checked_mul(size));
        match (shape.collect(), strides.collect()) {
            (Some(shape), Some(strides)) => {
                Ok(Self { tensor: ManuallyDrop::new(tensor), shape, strides })
            }
            // The extents were checked, so that this can only be a stride that is never taken.
            _ => Err(to_py_err(Error::ExtentOverflow)),
        }
    }

    /// Refuses a request that this tensor cannot meet.
    fn check(&self, flags: c_int) -> PyResult<()> {
        let asks = |all: c_int| flags & all == all;
        let dtype = self.tensor.dtype();
        if (asks(ffi::PyBUF_FORMAT) && format_of(dtype).is_none())
            || (asks(ffi::PyBUF_ND) && dtype.itemsize().is_none())
        {
            let text = format!("expected a dtype that buffers have a format for, found {dtype}");
            return Err(PyBufferError::new_err(Text(text)));
        }
        let (rows, columns) = (self.tensor.is_contiguous(), self.tensor.is_column_major());
        let missing = if asks(ffi::PyBUF_WRITABLE) && self.is_read_only() {
            "writable memory, found read-only memory"
        } else if asks(ffi::PyBUF_C_CONTIGUOUS) && !rows {
            "contiguous elements in row-major order, found other strides"
        } else if asks(ffi::PyBUF_F_CONTIGUOUS) && !columns {
            "contiguous elements in column-major order, found other strides"
        } else if asks(ffi::PyBUF_ANY_CONTIGUOUS) && !rows && !columns {
            "contiguous elements, found other strides"
        } else if !asks(ffi::PyBUF_STRIDES) && !rows {
            "a consumer that asks for strides, found one that does not"
        } else {
            return Ok(());
        };
        Err(PyBufferError::new_err(Text(format!("expected {missing}"))))
    }

    /// Returns the address of the first element, after a check that the whole tensor lies within the address space.
    fn start(&self) -> Result<*mut c_void, Error> {
        let (tensor, data) = (&self.tensor, self.tensor.data());
        if tensor.is_empty() {
            // Some consumers take null for a request to allocate memory.
            return Ok(ptr::from_ref(self).cast_mut().cast());
        }
        if data.is_null() {
            return Err(Error::NullData);
        }
        let byte_offset = tensor.byte_offset();
        let offset =
            isize::try_from(byte_offset).map_err(|_| Error::ByteOffsetOverflow { byte_offset })?;
        let extents = tensor.layout().byte_extents();
        let first = data.addr().checked_add_signed(offset);
        let end = |extent| first?.checked_add_signed(extent);
        match (end(extents.start), end(extents.end)) {
            (Some(low), Some(_)) if low != 0 => Ok(data.wrapping_byte_offset(offset)),
            _ => Err(Error::AddressOverflow),
        }
    }

    fn is_read_only(&self) -> bool {
        self.tensor.access() != Access::Writable
    }
}

#[pymethods]
impl Lent {
    /// Lends the same once more: `pickle.PickleBuffer` asks the object that has lent a buffer for others.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        // SAFETY: Python calls this to fill `view`.
        unsafe { fill(view, || lend(slf, flags)) }
    }
}

/// Makes a buffer that an object lends.
fn lend(object: Bound<'_, Lent>, flags: c_int) -> PyResult<ffi::Py_buffer> {
    let lent = object.get();
    let start = lent.start().map_err(to_py_err)?;
    lent.check(flags)?;
    let dtype = lent.tensor.dtype();
    let ndim = c_int::try_from(lent.shape.len())?;
    let shaped = flags & ffi::PyBUF_ND == ffi::PyBUF_ND;
    let strided = flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES;
    let formatted = flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT;
    // A scalar has no shape and strides, and neither has a buffer for which they were not requested.
    let numbers = |numbers: &[ffi::Py_ssize_t], wanted: bool| {
        if wanted && ndim > 0 { numbers.as_ptr().cast_mut() } else { ptr::null_mut() }
    };
    Ok(ffi::Py_buffer {
        buf: start,
        len: ffi::Py_ssize_t::try_from(lent.tensor.nbytes())?,
        itemsize: size_of(dtype)?,
        readonly: c_int::from(lent.is_read_only()),
        // Without a shape, a buffer is contiguous bytes.
        ndim: if shaped { ndim } else { 1 },
        format: match format_of(dtype) {
            Some(format) if formatted => format.as_ptr().cast_mut(),
            _ => ptr::null_mut(),
        },
        shape: numbers(&lent.shape, shaped),
        strides: numbers(&lent.strides, strided),
        suboffsets: ptr::null_mut(),
        internal: ptr::null_mut(),
        obj: object.into_any().into_ptr(),
    })
}

/// Returns the size of an element in bytes; 1 for elements that are smaller than that, which a consumer can only have as bytes.
fn size_of(dtype: DataType) -> PyResult<ffi::Py_ssize_t> {
    Ok(ffi::Py_ssize_t::try_from(dtype.itemsize().unwrap_or(1))?)
}

/// Returns the format of elements, in the notation of the module `struct` and of NumPy.
fn format_of(dtype: DataType) -> Option<&'static CStr> {
    Some(match dtype {
        DataType::BOOL => c"?",
        DataType::I8 => c"b",
        DataType::I16 => c"h",
        DataType::I32 => c"i",
        DataType::I64 => c"q",
        DataType::U8 => c"B",
        DataType::U16 => c"H",
        DataType::U32 => c"I",
        DataType::U64 => c"Q",
        DataType::F16 => c"e",
        DataType::F32 => c"f",
        DataType::F64 => c"d",
        DataType::C64 => c"Zf",
        DataType::C128 => c"Zd",
        _ => return None,
    })
}
