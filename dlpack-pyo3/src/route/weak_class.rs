//! Classes that are recognised without being kept alive.

use core::ptr;

use super::classes::is_static;
use crate::raw::{Object, Owned, Raised, Reference, ffi};

/// A class that can be recognised, and that this does not keep alive.
///
/// The functions of a class that is written in Python keep the global variables of its module alive. If the class were kept
/// for ever, none of them would be dropped at the end of the interpreter, such as a file that is still to be flushed.
#[derive(Debug)]
pub(super) struct WeakClass {
    address: *mut ffi::PyObject,
    /// A weak reference, or `None` for a static class, which lives for ever.
    weak: Option<Reference>,
}

// SAFETY: nobody follows the address, and any thread may have the reference.
unsafe impl Send for WeakClass {}
// SAFETY: as for `Send`.
unsafe impl Sync for WeakClass {}

impl WeakClass {
    pub(super) fn new(class: Object<'_>) -> Result<Self, Raised> {
        // SAFETY: a live class on an attached thread. A weak reference without a callback is a new reference, or null with an
        // exception set.
        let weak = unsafe {
            if is_static(class) {
                None
            } else {
                let weak = ffi::PyWeakref_NewRef(class.as_ptr(), ptr::null_mut());
                Some(Reference::new(Owned::or_raised(weak)?))
            }
        };
        Ok(Self { address: class.as_ptr(), weak })
    }

    /// Returns `true` if this is the class, and not another one at the address of a class that has ended.
    #[inline]
    pub(super) fn is(&self, class: Object<'_>) -> bool {
        self.address == class.as_ptr() && self.weak.as_ref().is_none_or(|weak| is_to(weak, class))
    }
}

/// Returns `true` if the weak reference is to this object.
#[inline]
fn is_to(weak: &Reference, object: Object<'_>) -> bool {
    let weak = weak.get(object.attached());
    // As the macro `PyWeakref_GET_OBJECT` does. When the target ends, Python replaces it by `None`.
    // SAFETY: a live weak reference on an attached thread. With the global interpreter lock, nobody writes it meanwhile.
    #[cfg(not(any(Py_LIMITED_API, Py_GIL_DISABLED)))]
    let target = unsafe { (*weak.as_ptr().cast::<ffi::PyWeakReference>()).wr_object };
    // SAFETY: a live weak reference on an attached thread.
    #[cfg(all(Py_LIMITED_API, not(Py_3_13)))]
    let target = unsafe { ffi::PyWeakref_GetObject(weak.as_ptr()) };
    #[cfg(all(any(Py_LIMITED_API, Py_GIL_DISABLED), Py_3_13))]
    let target = {
        let mut target = ptr::null_mut();
        // SAFETY: a live weak reference on an attached thread, and a writable place, to which a reference of this call is
        // written. The object is another reference to the target, if they are the same.
        unsafe {
            if ffi::PyWeakref_GetRef(weak.as_ptr(), &raw mut target) == 1 {
                ffi::Py_DECREF(target);
            }
        }
        target
    };
    target == object.as_ptr()
}
