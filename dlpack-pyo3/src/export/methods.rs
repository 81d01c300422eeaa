//! `__dlpack__` and `__dlpack_device__` as CPython calls them, without a tuple or a dictionary, and with keywords that are
//! recognised by identity.
//!
//! PyO3's own wrapper of a method with four keywords costs about as much again as the whole answer. These are CPython's
//! method descriptors, as a class in C has them.

use core::ffi::CStr;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use pyo3::types::PyAny;
use pyo3::{Borrowed, Bound, Py, PyResult, Python};

use super::class::Export;
use super::respond;
use super::trampoline::trampoline;
use crate::import::attached;
use crate::protocol::Arguments;
use crate::raw::{
    Attached, Class, Name, Object, Owned, Raised, Tuple, ffi, make_pair, names, raise, unwind,
};

/// Makes the class attribute `__dlpack__`.
#[doc(hidden)]
pub fn dlpack_method<T: Export>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    super::buffer::prepare(py);
    descriptor::<T>(py, Methods::<T>::DLPACK)
}

/// Makes the class attribute `__dlpack_device__`.
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

Returns the type of the device and its number.";

fn descriptor<T: Export>(py: Python<'_>, method: &'static ffi::PyMethodDef) -> PyResult<Py<PyAny>> {
    let class = T::type_object_raw(py);
    // SAFETY: the thread is attached. Python only reads the description, which lives for ever. The result is a new reference,
    // or null with an exception set.
    unsafe {
        let made = ffi::PyDescr_NewMethod(class, ptr::from_ref(method).cast_mut());
        Bound::from_owned_ptr_or_err(py, made).map(Bound::unbind)
    }
}

/// # Safety
///
/// CPython calls this as a method of `T` with `METH_FASTCALL | METH_KEYWORDS`.
unsafe extern "C" fn dlpack<T: Export>(
    slf: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods on attached threads.
    trampoline::<T>(unsafe { Attached::assume() }, |py| {
        // SAFETY: the arguments are those of CPython's call.
        let (slf, arguments) =
            unsafe { (this::<T>(py, slf), read(attached(py), values, positional, keywords)?) };
        let request = arguments.request(attached(py), || T::device(&slf))?;
        respond::dlpack(&slf, &request)
    })
}

/// # Safety
///
/// CPython calls this as a method of `T` with `METH_NOARGS`.
unsafe extern "C" fn dlpack_device<T: Export>(
    slf: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods on attached threads.
    trampoline::<T>(unsafe { Attached::assume() }, |py| {
        // SAFETY: the receiver of CPython's call.
        let slf = unsafe { this::<T>(py, slf) };
        let device = T::device(&slf).canonical();
        make_pair(attached(py), [device.device_type.code(), device.device_id])
    })
}

/// # Safety
///
/// `slf` is the receiver of a method of `T`, whose class CPython's descriptor has checked, and lives as long as the result.
#[inline]
unsafe fn this<'a, 'py, T: Export>(
    py: Python<'py>,
    slf: *mut ffi::PyObject,
) -> Borrowed<'a, 'py, T> {
    // SAFETY: a live object of the class, as the caller promises.
    unsafe { Borrowed::from_ptr(py, slf).cast_unchecked() }
}

/// Sorts the values of a call by their keywords.
///
/// # Safety
///
/// These are the arguments of a call with `METH_FASTCALL | METH_KEYWORDS`, which stay as they are for the lifetime.
#[inline]
unsafe fn read<'a>(
    py: Attached<'a>,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> Result<Arguments<'a>, Raised> {
    if positional != 0 {
        return Err(refuse_positional(py, positional));
    }
    let Some(keywords) = NonNull::new(keywords) else { return Ok(Arguments::default()) };
    // SAFETY: the keywords of a call are a tuple, which the caller keeps alive.
    let keywords = Tuple::exact(unsafe { Object::new(keywords) });
    let mut found = [None; 4];
    for (index, keyword) in keywords.into_iter().flat_map(Tuple::iter).enumerate() {
        // SAFETY: a call has as many values as keywords, and the caller keeps the objects alive.
        let value = unsafe { Object::new(NonNull::new_unchecked(*values.add(index))) };
        found[position(keyword)?] = Some(value);
    }
    let [max_version, dl_device, copy, stream] = found;
    Ok(Arguments { stream, max_version, dl_device, copy })
}

/// The keywords, the most frequent first.
static NAMES: [&Name; 4] = [&names::MAX_VERSION, &names::DL_DEVICE, &names::COPY, &names::STREAM];

/// Returns the position of a keyword in [`NAMES`].
#[inline]
fn position(keyword: Object<'_>) -> Result<usize, Raised> {
    // The keywords in the text of a program are interned, as these names are.
    match NAMES.iter().position(|name| name.is(keyword)) {
        Some(position) => Ok(position),
        None => position_by_text(keyword),
    }
}

#[cold]
fn position_by_text(keyword: Object<'_>) -> Result<usize, Raised> {
    for (position, name) in NAMES.iter().enumerate() {
        let name = name.get(keyword.attached())?;
        // SAFETY: two live strings on an attached thread, which can always be compared.
        if unsafe { ffi::PyUnicode_Compare(name.as_ptr(), keyword.as_ptr()) } == 0 {
            return Ok(position);
        }
    }
    Err(refuse_keyword(keyword))
}

#[cold]
fn refuse_positional(py: Attached<'_>, positional: ffi::Py_ssize_t) -> Raised {
    raise(
        py,
        Class::Type,
        format_args!(
            "__dlpack__() takes 1 positional argument but {} were given",
            positional.saturating_add(1)
        ),
    )
}

#[cold]
fn refuse_keyword(keyword: Object<'_>) -> Raised {
    let text = c"__dlpack__() got an unexpected keyword argument '%U'";
    // SAFETY: a class, and a live string for the only place in the text, on an attached thread. The text that is made is a
    // new reference, or null with an exception set.
    unsafe {
        match Owned::or_raised(ffi::PyUnicode_FromFormat(text.as_ptr(), keyword.as_ptr())) {
            Ok(text) => {
                unwind::set_error_object(ffi::PyExc_TypeError, text.as_ptr());
                Raised::new()
            }
            Err(raised) => raised,
        }
    }
}
