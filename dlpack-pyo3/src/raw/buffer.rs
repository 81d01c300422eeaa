//! Buffers that any thread may hold and release.

use alloc::boxed::Box;
use core::ffi::c_int;
use core::fmt;
use core::mem::MaybeUninit;

use super::ffi;
use super::object::Object;
use super::raise::Raised;
use super::reach::reach;

/// What an object lends by the buffer protocol, until this value is dropped.
///
/// Dropping it releases the buffer as [`reach`] says, or not at all when the interpreter is gone.
pub(crate) struct Buffer {
    /// In a box, since it may point into itself.
    ///
    /// # Invariants
    ///
    /// Filled by `PyObject_GetBuffer`, and not released yet.
    raw: Box<ffi::Py_buffer>,
}

// SAFETY: a buffer is released on an attached thread, which is what Python asks for. The numbers do not change, and what
// they describe is followed by nobody here.
unsafe impl Send for Buffer {}
// SAFETY: the same.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Asks the object for its memory, in the form that these `PyBUF_*` flags name.
    pub(crate) fn new(object: Object<'_>, flags: c_int) -> Result<Self, Raised> {
        let mut raw = Box::new(MaybeUninit::<ffi::Py_buffer>::zeroed());
        // SAFETY: an object on an attached thread, and a buffer to be filled.
        let status = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), raw.as_mut_ptr(), flags) };
        if status != 0 {
            return Err(Raised::new());
        }
        // SAFETY: zeros are valid, and so is what the object wrote.
        let raw = unsafe { raw.assume_init() };
        Ok(Self { raw })
    }

    #[inline]
    pub(crate) const fn raw(&self) -> &ffi::Py_buffer {
        &self.raw
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the invariant, on an attached thread.
        reach(|_| unsafe { ffi::PyBuffer_Release(&raw mut *self.raw) });
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.raw.len).finish_non_exhaustive()
    }
}
