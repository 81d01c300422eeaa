//! Classes that are recognised without being kept alive.
//!
//! CPython gives a class a number, its version tag, when it caches an attribute of it, takes the tag away when somebody
//! changes the class or one of its bases, and uses no number twice. So a class with the tag that it had is the class that it
//! was, with the attributes that it had. From 3.12 on, each interpreter of a process has numbers of its own, which is assumed
//! not to matter; see SAFETY.md. CPython 3.10 starts with the same numbers again after `sys._clear_type_cache`, and then tags
//! are no longer used. The limited API does not show the tag. Without a tag, a weak reference recognises the class, and a
//! change is not noticed.

use core::ptr;
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};

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
    /// Null once this is [forgotten](Self::forget). Nobody follows the address.
    address: AtomicPtr<ffi::PyObject>,
    state: State,
}

/// How to tell a class from another one at its address, and from itself after a change.
#[derive(Debug)]
enum State {
    /// A static class, which lives for ever and cannot be changed.
    Static,
    /// The version tag.
    #[cfg(not(Py_LIMITED_API))]
    Tag(core::sync::atomic::AtomicU32),
    /// A weak reference, for a class that has no tag.
    Weak(Reference),
}

impl WeakClass {
    /// Recognises the class as it was when the tag was [read](Tag::of).
    pub(super) fn new(class: Object<'_>, tag: Tag) -> Result<Self, Raised> {
        let state = if is_static(class) {
            State::Static
        } else {
            match tag.0 {
                #[cfg(not(Py_LIMITED_API))]
                Some(tag) => State::Tag(tag.into()),
                _ => State::Weak(weak_reference(class)?),
            }
        };
        Ok(Self { address: AtomicPtr::new(class.as_ptr()), state })
    }

    /// Returns `true` if this is the class, unchanged, and not another one at the address of a class that has ended.
    #[inline]
    pub(super) fn is(&self, class: Object<'_>) -> bool {
        self.is_at(class)
            && match &self.state {
                State::Static => true,
                #[cfg(not(Py_LIMITED_API))]
                // Whoever sees the new tag sees the plan that was stored before it.
                State::Tag(tag) => Some(tag.load(Ordering::Acquire)) == tag_of(class),
                State::Weak(weak) => is_to(weak, class),
            }
    }

    /// Returns `true` if this recognises the class as it was when the tag was read.
    #[cfg_attr(Py_LIMITED_API, expect(unused_variables, reason = "no class has a tag"))]
    pub(super) fn was(&self, class: Object<'_>, tag: Tag) -> bool {
        self.is_at(class)
            && match &self.state {
                State::Static => true,
                #[cfg(not(Py_LIMITED_API))]
                State::Tag(own) => Some(own.load(Ordering::Acquire)) == tag.0,
                State::Weak(weak) => is_to(weak, class),
            }
    }

    /// Returns `true` if this is the class, or was another one at its address.
    #[inline]
    pub(super) fn is_at(&self, class: Object<'_>) -> bool {
        self.address.load(Ordering::Relaxed) == class.as_ptr()
    }

    /// Recognises the class at this address as it was when the tag was read. Returns `false` if that is not possible.
    pub(super) fn renew(&self, tag: Tag) -> bool {
        match (&self.state, tag.0) {
            #[cfg(not(Py_LIMITED_API))]
            (State::Tag(tag), Some(now)) => {
                tag.store(now, Ordering::Release);
                true
            }
            _ => false,
        }
    }

    /// Returns `true` if this can [renew](Self::renew) what it recognises.
    pub(super) const fn has_tag(&self) -> bool {
        !matches!(self.state, State::Static | State::Weak(_))
    }

    /// Recognises no class from now on.
    pub(super) fn forget(&self) {
        self.address.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// The version tag of a class at some time, if it had one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag(Option<u32>);

impl Tag {
    /// Reads the tag of a class, which must be done before the class is looked at, since that may run code that changes it.
    ///
    /// # Errors
    ///
    /// What a look at the class raises, if that is not an `Exception`.
    pub(super) fn of(class: Object<'_>) -> Result<Self, Raised> {
        #[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
        watch_restarts(class.attached());
        if cfg!(not(Py_LIMITED_API)) && tag_of(class).is_none() {
            // CPython gives a class its tag when an attribute is looked up.
            class.optional_attr(&names::DLPACK).map_or_else(Raised::forget, |_| Ok(()))?;
        }
        Ok(Self(tag_of(class)))
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
    WITNESS.store(raw_tag_of(witness(py)).unwrap_or(RESTARTED), Ordering::Relaxed);
}

/// Returns the version tag of the class, if it has one and no other class can get it.
#[cfg(not(any(Py_LIMITED_API, Py_3_11)))]
fn tag_of(class: Object<'_>) -> Option<u32> {
    let noted = WITNESS.load(Ordering::Relaxed);
    if raw_tag_of(witness(class.attached())) != Some(noted) {
        if noted != 0 {
            WITNESS.store(RESTARTED, Ordering::Relaxed);
        }
        return None;
    }
    raw_tag_of(class)
}

#[cfg(all(Py_3_11, not(Py_LIMITED_API)))]
use raw_tag_of as tag_of;

/// Returns the version tag of the class, if it has one.
#[cfg(not(Py_LIMITED_API))]
#[inline]
fn raw_tag_of(class: Object<'_>) -> Option<u32> {
    use core::sync::atomic::AtomicU32;

    let class = class.as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: a live class on an attached thread. Without the global lock, other threads write the tag by atomic stores.
    let tag = unsafe { AtomicU32::from_ptr(&raw mut (*class).tp_version_tag) };
    let tag = tag.load(Ordering::Relaxed);
    // Before 3.11, the number stays where it was, and a flag says that it is not valid.
    #[cfg(not(Py_3_11))]
    // SAFETY: as above.
    if unsafe { (*class).tp_flags } & ffi::Py_TPFLAGS_VALID_VERSION_TAG == 0 {
        return None;
    }
    (tag != 0).then_some(tag)
}

#[cfg(Py_LIMITED_API)]
const fn tag_of(_: Object<'_>) -> Option<u32> {
    None
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
                unwind::dec_ref(target);
            }
        }
        target
    };
    target == object.as_ptr()
}
