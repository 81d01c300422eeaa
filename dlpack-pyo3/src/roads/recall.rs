//! How a type is known again.

use core::ffi::c_ulong;
use core::ptr;

use crate::raw::{Object, Owned, Raised, Reference, ffi};

/// A type that was seen, which this does not keep alive.
///
/// A class that is made by Python code keeps the names of its module alive, by way of its functions. Kept for good, it would keep
/// all that a script has in its global variables from ending with the interpreter, such as a file that is not written to
/// the end.
#[derive(Debug)]
pub(super) struct Recall {
    address: *mut ffi::PyObject,
    /// A weak reference. A static type needs none, since it never ends.
    weak: Option<Reference>,
}

// SAFETY: an address, which nobody follows, and a reference that is for any thread.
unsafe impl Send for Recall {}
// SAFETY: the same.
unsafe impl Sync for Recall {}

impl Recall {
    pub(super) fn new(class: Object<'_>) -> Result<Self, Raised> {
        let weak = if is_static(class) { None } else { Some(Reference::new(weak_to(class)?)) };
        Ok(Self { address: class.as_ptr(), weak })
    }

    /// Whether this is that type, and not another one that has its address since it ended.
    #[inline]
    pub(super) fn is(&self, class: Object<'_>) -> bool {
        self.address == class.as_ptr() && self.weak.as_ref().is_none_or(|weak| is_to(weak, class))
    }
}

fn is_static(class: Object<'_>) -> bool {
    const HEAP: c_ulong = ffi::Py_TPFLAGS_HEAPTYPE;
    // SAFETY: a class.
    (unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) }) & HEAP == 0
}

fn weak_to(class: Object<'_>) -> Result<Owned<'_>, Raised> {
    // SAFETY: an object on an attached thread; there is nothing to be called.
    let weak = unsafe { ffi::PyWeakref_NewRef(class.as_ptr(), ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(weak) }
}

/// Whether the weak reference is to this object.
#[cfg(not(Py_3_13))]
#[inline]
fn is_to(weak: &Reference, object: Object<'_>) -> bool {
    let weak = weak.get(object.attached());
    // SAFETY: a weak reference on an attached thread.
    let target = unsafe { ffi::PyWeakref_GetObject(weak.as_ptr()) };
    target == object.as_ptr()
}

#[cfg(Py_3_13)]
#[inline]
fn is_to(weak: &Reference, object: Object<'_>) -> bool {
    let weak = weak.get(object.attached());
    let mut target = ptr::null_mut();
    // SAFETY: a weak reference on an attached thread, and a place for a reference.
    if unsafe { ffi::PyWeakref_GetRef(weak.as_ptr(), &raw mut target) } != 1 {
        return false;
    }
    // SAFETY: a reference that the call has made.
    unsafe { ffi::Py_DECREF(target) };
    target == object.as_ptr()
}
