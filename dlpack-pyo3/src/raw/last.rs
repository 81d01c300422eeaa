//! Calls of Python that may be the last thing that a thread does.
//!
//! While the interpreter finalises, a daemon thread that wants the lock back is ended where it stands, until CPython 3.14 by
//! `pthread_exit`, which unwinds its stack. A thread that stands in Python code is no exception if that code was called
//! from Rust, and Rust's frames are not made for it: the process aborts. So the stack is unwound no further than to here, and
//! the thread waits for the end of the process, as it does with CPython 3.14. PyO3 has the same for its own functions
//! that take the lock.
//!
//! Other functions of the C API may run code of Python, too, but little of it; these are the ones that are asked to.

use core::hint::black_box;
use core::mem;

use super::ffi::{self, PyObject};

/// Calls a callable object.
///
/// # Safety
///
/// An object, on an attached thread.
pub(crate) unsafe fn call_no_args(callable: *mut PyObject) -> *mut PyObject {
    type C = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
    type CUnwind = unsafe extern "C-unwind" fn(*mut PyObject) -> *mut PyObject;

    // SAFETY: the two differ in what a caller knows of unwinding only.
    let f = unsafe { mem::transmute::<C, CUnwind>(ffi::PyObject_CallNoArgs) };
    // SAFETY: the caller's promise.
    last(f, |f| unsafe { f(callable) })
}

/// Calls a callable object with a tuple and a dictionary.
///
/// # Safety
///
/// As the function of this name in the C API.
#[cfg(not(any(Py_3_12, not(Py_LIMITED_API))))]
pub(crate) unsafe fn call(
    callable: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    type C = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
    type CUnwind =
        unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;

    // SAFETY: the two differ in what a caller knows of unwinding only.
    let f = unsafe { mem::transmute::<C, CUnwind>(ffi::PyObject_Call) };
    // SAFETY: the caller's promise.
    last(f, |f| unsafe { f(callable, arguments, keywords) })
}

/// Calls a method.
///
/// # Safety
///
/// As the function of this name in the C API.
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

    // SAFETY: the two differ in what a caller knows of unwinding only.
    let f = unsafe { mem::transmute::<C, CUnwind>(ffi::PyObject_VectorcallMethod) };
    // SAFETY: the caller's promise.
    last(f, |f| unsafe { f(name, arguments, count, keywords) })
}

/// Gives a reference back, perhaps the last one.
///
/// # Safety
///
/// One reference of an object is passed on, on an attached thread.
pub(crate) unsafe fn dec_ref(object: *mut PyObject) {
    type C = unsafe extern "C" fn(*mut PyObject);
    type CUnwind = unsafe extern "C-unwind" fn(*mut PyObject);

    // SAFETY: the two differ in what a caller knows of unwinding only.
    let f = unsafe { mem::transmute::<C, CUnwind>(ffi::Py_DecRef) };
    // SAFETY: the caller's promise.
    last(f, |f| unsafe { f(object) });
}

/// Calls a function of the C API, and comes back only if it does.
///
/// The compiler must not see which function it is: it knows that one as one that does not unwind.
#[inline]
fn last<F, R>(function: F, call: impl FnOnce(F) -> R) -> R {
    let stay = Stay;
    let result = call(black_box(function));
    mem::forget(stay);
    result
}

/// Waits for ever when it is dropped.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}
