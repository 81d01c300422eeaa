//! `__dlpack__` and `__dlpack_device__` as CPython calls them: no tuple, no dictionary, and keywords told apart by identity.
//!
//! PyO3's own wrapper of a method with four keywords costs about as much again as all of the answer. These are method
//! descriptors of CPython's, as a class in C has them.

use core::ffi::CStr;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use dlpack::Device;
use pyo3::types::PyAny;
use pyo3::{Borrowed, Bound, Py, PyResult, Python};

use super::guard::guarded;
use super::respond;
use super::source::Export;
use crate::import::attached;
use crate::protocol::Keywords;
use crate::raw::{
    Attached, Items, Kind, Name, Object, Owned, Raised, ffi, integer, names, raise, tuple,
};

/// The class attribute `__dlpack__`.
#[doc(hidden)]
pub fn dlpack_method<T: Export>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    descriptor::<T>(py, Methods::<T>::DLPACK)
}

/// The class attribute `__dlpack_device__`.
#[doc(hidden)]
pub fn dlpack_device_method<T: Export>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    descriptor::<T>(py, Methods::<T>::DLPACK_DEVICE)
}

/// The methods of a class, as CPython wants them described.
struct Methods<T>(PhantomData<T>);

impl<T: Export> Methods<T> {
    const DLPACK: &'static ffi::PyMethodDef = &ffi::PyMethodDef {
        ml_name: c"__dlpack__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: dlpack::<T> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: DLPACK_DOC.as_ptr(),
    };
    const DLPACK_DEVICE: &'static ffi::PyMethodDef = &ffi::PyMethodDef {
        ml_name: c"__dlpack_device__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: dlpack_device::<T> },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: DLPACK_DEVICE_DOC.as_ptr(),
    };
}

// Python takes the signature from the first line.
const DLPACK_DOC: &CStr =
    c"__dlpack__($self, /, *, stream=None, max_version=None, dl_device=None, copy=None)
--

Exports the tensor as a capsule.";
const DLPACK_DEVICE_DOC: &CStr = c"__dlpack_device__($self, /)
--

The type of the device and its number.";

fn descriptor<T: Export>(py: Python<'_>, method: &'static ffi::PyMethodDef) -> PyResult<Py<PyAny>> {
    let class = T::type_object_raw(py);
    // SAFETY: the thread is attached; a type, and a description that lives as long as the program. Python only reads it.
    let made = unsafe { ffi::PyDescr_NewMethod(class, ptr::from_ref(method).cast_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, made) }.map(Bound::unbind)
}

/// # Safety
///
/// As CPython calls a method of `T`, with `METH_FASTCALL | METH_KEYWORDS`.
unsafe extern "C" fn dlpack<T: Export>(
    slf: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods on attached threads.
    guarded::<T>(unsafe { Attached::assume() }, |py| {
        // SAFETY: the caller's promise; the descriptor has checked the type.
        let slf = unsafe { this::<T>(py, slf) };
        // SAFETY: the caller's promise.
        let keywords = unsafe { read(attached(py), arguments, positional, keywords) }?;
        let request = keywords.request(attached(py), || T::device(&slf))?;
        respond::dlpack(&slf, &request)
    })
}

/// # Safety
///
/// As CPython calls a method of `T`, with `METH_NOARGS`.
unsafe extern "C" fn dlpack_device<T: Export>(
    slf: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods on attached threads.
    guarded::<T>(unsafe { Attached::assume() }, |py| {
        // SAFETY: the caller's promise; the descriptor has checked the type.
        let slf = unsafe { this::<T>(py, slf) };
        pair(attached(py), T::device(&slf).canonical())
    })
}

/// # Safety
///
/// `slf` is an object of the class, which is alive for as long as the result.
#[inline]
pub(super) unsafe fn this<'a, 'py, T: Export>(
    py: Python<'py>,
    slf: *mut ffi::PyObject,
) -> Borrowed<'a, 'py, T> {
    // SAFETY: the caller's promise.
    let slf = unsafe { Borrowed::from_ptr(py, slf) };
    // SAFETY: the same.
    unsafe { slf.cast_unchecked() }
}

/// Sorts the values by their keywords.
///
/// # Safety
///
/// The arguments of a call with `METH_FASTCALL | METH_KEYWORDS`, which stay as they are for the lifetime.
#[inline]
unsafe fn read<'a>(
    py: Attached<'a>,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> Result<Keywords<'a>, Raised> {
    if positional != 0 {
        return Err(refuse_positional(py, positional));
    }
    let Some(keywords) = NonNull::new(keywords) else { return Ok(Keywords::default()) };
    // SAFETY: a tuple, by the caller's promise.
    let keywords = Items::new(unsafe { Object::new(keywords) });
    let mut found = [None; 4];
    for (index, keyword) in keywords.into_iter().flat_map(Items::all).enumerate() {
        // SAFETY: the caller's promise: as many values as keywords.
        let value = unsafe { values.add(index) };
        // SAFETY: the same.
        let value = unsafe { value.read() };
        // SAFETY: an object, which the caller keeps.
        let value = unsafe { NonNull::new_unchecked(value) };
        // SAFETY: the same.
        let value = unsafe { Object::new(value) };
        found[place(keyword)?] = Some(value);
    }
    let [max_version, dl_device, copy, stream] = found;
    Ok(Keywords { stream, max_version, dl_device, copy })
}

/// The keywords, the most frequent first.
static NAMES: [&Name; 4] = [&names::MAX_VERSION, &names::DL_DEVICE, &names::COPY, &names::STREAM];

/// Which of the [`NAMES`] a keyword is.
#[inline]
fn place(keyword: Object<'_>) -> Result<usize, Raised> {
    // Those in the text of programs are interned, as these are.
    match NAMES.iter().position(|name| name.is(keyword)) {
        Some(place) => Ok(place),
        None => place_by_text(keyword),
    }
}

#[cold]
fn place_by_text(keyword: Object<'_>) -> Result<usize, Raised> {
    for (place, name) in NAMES.iter().enumerate() {
        let name = name.get(keyword.attached())?;
        // SAFETY: two strings on an attached thread, which can be compared without a failure.
        if unsafe { ffi::PyUnicode_Compare(name.as_ptr(), keyword.as_ptr()) } == 0 {
            return Ok(place);
        }
    }
    Err(refuse_keyword(keyword))
}

#[cold]
fn refuse_positional(py: Attached<'_>, positional: ffi::Py_ssize_t) -> Raised {
    raise(
        py,
        Kind::Type,
        format_args!(
            "__dlpack__() takes 1 positional argument but {} were given",
            positional.saturating_add(1)
        ),
    )
}

#[cold]
fn refuse_keyword(keyword: Object<'_>) -> Raised {
    let text = c"__dlpack__() got an unexpected keyword argument '%U'";
    // SAFETY: of the exceptions that live as long as the interpreter.
    let class = unsafe { ffi::PyExc_TypeError };
    // SAFETY: a class, and a string for the only place in the text, on an attached thread.
    unsafe { ffi::PyErr_Format(class, text.as_ptr(), keyword.as_ptr()) };
    Raised::new()
}

/// A tuple of the two numbers of a device.
fn pair(py: Attached<'_>, device: Device) -> Result<Owned<'_>, Raised> {
    let device_type = integer(py, device.device_type.code())?;
    let id = integer(py, device.device_id)?;
    tuple(py, &[device_type.borrow(), id.borrow()])
}
