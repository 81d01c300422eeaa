//! The buffer protocol over tensors in main memory: for `memoryview`, and for libraries that know no other way.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;

use dlpack::layout::normalize_strides;
use dlpack::{Access, DataType, Device, Error, ManagedTensorVersioned};
use pyo3::exceptions::PyBufferError;
use pyo3::{Bound, PyResult};

use super::source::Export;
use crate::import::to_py_err;
use crate::raw::ffi;

/// `__getbuffer__`
///
/// # Safety
///
/// As Python calls it: `view` is null or can be written.
#[doc(hidden)]
pub unsafe fn get_buffer<T: Export>(
    slf: &Bound<'_, T>,
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    if view.is_null() {
        return Err(PyBufferError::new_err("expected a place for the buffer, found null"));
    }
    // SAFETY: the caller's promise.
    let object = unsafe { &raw mut (*view).obj };
    // For failures.
    // SAFETY: the same.
    unsafe { object.write(ptr::null_mut()) };
    // SAFETY: just made by the class; a parcel's shape and strides hold, and nobody may write them.
    let tensor = unsafe { T::tensor(slf)?.into_tensor() }.map_err(to_py_err)?;
    let mut filled = Lent::new(tensor)?.into_buffer(flags)?;
    filled.obj = slf.clone().into_ptr();
    // SAFETY: the caller's promise.
    unsafe { view.write(filled) };
    Ok(())
}

/// `__releasebuffer__`
///
/// # Safety
///
/// As Python calls it: `view` was filled by [`get_buffer`], and not released yet.
#[doc(hidden)]
pub unsafe fn release_buffer(view: *mut ffi::Py_buffer) {
    // SAFETY: the caller's promise.
    let lent = unsafe { (*view).internal }.cast::<Lent>();
    // SAFETY: the same: what `into_buffer` made of a box.
    drop(unsafe { Box::from_raw(lent) });
}

/// A tensor behind a buffer, and the numbers that the buffer points to.
struct Lent {
    tensor: ManagedTensorVersioned,
    shape: Vec<ffi::Py_ssize_t>,
    /// In bytes.
    strides: Vec<ffi::Py_ssize_t>,
    format: &'static CStr,
    /// Of an element, in bytes.
    size: ffi::Py_ssize_t,
}

impl Lent {
    fn new(tensor: ManagedTensorVersioned) -> PyResult<Self> {
        let device = tensor.device();
        if device.canonical() != Device::CPU {
            return Err(to_py_err(Error::NotHostAccessible { device }));
        }
        let (format, size) = format_of(tensor.dtype())?;
        let mut strides = tensor.strides().to_vec();
        normalize_strides(tensor.shape(), &mut strides);
        let shape = tensor.shape().iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok());
        let strides = strides.iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok()?.checked_mul(size));
        match (shape.collect(), strides.collect()) {
            (Some(shape), Some(strides)) => Ok(Self { tensor, shape, strides, format, size }),
            // Has been checked in elements and for their bytes; this is for strides that lead nowhere.
            _ => Err(to_py_err(Error::ExtentOverflow)),
        }
    }

    /// Refuses what cannot be had in the way that the flags ask for.
    fn check(&self, flags: c_int) -> PyResult<()> {
        let asks = |all: c_int| flags & all == all;
        let (rows, columns) = (self.tensor.is_contiguous(), self.tensor.is_column_major());
        let missing = if asks(ffi::PyBUF_WRITABLE) && self.is_read_only() {
            "writable memory, found read-only memory"
        } else if asks(ffi::PyBUF_C_CONTIGUOUS) && !rows {
            "elements side by side in row-major order, found other strides"
        } else if asks(ffi::PyBUF_F_CONTIGUOUS) && !columns {
            "elements side by side in column-major order, found other strides"
        } else if asks(ffi::PyBUF_ANY_CONTIGUOUS) && !rows && !columns {
            "elements side by side, found other strides"
        } else if !asks(ffi::PyBUF_STRIDES) && !rows {
            "a consumer that asks for strides, found one that does not"
        } else {
            return Ok(());
        };
        Err(PyBufferError::new_err(format!("expected {missing}")))
    }

    fn is_read_only(&self) -> bool {
        self.tensor.access() != Access::Writable
    }

    /// The address of the first element.
    fn start(&self) -> *mut c_void {
        if self.tensor.is_empty() {
            // Some consumers take null for a wish to have memory.
            return ptr::from_ref(self).cast_mut().cast();
        }
        // A `byte_offset` was found to fit when the tensor was made.
        let offset = isize::try_from(self.tensor.byte_offset()).unwrap_or(0);
        self.tensor.data().wrapping_byte_offset(offset)
    }

    /// Puts itself behind a buffer, which has no object yet.
    fn into_buffer(self, flags: c_int) -> PyResult<ffi::Py_buffer> {
        self.check(flags)?;
        let len = ffi::Py_ssize_t::try_from(self.tensor.nbytes())?;
        let ndim = c_int::try_from(self.shape.len())?;
        let lent = Box::new(self);
        let shaped = flags & ffi::PyBUF_ND == ffi::PyBUF_ND;
        let strided = flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES;
        let formatted = flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT;
        // There are none for a number, and none that was not asked for.
        let numbers = |numbers: &[ffi::Py_ssize_t], wanted: bool| {
            if wanted && ndim > 0 { numbers.as_ptr().cast_mut() } else { ptr::null_mut() }
        };
        Ok(ffi::Py_buffer {
            buf: lent.start(),
            obj: ptr::null_mut(),
            len,
            itemsize: lent.size,
            readonly: c_int::from(lent.is_read_only()),
            // Without a shape, it is bytes in a row.
            ndim: if shaped { ndim } else { 1 },
            format: if formatted { lent.format.as_ptr().cast_mut() } else { ptr::null_mut() },
            shape: numbers(&lent.shape, shaped),
            strides: numbers(&lent.strides, strided),
            suboffsets: ptr::null_mut(),
            internal: Box::into_raw(lent).cast(),
        })
    }
}

/// The format and the size of elements, as the module `struct` and NumPy know them.
fn format_of(dtype: DataType) -> PyResult<(&'static CStr, ffi::Py_ssize_t)> {
    Ok(match dtype {
        DataType::BOOL => (c"?", 1),
        DataType::I8 => (c"b", 1),
        DataType::I16 => (c"h", 2),
        DataType::I32 => (c"i", 4),
        DataType::I64 => (c"q", 8),
        DataType::U8 => (c"B", 1),
        DataType::U16 => (c"H", 2),
        DataType::U32 => (c"I", 4),
        DataType::U64 => (c"Q", 8),
        DataType::F16 => (c"e", 2),
        DataType::F32 => (c"f", 4),
        DataType::F64 => (c"d", 8),
        DataType::C64 => (c"Zf", 8),
        DataType::C128 => (c"Zd", 16),
        _ => {
            let text = format!("expected a dtype that buffers have a format for, found {dtype}");
            return Err(PyBufferError::new_err(text));
        }
    })
}
