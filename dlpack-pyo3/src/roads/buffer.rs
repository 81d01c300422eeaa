//! The buffer protocol: memory of objects that know nothing of tensors, such as `bytes`, `memoryview` and `array.array`.
//!
//! Elements have to be plain numbers in this machine's byte order. Structures, pointers, text, and strides that are no
//! whole number of elements are refused by name: there is no dtype for them, and nothing here copies unasked.

use core::ffi::CStr;

use dlpack::{BorrowedTensor, DataType};

use super::format::{dtype_of, refuse};
use super::memory::Memory;
use super::taken::{Keeper, Taken};
use crate::raw::{Attached, Buffer, Object, Raised, ffi};

/// Whether the object has a buffer to lend.
pub(super) fn has_buffer(object: Object<'_>) -> bool {
    // SAFETY: an object on an attached thread.
    (unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) }) != 0
}

/// Takes the object's memory. The object keeps it where it is until the tensor is dropped.
///
/// # Errors
///
/// What the object raises, and `BufferError` for memory that is no tensor.
pub(super) fn take(object: Object<'_>) -> Result<Taken, Raised> {
    // Not asked for as writable, and so the buffer says whether it is.
    let buffer = Buffer::new(object, ffi::PyBUF_RECORDS_RO)?;
    let tensor = describe(object.attached(), buffer.raw())?;
    Ok(Taken::Lent(tensor, Keeper::Buffer(buffer)))
}

fn describe(py: Attached<'_>, buffer: &ffi::Py_buffer) -> Result<BorrowedTensor<'static>, Raised> {
    let format = if buffer.format.is_null() {
        c"B"
    } else {
        // SAFETY: a format ends in NUL, and lives as long as the buffer.
        unsafe { CStr::from_ptr(buffer.format) }
    };
    let Some(dtype) = dtype_of(format.to_bytes()).filter(|dtype| fits(*dtype, buffer)) else {
        return Err(refuse(py, format.to_string_lossy()));
    };
    let memory = Memory {
        data: buffer.buf,
        dtype,
        ndim: usize::try_from(buffer.ndim).unwrap_or(usize::MAX),
        shape: buffer.shape,
        strides: buffer.strides,
        is_read_only: buffer.readonly != 0,
    };
    // SAFETY: a buffer with its sizes and strides. It stays as it is until it is released, after the tensor is gone.
    unsafe { memory.tensor() }.map_err(|unfit| unfit.raise(py))
}

/// Whether elements are of the size that their format says, and their number is known.
fn fits(dtype: DataType, buffer: &ffi::Py_buffer) -> bool {
    let size = isize::from(dtype.bits) / 8;
    buffer.itemsize == size && (buffer.ndim <= 0 || !buffer.shape.is_null())
}
