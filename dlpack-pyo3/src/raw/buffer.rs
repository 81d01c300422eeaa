//! Buffers that any thread may hold and release.

use alloc::boxed::Box;
use core::ffi::c_int;
use core::fmt;
use core::ptr::NonNull;

use super::attach::try_attach;
use super::ffi;
use super::object::Object;
use super::raise::Raised;
use super::unwind;

/// The memory that an object lends by the buffer protocol, until this value is dropped.
///
/// Dropping it releases the buffer as [`try_attach`] allows, or leaks it when the interpreter is gone.
pub(crate) struct Buffer {
    /// The struct stays where it is, since it may point into itself.
    ///
    /// # Invariants
    ///
    /// A box, which only this value owns. `PyObject_GetBuffer` filled it, and it has not been released.
    raw: NonNull<ffi::Py_buffer>,
}

// SAFETY: a buffer is released on an attached thread, which is all that Python asks for. Its fields do not change, and
// nobody follows its pointers here.
unsafe impl Send for Buffer {}
// SAFETY: as for `Send`.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Asks the object for its memory in the form that these `PyBUF_*` flags name.
    pub(crate) fn new(object: Object<'_>, flags: c_int) -> Result<Self, Raised> {
        let raw = Box::into_raw(Box::new(ffi::Py_buffer::new()));
        // SAFETY: a live object on an attached thread, and the address of a box, which nobody has yet if the object refuses.
        unsafe {
            if unwind::get_buffer(object.as_ptr(), raw, flags) != 0 {
                drop(Box::from_raw(raw));
                return Err(Raised::new());
            }
            Ok(Self { raw: NonNull::new_unchecked(raw) })
        }
    }

    #[inline]
    pub(crate) const fn raw(&self) -> &ffi::Py_buffer {
        // SAFETY: the invariant of `raw`; nobody writes the struct before it is released.
        unsafe { self.raw.as_ref() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the invariant of `raw`; the thread is attached. A buffer that is not released keeps its struct.
        try_attach(|_| unsafe {
            unwind::release_buffer(self.raw.as_ptr());
            drop(Box::from_raw(self.raw.as_ptr()));
        });
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.raw().len).finish_non_exhaustive()
    }
}
