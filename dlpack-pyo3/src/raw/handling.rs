//! Exceptions that are being handled, as in an `except` block.

use core::ptr;

use super::attached::Attached;
use super::ffi;
use super::raise::Raised;

/// That an exception is being handled: what is raised meanwhile has it as its `__context__`.
///
/// Dropping this ends the `except` block.
#[derive(Debug)]
pub(crate) struct Handling<'py> {
    /// What was being handled before.
    outer: [*mut ffi::PyObject; 3],
    /// That the thread is attached, until the block ends.
    py: Attached<'py>,
}

impl<'py> Handling<'py> {
    /// Catches the exception that is set.
    pub(crate) fn of(py: Attached<'py>, _: Raised) -> Self {
        // In a generator this may be what its caller handles. Then the generator has none of its own, and is to have none
        // afterwards, when another caller may go on with it.
        let seen = handled(py);
        handle(py, [ptr::null_mut(); 3]);
        let behind = handled(py);
        let is_callers = seen[1] == behind[1];
        let (outer, unused) =
            if is_callers { ([ptr::null_mut(); 3], seen) } else { (seen, [ptr::null_mut(); 3]) };
        release(behind);
        release(unused);
        handle(py, caught());
        Self { outer, py }
    }

    /// Makes the exception that is being handled the cause of the one that is set, as `raise ... from` does.
    pub(crate) fn is_cause_of(&self, _: Raised) -> Raised {
        let [kind, cause, traceback] = handled(self.py);
        release([kind, ptr::null_mut(), traceback]);
        let [kind, value, traceback] = caught();
        // SAFETY: two exceptions, and a reference to the cause is passed on.
        unsafe { ffi::PyException_SetCause(value, cause) };
        restore([kind, value, traceback]);
        Raised::new()
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        handle(self.py, self.outer);
    }
}

/// Class, instance and traceback of the exception that is being handled, here or by a caller: three references, or null.
fn handled(_: Attached<'_>) -> [*mut ffi::PyObject; 3] {
    let [mut kind, mut value, mut traceback] = [ptr::null_mut(); 3];
    // SAFETY: the thread is attached, and the three can be written.
    unsafe { ffi::PyErr_GetExcInfo(&raw mut kind, &raw mut value, &raw mut traceback) };
    [kind, value, traceback]
}

/// Sets the exception that is being handled here. Takes the references over.
fn handle(_: Attached<'_>, [kind, value, traceback]: [*mut ffi::PyObject; 3]) {
    // SAFETY: the thread is attached; three references are passed on, or null.
    unsafe { ffi::PyErr_SetExcInfo(kind, value, traceback) }
}

/// Gives references of [`handled`] back.
fn release(unused: [*mut ffi::PyObject; 3]) {
    for object in unused {
        // SAFETY: a reference that was got, or null.
        unsafe { ffi::Py_XDECREF(object) };
    }
}

/// Class, instance and traceback of the exception that is set, and no longer is.
#[cfg(Py_3_12)]
fn caught() -> [*mut ffi::PyObject; 3] {
    // SAFETY: an exception is set, hence the thread is attached.
    let value = unsafe { ffi::PyErr_GetRaisedException() };
    // The instance is all that is looked at.
    [ptr::null_mut(), value, ptr::null_mut()]
}

#[cfg(not(Py_3_12))]
fn caught() -> [*mut ffi::PyObject; 3] {
    let [mut kind, mut value, mut traceback] = [ptr::null_mut(); 3];
    // SAFETY: an exception is set, hence the thread is attached; the three can be written.
    unsafe { ffi::PyErr_Fetch(&raw mut kind, &raw mut value, &raw mut traceback) };
    // SAFETY: the same, and they are an exception.
    unsafe { ffi::PyErr_NormalizeException(&raw mut kind, &raw mut value, &raw mut traceback) };
    if !value.is_null() && !traceback.is_null() {
        // SAFETY: an exception and its traceback. That they do not fit together is not possible.
        let _ = unsafe { ffi::PyException_SetTraceback(value, traceback) };
    }
    [kind, value, traceback]
}

/// Sets what [`caught`] returned.
#[cfg(Py_3_12)]
fn restore([_, value, _]: [*mut ffi::PyObject; 3]) {
    // SAFETY: the thread is attached, since an exception was set in it; a reference is passed on.
    unsafe { ffi::PyErr_SetRaisedException(value) }
}

#[cfg(not(Py_3_12))]
fn restore([kind, value, traceback]: [*mut ffi::PyObject; 3]) {
    // SAFETY: the thread is attached, since an exception was set in it; references are passed on.
    unsafe { ffi::PyErr_Restore(kind, value, traceback) }
}
