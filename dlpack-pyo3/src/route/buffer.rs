//! The route by the buffer protocol, for objects such as `bytes`, `memoryview` and `array.array`.
//!
//! Elements must be plain numbers in this machine's byte order. Structures, pointers, text, and strides that are not whole
//! numbers of elements are refused by name: there is no dtype for them, and nothing here copies unasked.

use core::ffi::CStr;

use dlpack::{BorrowedTensor, DataType};

use super::format::{dtype_of, refuse};
use super::held::{HeldTensor, KeepAlive};
use super::memory::Memory;
use crate::raw::{Attached, Buffer, Object, Raised, beginning, ffi};

/// Returns `true` if the object implements the buffer protocol. To tell that, the limited API has to ask the object, which may
/// raise what interrupts the program.
pub(super) fn has_buffer(object: Object<'_>) -> Result<bool, Raised> {
    // SAFETY: a live object on an attached thread.
    Ok(unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) } != 0)
}

/// Takes the object's memory, which the object keeps in place until the tensor is dropped.
///
/// # Errors
///
/// What the object raises, and `BufferError` for memory that is not a tensor.
pub(super) fn take(object: Object<'_>) -> Result<HeldTensor, Raised> {
    // A writable buffer is not asked for, and so the buffer says whether it is writable.
    let buffer = Buffer::new(object, ffi::PyBUF_RECORDS_RO)?;
    let tensor = describe(object.attached(), buffer.raw())?;
    Ok(HeldTensor::Lent(tensor, KeepAlive::Buffer(buffer)))
}

fn describe(py: Attached<'_>, buffer: &ffi::Py_buffer) -> Result<BorrowedTensor<'static>, Raised> {
    let format = if buffer.format.is_null() {
        c"B"
    } else {
        // SAFETY: a format ends in NUL, and lives as long as the buffer.
        unsafe { CStr::from_ptr(buffer.format) }
    };
    let Some(dtype) = dtype_of(format.to_bytes()).filter(|dtype| fits(*dtype, buffer)) else {
        return Err(refuse(py, beginning(format)));
    };
    let memory = Memory {
        data: buffer.buf,
        dtype,
        ndim: usize::try_from(buffer.ndim).unwrap_or(usize::MAX),
        shape: buffer.shape,
        strides: buffer.strides,
        is_read_only: buffer.readonly != 0,
    };
    // SAFETY: an object fills its buffer with as many sizes and strides as there are axes, and keeps the memory in place until
    // the buffer is released, which is after the tensor is dropped.
    unsafe { memory.tensor() }.map_err(|unfit| unfit.raise(py))
}

/// Returns `true` if elements have the size that their format says, and their number is known.
fn fits(dtype: DataType, buffer: &ffi::Py_buffer) -> bool {
    let size = isize::from(dtype.bits) / 8;
    buffer.itemsize == size && (buffer.ndim <= 0 || !buffer.shape.is_null())
}
