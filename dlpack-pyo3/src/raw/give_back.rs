//! Giving objects back, however many of them keep each other alive.
//!
//! An object may hold a tensor, whose memory is that of another object, and so on, also through another library. When the first
//! one ends, each of the others would end within the one before, on a stack that ends. From a certain depth on, an object waits
//! until the one before it has ended.

use core::cell::{Cell, RefCell};
use core::mem::{self, ManuallyDrop};

use super::attached::Attached;
use super::{ffi, unwind};

/// How many objects end within each other.
const DEPTH: u32 = 32;

/// Something that ends an object if it is the last that keeps it.
#[derive(Debug)]
pub(super) enum Hold {
    Object(*mut ffi::PyObject),
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    Buffer(*mut super::buffer::Lent),
}

/// What is being given back on a thread.
struct Pending {
    /// How many objects end within each other now.
    depth: Cell<u32>,
    /// What waits for the one at the greatest depth. This is not dropped with its thread, so that it can be used until then.
    waiting: RefCell<ManuallyDrop<Vec<Hold>>>,
}

thread_local! {
    static PENDING: Pending = const {
        Pending { depth: Cell::new(0), waiting: RefCell::new(ManuallyDrop::new(Vec::new())) }
    };
}

/// Gives one reference back. The object has ended when this returns, unless somebody else keeps it, or many others are ending on
/// this thread.
///
/// # Safety
///
/// The caller passes on one reference of the object.
#[inline]
pub(crate) unsafe fn give_back(py: Attached<'_>, object: *mut ffi::PyObject) {
    // SAFETY: the caller's reference keeps the object alive, the thread is attached, and the reference is passed on.
    unsafe {
        if is_kept(object) {
            ffi::Py_DECREF(object);
        } else {
            end(py, Hold::Object(object));
        }
    }
}

/// Returns `true` if there are other references, and `false` also if the count cannot be read in place.
///
/// # Safety
///
/// A live object on an attached thread.
#[inline]
pub(super) unsafe fn is_kept(object: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object on an attached thread, whose count is in place in this build.
    !cfg!(any(Py_LIMITED_API, Py_GIL_DISABLED)) && unsafe { ffi::Py_REFCNT(object) } > 1
}

/// Gives back what may be the last to keep an object.
///
/// # Safety
///
/// The caller owns what is passed, and passes it on.
#[cold]
#[inline(never)]
pub(super) unsafe fn end(_: Attached<'_>, hold: Hold) {
    PENDING.with(|pending| {
        let depth = pending.depth.get();
        if depth >= DEPTH {
            let mut waiting = pending.waiting.borrow_mut();
            if waiting.try_reserve(1).is_ok() {
                waiting.push(hold);
                return;
            }
        }
        // What ends may switch to another stack of the same thread, as greenlets do. So the depth is counted, and not restored.
        pending.depth.set(pending.depth.get().saturating_add(1));
        // SAFETY: the thread is attached, and the caller passes this on.
        unsafe { hold.end() };
        if depth + 1 == DEPTH {
            while let Some(next) = next(pending) {
                // SAFETY: the thread is attached, and what waited was passed on.
                unsafe { next.end() };
            }
        }
        pending.depth.set(pending.depth.get().saturating_sub(1));
    });
}

/// Takes one of those that wait. When none is left, their room is given back.
fn next(pending: &Pending) -> Option<Hold> {
    let mut waiting = pending.waiting.borrow_mut();
    let next = waiting.pop();
    if next.is_none() {
        drop(mem::take(&mut **waiting));
    }
    next
}

impl Hold {
    /// # Safety
    ///
    /// The thread is attached, and the caller owns what this names.
    unsafe fn end(self) {
        // SAFETY: each of these is owned, and given back once, on an attached thread.
        unsafe {
            match self {
                Self::Object(object) => unwind::dec_ref(object),
                #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
                Self::Buffer(lent) => super::buffer::Lent::release(lent),
            }
        }
    }
}
