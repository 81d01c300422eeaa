//! Giving objects and tensors back, however many of them keep each other alive.
//!
//! An object may hold a tensor, whose memory is that of another object, and so on, also through other libraries. When the first
//! one ends, each of the others would end within the one before, on a stack that ends. From a certain depth on, one waits until
//! the one before it has ended.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::mem::{self, ManuallyDrop};

use super::attach::{is_in_traverse, try_attach};
use super::attached::Attached;
use super::exception::SavedException;
use super::{ffi, unwind};

/// How many objects and tensors end within each other.
const DEPTH: u32 = 32;

/// Something that ends an object if it is the last that keeps it.
#[derive(Debug)]
pub(super) enum Hold {
    Object(*mut ffi::PyObject),
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    Buffer(*mut super::buffer::Lent),
    /// Something else, and the function that ends it on any thread.
    Other(*mut c_void, unsafe fn(*mut c_void)),
}

/// What is being given back on a thread.
struct Pending {
    /// How many of them end within each other now.
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
pub(super) unsafe fn end(py: Attached<'_>, hold: Hold) {
    // SAFETY: the hold is the caller's, who does not use it again; `py` proves that the thread is attached.
    unsafe { end_in_turn(Some(py), hold) }
}

/// Calls the function with the address, on this thread: before this returns, unless many others are ending here.
///
/// # Safety
///
/// The function may be called once with this address, on a thread that need not be attached, and does not panic.
#[doc(hidden)]
pub unsafe fn end_other(address: *mut c_void, f: unsafe fn(*mut c_void)) {
    // SAFETY: what the function ends is passed on, as the caller promises.
    unsafe { end_in_turn(None, Hold::Other(address, f)) }
}

/// # Safety
///
/// The caller owns what is passed, and passes it on. Without a proof that the thread is attached, it is none that needs one.
#[inline(always)]
unsafe fn end_in_turn(py: Option<Attached<'_>>, hold: Hold) {
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
        // SAFETY: the hold is the caller's, who does not use it again.
        unsafe { hold.end(py) };
        // Also where others have begun meanwhile and stand still: whoever makes room lets those in that wait.
        if pending.depth.get() == DEPTH {
            while let Some(next) = next(pending) {
                // SAFETY: a hold was passed on when it began to wait, and leaves the list once.
                unsafe { next.end(py) };
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
    /// Ends it; what runs then neither sees nor loses an exception that is set. Where the thread may not be attached, it is
    /// attached first if that is needed, or leaks what needs it when the interpreter is gone.
    ///
    /// # Safety
    ///
    /// The caller owns what this names.
    unsafe fn end(self, py: Option<Attached<'_>>) {
        let _saved = py.map(SavedException::take);
        // SAFETY: each of these is owned, and given back once, where it must be on an attached thread.
        unsafe {
            match (self, py) {
                (Self::Other(address, f), _) => f(address),
                (hold, None) => {
                    try_attach(|py| hold.end(Some(py)));
                }
                // Leaked, as PyO3 leaks buffers.
                (_, Some(py)) if is_in_traverse(py) => {}
                (Self::Object(object), Some(_)) => unwind::dec_ref(object),
                #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
                (Self::Buffer(lent), Some(py)) => super::buffer::Lent::release(py, lent),
            }
        }
    }
}
