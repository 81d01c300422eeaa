//! The buffer protocol where the limited API has none, which is before CPython 3.11.
//!
//! A `memoryview` holds the buffer then, and its attributes describe it. They do not tell where the memory is. The one
//! function that does, and that is in the limited API of all versions, takes contiguous memory only; so strided memory of
//! objects without `__dlpack__` is refused by extensions that are built for `abi3-py310`.

use core::ffi::{c_int, c_void};
use core::ptr;

use dlpack::BorrowedTensor;

use super::format::{dtype_of, refuse};
use super::memory::Memory;
use super::taken::{Keeper, Taken};
use crate::raw::{Name, Object, Owned, Raised, Reference, ffi, index, items, names};

#[cfg_attr(windows, link(name = "python3", kind = "raw-dylib"))]
unsafe extern "C" {
    fn PyObject_AsReadBuffer(
        object: *mut ffi::PyObject,
        start: *mut *const c_void,
        len: *mut ffi::Py_ssize_t,
    ) -> c_int;
}

/// Whether the object has a buffer to lend.
pub(super) fn has_buffer(object: Object<'_>) -> bool {
    match view(object) {
        Ok(_) => true,
        Err(raised) => {
            // SAFETY: of the exceptions that live as long as the interpreter.
            let is_other = !raised.is(unsafe { ffi::PyExc_TypeError });
            raised.clear();
            is_other
        }
    }
}

/// Takes the object's memory. The object keeps it where it is until the tensor is dropped.
///
/// # Errors
///
/// What the object raises, and `BufferError` for memory that is no tensor.
pub(super) fn take(object: Object<'_>) -> Result<Taken, Raised> {
    let view = view(object)?;
    let tensor = describe(view.borrow())?;
    Ok(Taken::Lent(tensor, Keeper::Object(Reference::new(view))))
}

fn view(object: Object<'_>) -> Result<Owned<'_>, Raised> {
    // SAFETY: an object on an attached thread.
    let view = unsafe { ffi::PyMemoryView_FromObject(object.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(view) }
}

fn describe(view: Object<'_>) -> Result<BorrowedTensor<'static>, Raised> {
    let py = view.attached();
    let format = view.attr(&names::FORMAT)?;
    let format = format.borrow().text().unwrap_or_default();
    let size = number(view, &names::ITEMSIZE)?;
    let Some(dtype) = dtype_of(format.as_bytes()).filter(|dtype| size == i64::from(dtype.bits) / 8)
    else {
        return Err(refuse(py, format));
    };
    let shape = sizes(view.attr(&names::SHAPE)?.borrow())?;
    let (mut start, mut len) = (ptr::null(), 0);
    // SAFETY: an object on an attached thread, and two places to be written.
    if unsafe { PyObject_AsReadBuffer(view.as_ptr(), &raw mut start, &raw mut len) } != 0 {
        return Err(Raised::new());
    }
    let memory = Memory {
        data: start.cast_mut(),
        dtype,
        ndim: shape.len(),
        shape: shape.as_ptr(),
        strides: ptr::null(),
        is_read_only: number(view, &names::READONLY)? != 0,
    };
    // SAFETY: the view has so many contiguous elements, and keeps them in place as long as it lives.
    unsafe { memory.tensor() }.map_err(|unfit| unfit.raise(py))
}

fn number(view: Object<'_>, name: &Name) -> Result<i64, Raised> {
    index(view.attr(name)?.borrow())
}

/// The numbers in a tuple, which are sizes.
fn sizes(tuple: Object<'_>) -> Result<Vec<isize>, Raised> {
    // What does not fit is more than there is memory, and is refused as that.
    items(tuple).map(|size| Ok(isize::try_from(index(size)?).unwrap_or(isize::MAX))).collect()
}
