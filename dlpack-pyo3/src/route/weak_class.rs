//! Classes that are recognised without being kept alive.
//!
//! A weak reference tells a class from another one at its address. CPython gives a class a number, its version tag, when it
//! caches an attribute of it, and takes the tag away when somebody changes the class or one of its bases; the next one is a new
//! number. So a class with the tag that it had has the attributes that it had. A class may have no tag, as from 3.13 on one that
//! was changed a thousand times, and is not recognised then. CPython 3.10 starts with the same numbers again after
//! `sys._clear_type_cache`, and then no class counts as one with a tag. The limited API does not show the tag, so that there a
//! change is not noticed.

use core::ptr;
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
use core::ptr::NonNull;
#[cfg(not(Py_LIMITED_API))]
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::classes::is_static;
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
use crate::raw::Attached;
use crate::raw::{Object, Owned, Raised, Reference, ffi, names, unwind};

/// A class that can be recognised, and that this does not keep alive.
///
/// The functions of a class that is written in Python keep the global variables of its module alive. If the class were kept
/// for ever, none of them would be dropped at the end of the interpreter, such as a file that is still to be flushed.
#[derive(Debug)]
pub(super) struct WeakClass {
    /// The address of the class, which nobody follows.
    address: usize,
    /// A weak reference to the class, or `None` for a static class, which lives for ever and cannot be changed.
    weak: Option<Reference>,
    /// The version tag. It is not [`Tag::NONE`], unless nobody can change the class, or a change cannot be noticed.
    tag: AtomicU32,
}

impl WeakClass {
    /// Recognises the class as it was when the tag, which [is enough](Tag::is_enough_for), was [read](Tag::of). This may run Python
    /// code.
    pub(super) fn new(class: Object<'_>, tag: Tag) -> Result<Self, Raised> {
        let weak = if is_static(class) { None } else { Some(weak_reference(class)?) };
        Ok(Self { address: class.as_ptr().addr(), weak, tag: tag.0.into() })
    }

    /// Returns `true` if this is the class, unchanged, and not another one at the address of a class that has ended.
    #[inline]
    pub(super) fn is(&self, class: Object<'_>) -> bool {
        self.is_at(class)
            && self.weak.as_ref().is_none_or(|weak| {
                is_to(weak, class) && self.tag.load(Ordering::Relaxed) == tag_of(class)
            })
    }

    /// Returns `true` if this is the class, changed or not.
    pub(super) fn is_same(&self, class: Object<'_>) -> bool {
        self.is_at(class) && self.weak.as_ref().is_none_or(|weak| is_to(weak, class))
    }

    /// Returns `true` if this is the class, or was another one at its address.
    #[inline]
    pub(super) fn is_at(&self, class: Object<'_>) -> bool {
        self.address == class.as_ptr().addr()
    }

    /// Recognises the same class as it was when the tag was read.
    pub(super) fn renew(&self, tag: Tag) {
        self.tag.store(tag.0, Ordering::Relaxed);
    }
}

/// The version tag of a class at some time, if it had one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag(u32);

impl Tag {
    /// What a class without a tag has.
    const NONE: Self = Self(0);

    /// Reads the tag of a class, which must be done before the class is looked at, since that may run code that changes it.
    ///
    /// # Errors
    ///
    /// What a look at the class raises, if that is not an `Exception`.
    pub(super) fn of(class: Object<'_>) -> Result<Self, Raised> {
        #[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
        watch_restarts(class.attached());
        if cfg!(not(Py_LIMITED_API)) && tag_of(class) == Self::NONE.0 {
            // CPython gives a class its tag when an attribute is looked up.
            class.optional_attr(&names::DLPACK).map_or_else(Raised::forget, |_| Ok(()))?;
        }
        Ok(Self(tag_of(class)))
    }

    /// Returns `true` if a change of the class will be noticed by its tag, or cannot happen, or cannot be noticed in this build.
    pub(super) fn is_enough_for(self, class: Object<'_>) -> bool {
        cfg!(Py_LIMITED_API) || self.0 != Self::NONE.0 || is_static(class)
    }
}

/// The tag of a class that nobody changes, which only a restart of the numbers can take away, or [`RESTARTED`]. It is 0 until
/// somebody asks for a tag.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
static WITNESS: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);
/// Says that the numbers have started again. No class gets this tag in practice.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
const RESTARTED: u32 = u32::MAX;

/// Returns the class whose tag shows that the numbers have not started again.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
fn witness(py: Attached<'_>) -> Object<'_> {
    let _ = py;
    // SAFETY: a class of Python's own, which lives as long as the interpreter; the thread is attached.
    unsafe { Object::new(NonNull::new_unchecked((&raw mut ffi::PyCallIter_Type).cast())) }
}

/// Notes the tag of the witness, if nobody has yet.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
fn watch_restarts(py: Attached<'_>) {
    if WITNESS.load(Ordering::Relaxed) != 0 {
        return;
    }
    // A class of Python's own runs no code of anybody else.
    if let Err(raised) = witness(py).optional_attr(&names::DLPACK) {
        raised.clear();
    }
    let tag = raw_tag_of(witness(py));
    WITNESS.store(if tag == Tag::NONE.0 { RESTARTED } else { tag }, Ordering::Relaxed);
}

/// Returns the version tag of the class, or 0 if it has none or could get it again.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
fn tag_of(class: Object<'_>) -> u32 {
    let noted = WITNESS.load(Ordering::Relaxed);
    if noted == Tag::NONE.0 || raw_tag_of(witness(class.attached())) != noted {
        if noted != Tag::NONE.0 {
            WITNESS.store(RESTARTED, Ordering::Relaxed);
        }
        return Tag::NONE.0;
    }
    raw_tag_of(class)
}

#[cfg(all(Py_3_11, not(Py_LIMITED_API)))]
use raw_tag_of as tag_of;

/// Returns the version tag of the class, or 0 if it has none.
#[cfg(not(Py_LIMITED_API))]
#[inline]
fn raw_tag_of(class: Object<'_>) -> u32 {
    let class = class.as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: a live class on an attached thread. Without the global lock, other threads write the tag by atomic stores.
    let tag = unsafe { AtomicU32::from_ptr(&raw mut (*class).tp_version_tag) };
    let tag = tag.load(Ordering::Relaxed);
    // Before 3.11, the number stays where it was, and a flag says that it is not valid.
    #[cfg(not(Py_3_11))]
    // SAFETY: as above.
    if unsafe { (*class).tp_flags } & ffi::Py_TPFLAGS_VALID_VERSION_TAG == 0 {
        return Tag::NONE.0;
    }
    tag
}

#[cfg(Py_LIMITED_API)]
const fn tag_of(_: Object<'_>) -> u32 {
    Tag::NONE.0
}

fn weak_reference(class: Object<'_>) -> Result<Reference, Raised> {
    // SAFETY: a live class on an attached thread. A weak reference without a callback is a new reference, or null with an
    // exception set.
    let weak =
        unsafe { Owned::or_raised(unwind::new_weak_reference(class.as_ptr(), ptr::null_mut())) };
    weak.map(Reference::new)
}

/// Returns `true` if the weak reference is to this object.
#[inline]
fn is_to(weak: &Reference, object: Object<'_>) -> bool {
    let weak = weak.get(object.attached()).as_ptr();
    // As the macro `PyWeakref_GET_OBJECT` does. When the target ends, and before its memory is used again, Python replaces it by
    // `None`.
    #[cfg(not(Py_LIMITED_API))]
    let target = {
        // SAFETY: a live weak reference on an attached thread. Without the global lock, other threads write it by atomic stores.
        let target = unsafe {
            AtomicPtr::from_ptr(&raw mut (*weak.cast::<ffi::PyWeakReference>()).wr_object)
        };
        target.load(Ordering::Relaxed)
    };
    // SAFETY: a live weak reference on an attached thread.
    #[cfg(all(Py_LIMITED_API, not(Py_3_13)))]
    let target = unsafe { ffi::PyWeakref_GetObject(weak) };
    #[cfg(all(Py_LIMITED_API, Py_3_13))]
    let target = {
        let mut target = ptr::null_mut();
        // SAFETY: a live weak reference on an attached thread, and a writable place, to which a reference of this call is
        // written. The object is another reference to the target, if they are the same.
        unsafe {
            if ffi::PyWeakref_GetRef(weak, &raw mut target) == 1 {
                unwind::dec_ref(target);
            }
        }
        target
    };
    target == object.as_ptr()
}
