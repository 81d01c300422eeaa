//! Calls of Python from which a thread may never return.
//!
//! While the interpreter finalises, CPython before 3.14 ends a daemon thread that wants the lock back by `pthread_exit`,
//! which unwinds the thread's stack. If Rust called the Python code in which the thread waits, Rust's frames are on that
//! stack. Their values would be dropped without the lock, and as most frames cannot be unwound in this way, the process
//! aborts. The functions here stop the unwinding before it reaches a value of this crate: the thread waits for the end of the
//! process, as it does with CPython 3.14. PyO3 does the same for its own functions that take the lock.
//!
//! They are never inlined. A function that must not unwind, such as a deleter, has a filter that ends the process, and what is
//! inlined there is cleaned up under that filter. But Rust passes over filters when a thread is ended, and over the guard with
//! it: the thread would unwind the caller, and the process abort.
//!
//! Every function of the C API that may run Python code is called by one of these: not only those whose purpose it is, but
//! also those that give a reference back, and those that make an object which the garbage collector tracks, since before 3.12
//! that may start a collection. What the others do needs no more than their arguments.

use core::ffi::{c_char, c_int, c_longlong};
use core::mem;

use super::ffi::{self, Py_ssize_t, PyObject};

/// Defines functions that call those of the C API.
macro_rules! guarded {
    ($($(#[$attribute:meta])* fn $name:ident = $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        $(#[$attribute])*
        ///
        /// # Safety
        ///
        #[doc = concat!("As for `", stringify!($function), "` of the C API.")]
        #[inline(never)]
        pub(crate) unsafe fn $name($($argument: $type),*) $(-> $result)? {
            type C = unsafe extern "C" fn($($type),*) $(-> $result)?;
            type CUnwind = unsafe extern "C-unwind" fn($($type),*) $(-> $result)?;

            static FUNCTION: C = ffi::$function;

            // The compiler must not see which function it is, since it assumes that the original does not unwind. So it is
            // read from memory, which costs less than `black_box`.
            // SAFETY: a static can be read; the two types differ only in whether a caller expects unwinding; and the caller
            // keeps to the contract of the function.
            unsafe {
                let function = (&raw const FUNCTION).read_volatile();
                let function = mem::transmute::<C, CUnwind>(function);
                let guard = Guard::new();
                let result = function($($argument),*);
                guard.end();
                result
            }
        }
    )*};
}

guarded! {
    /// Gives the lock back, and ends what the thread alone has.
    fn release_lock = PyGILState_Release(state: ffi::PyGILState_STATE);

    /// Waits for the lock of an object.
    #[cfg(Py_GIL_DISABLED)]
    fn begin_section = PyCriticalSection_Begin(
        section: *mut ffi::PyCriticalSection,
        object: *mut PyObject
    );

    /// Gives the lock of an object back.
    #[cfg(Py_GIL_DISABLED)]
    fn end_section = PyCriticalSection_End(section: *mut ffi::PyCriticalSection);

    /// Calls a callable object.
    fn call_no_args = PyObject_CallNoArgs(callable: *mut PyObject) -> *mut PyObject;

    /// Calls a callable object with a tuple and a dictionary, which may be null.
    fn call = PyObject_Call(
        callable: *mut PyObject,
        arguments: *mut PyObject,
        keywords: *mut PyObject
    ) -> *mut PyObject;

    /// Calls a method.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    fn vectorcall_method = PyObject_VectorcallMethod(
        name: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        keywords: *mut PyObject
    ) -> *mut PyObject;

    /// Gives a reference back, which may be the last one.
    fn dec_ref = Py_DecRef(object: *mut PyObject);

    /// Returns an attribute.
    fn get_attr = PyObject_GetAttr(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject;

    /// Returns an attribute, or null if there is none.
    #[cfg(Py_3_13)]
    fn get_optional_attr = PyObject_GetOptionalAttr(
        object: *mut PyObject,
        name: *mut PyObject,
        value: *mut *mut PyObject
    ) -> c_int;

    /// Returns an item of a mapping.
    fn get_item = PyObject_GetItem(mapping: *mut PyObject, key: *mut PyObject) -> *mut PyObject;

    /// Makes the text that stands for the object in a program.
    fn repr = PyObject_Repr(object: *mut PyObject) -> *mut PyObject;

    /// Returns `true` if the object counts as true.
    fn is_true = PyObject_IsTrue(object: *mut PyObject) -> c_int;

    /// Reads an integer, or an object that converts to one.
    fn as_long_long = PyLong_AsLongLongAndOverflow(
        object: *mut PyObject,
        overflow: *mut c_int
    ) -> c_longlong;

    /// Makes an integer of an object that converts to one.
    fn index = PyNumber_Index(object: *mut PyObject) -> *mut PyObject;

    /// Returns the length of a sequence.
    fn sequence_size = PySequence_Size(sequence: *mut PyObject) -> Py_ssize_t;

    /// Returns an item of a sequence.
    fn sequence_item = PySequence_GetItem(
        sequence: *mut PyObject,
        index: Py_ssize_t
    ) -> *mut PyObject;

    /// Returns 1 if the sequence contains the object.
    fn sequence_contains = PySequence_Contains(
        sequence: *mut PyObject,
        object: *mut PyObject
    ) -> c_int;

    /// Returns a module that has been imported, or waits until its import ends.
    fn get_module = PyImport_GetModule(name: *mut PyObject) -> *mut PyObject;

    /// Asks an object for its memory.
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    fn get_buffer = PyObject_GetBuffer(
        object: *mut PyObject,
        view: *mut ffi::Py_buffer,
        flags: c_int
    ) -> c_int;

    /// Gives the memory back.
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    fn release_buffer = PyBuffer_Release(view: *mut ffi::Py_buffer);

    /// Makes a `memoryview` of an object's memory.
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    fn memory_view = PyMemoryView_FromObject(object: *mut PyObject) -> *mut PyObject;

    /// Makes a tuple without items.
    fn new_tuple = PyTuple_New(len: Py_ssize_t) -> *mut PyObject;

    /// Makes a dictionary.
    #[cfg(not(any(Py_3_12, not(Py_LIMITED_API))))]
    fn new_dict = PyDict_New() -> *mut PyObject;

    /// Makes a method of a class.
    fn new_method = PyDescr_NewMethod(
        class: *mut ffi::PyTypeObject,
        method: *mut ffi::PyMethodDef
    ) -> *mut PyObject;

    /// Sets an attribute.
    fn set_attr = PyObject_SetAttrString(
        object: *mut PyObject,
        name: *const c_char,
        value: *mut PyObject
    ) -> c_int;

    /// Makes a weak reference.
    fn new_weak_reference = PyWeakref_NewRef(
        object: *mut PyObject,
        callback: *mut PyObject
    ) -> *mut PyObject;

    /// Makes a class of exceptions.
    fn new_exception = PyErr_NewException(
        name: *const c_char,
        base: *mut PyObject,
        members: *mut PyObject
    ) -> *mut PyObject;

    /// Sets an exception.
    fn set_error = PyErr_SetString(class: *mut PyObject, text: *const c_char);

    /// Sets an exception.
    fn set_error_object = PyErr_SetObject(class: *mut PyObject, value: *mut PyObject);

    /// Returns the text of a string, or sets an exception.
    fn text = PyUnicode_AsUTF8AndSize(
        string: *mut PyObject,
        len: *mut Py_ssize_t
    ) -> *const c_char;

    /// Forgets the exception that is set.
    fn clear_error = PyErr_Clear();

    /// Sets an exception that was taken out of the thread.
    #[cfg(Py_3_12)]
    fn restore_error = PyErr_SetRaisedException(exception: *mut PyObject);

    /// Sets an exception that was taken out of the thread.
    #[cfg(not(Py_3_12))]
    fn restore_error = PyErr_Restore(
        class: *mut PyObject,
        value: *mut PyObject,
        traceback: *mut PyObject
    );

    /// Makes an instance of an exception that has none.
    #[cfg(not(Py_3_12))]
    fn normalize_error = PyErr_NormalizeException(
        class: *mut *mut PyObject,
        value: *mut *mut PyObject,
        traceback: *mut *mut PyObject
    );

    /// Sets the traceback of an exception.
    #[cfg(not(Py_3_12))]
    fn set_traceback = PyException_SetTraceback(
        exception: *mut PyObject,
        traceback: *mut PyObject
    ) -> c_int;

    /// Sets the cause of an exception.
    fn set_cause = PyException_SetCause(exception: *mut PyObject, cause: *mut PyObject);

    /// Sets the exception that is being handled.
    fn set_handled = PyErr_SetExcInfo(
        class: *mut PyObject,
        value: *mut PyObject,
        traceback: *mut PyObject
    );
}

/// Calls a function of another library under a [`Guard`]. It does not panic, and has captured nothing that has to be dropped.
#[doc(hidden)]
#[inline(never)]
pub fn guarded<R>(call: impl FnOnce() -> R) -> R {
    let guard = Guard::new();
    let result = call();
    guard.end();
    result
}

/// Parks the thread for ever if a call unwinds before [`end`](Self::end).
///
/// The call must be known to unwind, and must not panic. Nothing that has to be dropped may be made after the guard.
pub(crate) struct Guard(());

impl Guard {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(())
    }

    #[inline]
    pub(crate) const fn end(self) {
        mem::forget(self);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}
