//! An exception that is on its way while other code runs.

use super::attached::Attached;
use super::ffi;

/// The exception that was set, or that there was none. Dropping it sets it again.
///
/// For code that Python calls at any time, such as destructors: it must neither see the exception nor lose it.
#[derive(Debug)]
pub(crate) struct Pending<'py> {
    #[cfg(Py_3_12)]
    exception: *mut ffi::PyObject,
    #[cfg(not(Py_3_12))]
    parts: [*mut ffi::PyObject; 3],
    #[expect(dead_code, reason = "that the thread is attached, until the exception is set again")]
    py: Attached<'py>,
}

impl<'py> Pending<'py> {
    #[cfg(Py_3_12)]
    pub(crate) fn take(py: Attached<'py>) -> Self {
        // SAFETY: the thread is attached.
        let exception = unsafe { ffi::PyErr_GetRaisedException() };
        Self { exception, py }
    }

    #[cfg(not(Py_3_12))]
    pub(crate) fn take(py: Attached<'py>) -> Self {
        let [mut kind, mut value, mut traceback] = [core::ptr::null_mut(); 3];
        // SAFETY: the thread is attached, and the three can be written.
        unsafe { ffi::PyErr_Fetch(&raw mut kind, &raw mut value, &raw mut traceback) };
        Self { parts: [kind, value, traceback], py }
    }
}

impl Drop for Pending<'_> {
    #[cfg(Py_3_12)]
    fn drop(&mut self) {
        // SAFETY: the thread is attached; a reference that `take` got, or null.
        unsafe { ffi::PyErr_SetRaisedException(self.exception) }
    }

    #[cfg(not(Py_3_12))]
    fn drop(&mut self) {
        let [kind, value, traceback] = self.parts;
        // SAFETY: the thread is attached; references that `take` got, or null.
        unsafe { ffi::PyErr_Restore(kind, value, traceback) }
    }
}
