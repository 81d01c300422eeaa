//! Buffers that any thread may hold and release.

use alloc::boxed::Box;
use core::ffi::c_int;
use core::fmt;
use core::ptr::NonNull;

use super::attach::try_attach;
use super::attached::Attached;
use super::exception::SavedException;
use super::ffi;
use super::give_back::{Hold, end, is_kept};
use super::name::names;
use super::object::Object;
use super::raise::Raised;
use super::reference::Reference;
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
    raw: NonNull<Lent>,
}

/// The struct of a buffer, and what keeps its memory in place.
pub(super) struct Lent {
    view: ffi::Py_buffer,
    /// The object whose memory it is, if that may be another one than was asked.
    base: Option<Reference>,
}

// SAFETY: a buffer is released on an attached thread, which is all that Python asks for. Its fields do not change, and
// nobody follows its pointers here.
unsafe impl Send for Buffer {}
// SAFETY: as for `Send`.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Asks the object for its memory in the form that these `PyBUF_*` flags name.
    pub(crate) fn new(object: Object<'_>, flags: c_int) -> Result<Self, Raised> {
        let raw = Box::into_raw(Box::new(Lent { view: ffi::Py_buffer::new(), base: None }));
        // SAFETY: a live object on an attached thread, and the address of a box, which nobody has yet if the object refuses.
        unsafe {
            if unwind::get_buffer(object.as_ptr(), &raw mut (*raw).view, flags) != 0 {
                drop(Box::from_raw(raw));
                return Err(Raised::new());
            }
            let mut made = Self { raw: NonNull::new_unchecked(raw) };
            made.raw.as_mut().base = base(object, (*raw).view.obj)?;
            Ok(made)
        }
    }

    #[inline]
    pub(crate) const fn raw(&self) -> &ffi::Py_buffer {
        // SAFETY: the invariant of `raw`; nobody writes the struct before it is released.
        unsafe { &self.raw.as_ref().view }
    }
}

/// Returns the object whose memory was lent when `object` was asked, if that may be another one: of a `memoryview`, the object
/// that it is of.
///
/// An array of NumPy does not count its buffers. `ndarray.resize` takes a single reference for that of its caller, and frees the
/// memory. What was asked has that reference, or had it, so that there must be another one.
///
/// # Safety
///
/// `owner` is null, or lives until this returns.
unsafe fn base(object: Object<'_>, owner: *mut ffi::PyObject) -> Result<Option<Reference>, Raised> {
    let Some(owner) = NonNull::new(owner) else { return Ok(None) };
    // SAFETY: a live object on an attached thread, as the caller promises.
    let (owner, is_view) =
        unsafe { (Object::new(owner), ffi::PyMemoryView_Check(owner.as_ptr()) != 0) };
    if is_view {
        return Ok(owner.optional_attr(&names::OBJ)?.map(Reference::new));
    }
    Ok((!owner.is(object)).then(|| Reference::of(owner)))
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let object = self.raw().obj;
        // SAFETY: the invariant of `raw`; the thread is attached, and the buffer keeps its object alive. A buffer that is not
        // released keeps its struct.
        try_attach(|py| unsafe {
            if object.is_null() || (is_kept(object) && !self.raw.as_ref().has_own_release(py)) {
                Lent::release(py, self.raw.as_ptr());
            } else {
                end(py, Hold::Buffer(self.raw.as_ptr()));
            }
        });
    }
}

impl Lent {
    /// Returns `true` if the release may run any code: where the class of the object has a function for it, unless that is one of two
    /// that only count. So it has where an object of CPython stands for one of Python, which has lent the memory by a function.
    ///
    /// # Safety
    ///
    /// The buffer has an object, and has not been released.
    unsafe fn has_own_release(&self, _: Attached<'_>) -> bool {
        // SAFETY: the buffer keeps its object alive, which has a class, on an attached thread.
        unsafe {
            let class = ffi::Py_TYPE(self.view.obj);
            let only_count = [&raw mut ffi::PyByteArray_Type, &raw mut ffi::PyMemoryView_Type];
            !only_count.contains(&class)
                && !ffi::PyType_GetSlot(class, ffi::Py_bf_releasebuffer).is_null()
        }
    }

    /// Releases the buffer; what runs then neither sees nor loses an exception that is set.
    ///
    /// # Safety
    ///
    /// The invariant of [`Buffer`] holds for the pointer, which is passed on.
    pub(super) unsafe fn release(py: Attached<'_>, this: *mut Self) {
        let _saved = SavedException::take(py);
        // SAFETY: the invariant of `Buffer`, which is passed on: a filled view in a box that nobody else frees. `py` proves that
        // the thread is attached.
        unsafe {
            unwind::release_buffer(&raw mut (*this).view);
            drop(Box::from_raw(this));
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.raw().len).finish_non_exhaustive()
    }
}
