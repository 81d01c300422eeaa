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
    // SAFETY: a live weak reference on an attached thread; what `PyWeakref_GetRef` writes is a reference of this call.
    unsafe {
        #[cfg(Py_3_13)]
        {
            let mut target = ptr::null_mut();
            let is_alive = ffi::PyWeakref_GetRef(weak.as_ptr(), &raw mut target) == 1;
            if is_alive {
                ffi::Py_DECREF(target);
            }
            is_alive && target == object.as_ptr()
        }
        #[cfg(not(Py_3_13))]
        {
            ffi::PyWeakref_GetObject(weak.as_ptr()) == object.as_ptr()
        }
    }
}
