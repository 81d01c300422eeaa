//! The route by the buffer protocol, for a limited API that has no such functions, which is that of CPython before 3.11.
//!
//! A `memoryview` holds the buffer, and its attributes describe the memory, but do not say where it is. The only function
//! of the limited API that does accepts contiguous memory only. So extensions that are built for `abi3-py310` refuse strided
//! memory of objects without `__dlpack__`.

use core::ffi::{c_int, c_void};
use core::ptr;

use dlpack::BorrowedTensor;

use super::format::{dtype_of, refuse};
use super::held::{HeldTensor, KeepAlive};
use super::memory::Memory;
use crate::raw::{
    Class, Name, Object, Owned, Raised, Reference, Tuple, ffi, integer, make_tuple, names, unwind,
};

#[cfg_attr(windows, link(name = "python3", kind = "raw-dylib"))]
unsafe extern "C" {
    fn PyObject_AsReadBuffer(
        object: *mut ffi::PyObject,
        start: *mut *const c_void,
        len: *mut ffi::Py_ssize_t,
    ) -> c_int;
}

/// Returns `true` if the object implements the buffer protocol.
///
/// # Errors
///
/// What the object raises, if that is not an `Exception`, and so interrupts the program.
pub(super) fn has_buffer(object: Object<'_>) -> Result<bool, Raised> {
    match view(object) {
        Ok(_) => Ok(true),
        Err(raised) => {
            let is_other = !raised.is(Class::Type);
            raised.forget().map(|()| is_other)
        }
    }
}

/// Takes the object's memory, which the object keeps in place until the tensor is dropped.
///
/// # Errors
///
/// What the object raises, and `BufferError` for memory that is not a tensor.
pub(super) fn take(object: Object<'_>) -> Result<HeldTensor, Raised> {
    let view = view(object)?;
    let tensor = describe(view.borrow())?;
    let keep = Reference::new(keep(view.borrow())?);
    Ok(HeldTensor::Lent(tensor, KeepAlive::View(keep)))
}

/// Returns what keeps the view, and its object by a reference of its own: `ndarray.resize` takes a single one for that of its
/// caller, and frees the memory.
fn keep<'py>(view: Object<'py>) -> Result<Owned<'py>, Raised> {
    let base = view.attr(&names::OBJ)?;
    make_tuple(view.attached(), &[view, base.borrow()])
}

fn view(object: Object<'_>) -> Result<Owned<'_>, Raised> {
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(unwind::memory_view(object.as_ptr())) }
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
    // SAFETY: a live object on an attached thread, and two writable places.
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
    integer(view.attr(name)?.borrow())
}

/// Reads the sizes in a tuple.
fn sizes(tuple: Object<'_>) -> Result<Vec<isize>, Raised> {
    // A size that does not fit is more than there is memory, and is refused as such.
    let items = Tuple::new(tuple).into_iter().flat_map(Tuple::iter);
    items.map(|size| Ok(isize::try_from(integer(size)?).unwrap_or(isize::MAX))).collect()
}
