//! The buffer protocol for tensors in main memory, which `memoryview` and libraries without DLPack use.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;

use dlpack::layout::Layout;
use dlpack::{Access, DataType, Descriptor, Device, Error, ManagedTensorVersioned};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use super::class::{Export, import};
use super::trampoline::{catch, panicked};
use crate::import::{Text, object, to_err, to_py_err};
use crate::raw::{Attached, SavedException, ffi};
use crate::route::releases_by_another;

/// Implements `__getbuffer__`.
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
    if view.is_null() {
        return Err(PyBufferError::new_err(Text("expected a place for the buffer, found null")));
    }
    // SAFETY: `view` can be written, as Python promises.
    unsafe {
        // For a failure.
        (&raw mut (*view).obj).write(ptr::null_mut());
        let made = catch(|| {
            check_release(slf)?;
            Lent::new(import(slf)?)?.into_buffer(flags)
        });
        let mut filled = made.unwrap_or_else(|payload| Err(panicked(payload)))?;
        filled.obj = slf.clone().into_ptr();
        view.write(filled);
    }
    Ok(())
}

/// Refuses an object of a derived class that would release the buffer as one of another base, such as `bytearray`. Only who calls
/// `__buffer__` of the class itself asks such an object.
fn check_release<T: Export>(slf: &Bound<'_, T>) -> PyResult<()> {
    let py = slf.py();
    let own = T::type_object(py);
    if slf.as_any().get_type().is(&own) {
        return Ok(());
    }
    let own = object(own.as_any().as_borrowed());
    let class = object(slf.as_any().as_borrowed()).class().to_owned();
    if releases_by_another(class.borrow(), own).map_err(|raised| to_err(py, raised))? {
        let text = "expected a class that releases its buffers by this base, found one that does by another";
        return Err(PyBufferError::new_err(Text(text)));
    }
    Ok(())
}

/// Implements `__releasebuffer__`.
///
/// # Safety
///
/// Python calls this: `view` has not been released, and if its `internal` is not null, [`get_buffer`] filled it.
#[doc(hidden)]
pub unsafe fn release_buffer(view: *mut ffi::Py_buffer) {
    // SAFETY: Python calls this with a buffer.
    let internal = unsafe { (*view).internal };
    if internal.is_null() {
        // A class that is derived from this one and from one such as `bytes` lends by the one, and releases by the other.
        return;
    }
    // SAFETY: Python calls this on attached threads. `into_buffer` made this pointer of a box, and the buffer is released once.
    let (thread, lent) = unsafe { (Attached::assume(), Box::from_raw(internal.cast::<Lent>())) };
    // The tensor's deleter must not see an exception that is set.
    let _saved = SavedException::take(thread);
    drop(lent);
}

/// The tensor of a buffer, and the numbers that the buffer points to.
struct Lent {
    tensor: ManagedTensorVersioned,
    /// The address of the first element, if there is one.
    start: *mut c_void,
    shape: Vec<ffi::Py_ssize_t>,
    /// In bytes.
    strides: Vec<ffi::Py_ssize_t>,
    /// `None` for elements that a consumer can only have as bytes.
    format: Option<&'static CStr>,
    /// The size of an element in bytes; 1 for elements that are smaller than that.
    size: ffi::Py_ssize_t,
}

impl Lent {
    fn new(tensor: ManagedTensorVersioned) -> PyResult<Self> {
        let device = tensor.device();
        if device.canonical() != Device::CPU {
            return Err(to_py_err(Error::NotHostAccessible { device }));
        }
        let dtype = tensor.dtype();
        let format = format_of(dtype);
        let size = match dtype.itemsize() {
            Some(size) => ffi::Py_ssize_t::try_from(size)?,
            None => 1,
        };
        let start = start_of(&tensor).map_err(to_py_err)?;
        let mut strides = tensor.strides().to_vec();
        Layout::normalize_strides(tensor.shape(), &mut strides);
        let shape = tensor.shape().iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok());
        let strides = strides.iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok()?.checked_mul(size));
        match (shape.collect(), strides.collect()) {
            (Some(shape), Some(strides)) => {
                Ok(Self { tensor, start, shape, strides, format, size })
            }
            // The extents were checked, so that this can only be a stride that is never taken.
            _ => Err(to_py_err(Error::ExtentOverflow)),
        }
    }

    /// Refuses a request that this tensor cannot meet.
    fn check(&self, flags: c_int) -> PyResult<()> {
        let asks = |all: c_int| flags & all == all;
        let dtype = self.tensor.dtype();
        if (asks(ffi::PyBUF_FORMAT) && self.format.is_none())
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

    fn is_read_only(&self) -> bool {
        self.tensor.access() != Access::Writable
    }

    /// Returns the address of the first element.
    fn start(&self) -> *mut c_void {
        if self.tensor.is_empty() {
            // Some consumers take null for a request to allocate memory.
            return ptr::from_ref(self).cast_mut().cast();
        }
        self.start
    }

    /// Makes a buffer of this, without an object yet.
    fn into_buffer(self, flags: c_int) -> PyResult<ffi::Py_buffer> {
        self.check(flags)?;
        let len = ffi::Py_ssize_t::try_from(self.tensor.nbytes())?;
        let ndim = c_int::try_from(self.shape.len())?;
        let mut lent = Box::new(self);
        let shaped = flags & ffi::PyBUF_ND == ffi::PyBUF_ND;
        let strided = flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES;
        let formatted = flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT;
        // A scalar has no shape and strides, and neither has a buffer for which they were not requested.
        let numbers = |numbers: &mut [ffi::Py_ssize_t], wanted: bool| {
            if wanted && ndim > 0 { numbers.as_mut_ptr() } else { ptr::null_mut() }
        };
        Ok(ffi::Py_buffer {
            buf: lent.start(),
            obj: ptr::null_mut(),
            len,
            itemsize: lent.size,
            readonly: c_int::from(lent.is_read_only()),
            // Without a shape, a buffer is contiguous bytes.
            ndim: if shaped { ndim } else { 1 },
            format: match lent.format {
                Some(format) if formatted => format.as_ptr().cast_mut(),
                _ => ptr::null_mut(),
            },
            shape: numbers(&mut lent.shape, shaped),
            strides: numbers(&mut lent.strides, strided),
            suboffsets: ptr::null_mut(),
            internal: Box::into_raw(lent).cast(),
        })
    }
}

/// Returns the address of the first element, after a check that the whole tensor lies within the address space.
fn start_of(tensor: &Descriptor) -> Result<*mut c_void, Error> {
    let data = tensor.data();
    if tensor.is_empty() {
        return Ok(data);
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
