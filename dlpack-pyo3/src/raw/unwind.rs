//! Calls of Python from which a thread may never return.
//!
//! While the interpreter finalises, CPython before 3.14 ends a daemon thread that wants the lock back by `pthread_exit`,
//! which unwinds the thread's stack. If Rust called the Python code in which the thread waits, Rust's frames are on that
//! stack, and as they cannot be unwound in this way, the process aborts. The functions here stop the unwinding: the thread
//! waits for the end of the process, as it does with CPython 3.14. PyO3 does the same for its own functions that take the
//! lock.
//!
//! Other functions of the C API may run Python code, too, but little of it. These are the ones whose purpose is to run it.

use core::hint::black_box;
use core::mem;

use super::ffi::{self, PyObject};

/// Calls a callable object.
///
/// # Safety
///
/// `callable` is a live object, and the thread is attached.
pub(crate) unsafe fn call_no_args(callable: *mut PyObject) -> *mut PyObject {
    type C = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
    type CUnwind = unsafe extern "C-unwind" fn(*mut PyObject) -> *mut PyObject;

    // SAFETY: the two types differ only in whether a caller expects unwinding; and the caller's promise.
    unsafe {
        let f = mem::transmute::<C, CUnwind>(ffi::PyObject_CallNoArgs);
        without_unwinding(f, |f| f(callable))
    }
}

/// Calls a callable object with a tuple and a dictionary.
///
/// # Safety
///
/// As for `PyObject_Call` of the C API.
#[cfg(not(any(Py_3_12, not(Py_LIMITED_API))))]
pub(crate) unsafe fn call(
    callable: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    type C = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
    type CUnwind =
        unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;

    // SAFETY: the two types differ only in whether a caller expects unwinding; and the caller's promise.
    unsafe {
        let f = mem::transmute::<C, CUnwind>(ffi::PyObject_Call);
        without_unwinding(f, |f| f(callable, arguments, keywords))
    }
}

/// Calls a method.
///
/// # Safety
///
/// As for `PyObject_VectorcallMethod` of the C API.
#[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
#[inline]
pub(crate) unsafe fn vectorcall_method(
    name: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    type C = unsafe extern "C" fn(
        *mut PyObject,
        *const *mut PyObject,
        usize,
        *mut PyObject,
    ) -> *mut PyObject;
    type CUnwind = unsafe extern "C-unwind" fn(
        *mut PyObject,
        *const *mut PyObject,
        usize,
        *mut PyObject,
    ) -> *mut PyObject;

    // SAFETY: the two types differ only in whether a caller expects unwinding; and the caller's promise.
    unsafe {
        let f = mem::transmute::<C, CUnwind>(ffi::PyObject_VectorcallMethod);
        without_unwinding(f, |f| f(name, arguments, count, keywords))
    }
}

/// Gives a reference back, which may be the last one.
///
/// # Safety
///
/// The caller passes on one reference of the object, and the thread is attached.
pub(crate) unsafe fn dec_ref(object: *mut PyObject) {
    type C = unsafe extern "C" fn(*mut PyObject);
    type CUnwind = unsafe extern "C-unwind" fn(*mut PyObject);

    // SAFETY: the two types differ only in whether a caller expects unwinding; and the caller's promise.
    unsafe {
        let f = mem::transmute::<C, CUnwind>(ffi::Py_DecRef);
        without_unwinding(f, |f| f(object));
    }
}

/// Calls a function of the C API, and returns only if the function does.
///
/// The compiler must not see which function it is, since it assumes that the original does not unwind.
#[inline]
fn without_unwinding<F, R>(function: F, call: impl FnOnce(F) -> R) -> R {
    let park = ParkOnUnwind;
    let result = call(black_box(function));
    mem::forget(park);
    result
}

/// Parks the thread for ever when it is dropped.
struct ParkOnUnwind;

impl Drop for ParkOnUnwind {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}
