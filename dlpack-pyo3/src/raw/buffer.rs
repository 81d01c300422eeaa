//! Buffers that any thread may hold and release.

use alloc::boxed::Box;
use core::ffi::c_int;
use core::fmt;
use core::mem::MaybeUninit;

use super::attach::try_attach;
use super::ffi;
use super::object::Object;
use super::raise::Raised;

/// The memory that an object lends by the buffer protocol, until this value is dropped.
///
/// Dropping it releases the buffer as [`try_attach`] allows, or leaks it when the interpreter is gone.
pub(crate) struct Buffer {
    /// In a box, since the struct may point into itself.
    ///
    /// # Invariants
    ///
    /// `PyObject_GetBuffer` filled it, and it has not been released.
    raw: Box<ffi::Py_buffer>,
}

// SAFETY: a buffer is released on an attached thread, which is all that Python asks for. Its fields do not change, and
// nobody follows its pointers here.
unsafe impl Send for Buffer {}
// SAFETY: as for `Send`.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Asks the object for its memory in the form that these `PyBUF_*` flags name.
    pub(crate) fn new(object: Object<'_>, flags: c_int) -> Result<Self, Raised> {
        let mut raw = Box::new(MaybeUninit::<ffi::Py_buffer>::zeroed());
        // SAFETY: a live object on an attached thread, and a writable place. Zeros are a valid struct, and so is what the
        // object wrote.
        unsafe {
            if ffi::PyObject_GetBuffer(object.as_ptr(), raw.as_mut_ptr(), flags) != 0 {
                return Err(Raised::new());
            }
            Ok(Self { raw: raw.assume_init() })
        }
    }

    #[inline]
    pub(crate) const fn raw(&self) -> &ffi::Py_buffer {
        &self.raw
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the invariant of `raw`; the thread is attached.
        try_attach(|_| unsafe { ffi::PyBuffer_Release(&raw mut *self.raw) });
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.raw.len).finish_non_exhaustive()
    }
}
