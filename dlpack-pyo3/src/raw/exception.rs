//! Exceptions that are saved while other code runs, and exceptions that are being handled.

use core::mem::{self, ManuallyDrop};
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

use super::attach::{is_known_to_be_attached, is_running};
use super::attached::Attached;
use super::ffi;
use super::name::{Name, names};
use super::object::{Object, Owned};
use super::raise::Raised;
use super::tuple::make_tuple;
use super::unwind;

/// Class, instance and traceback of an exception: three references, each of which may be null. From 3.12 on, the
/// instance alone is used for an exception that is set.
type Parts = [*mut ffi::PyObject; 3];

/// Takes the exception that is set out of the thread; all parts are null if there is none.
#[cfg(Py_3_12)]
#[cold]
#[inline(never)]
fn fetch(_: Attached<'_>) -> Parts {
    // SAFETY: the thread is attached.
    [ptr::null_mut(), unsafe { ffi::PyErr_GetRaisedException() }, ptr::null_mut()]
}

#[cfg(not(Py_3_12))]
#[cold]
#[inline(never)]
fn fetch(_: Attached<'_>) -> Parts {
    let [mut class, mut value, mut traceback] = [ptr::null_mut(); 3];
    // SAFETY: the thread is attached, and the three places are writable.
    unsafe { ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback) };
    [class, value, traceback]
}

/// Sets the exception that [`fetch`] returned, and takes its references over.
#[cfg(Py_3_12)]
fn restore(_: Attached<'_>, [_, value, _]: Parts) {
    // SAFETY: the thread is attached, and `fetch` returned the reference.
    unsafe { unwind::restore_error(value) }
}

#[cfg(not(Py_3_12))]
fn restore(_: Attached<'_>, [class, value, traceback]: Parts) {
    // SAFETY: the thread is attached, and `fetch` returned the references.
    unsafe { unwind::restore_error(class, value, traceback) }
}

/// As [`fetch`], with an instance that knows its traceback.
fn fetch_normalized(py: Attached<'_>, _: Raised) -> Parts {
    #[cfg_attr(
        Py_3_12,
        expect(unused_mut, reason = "an exception is always normalised since 3.12")
    )]
    let [mut class, mut value, mut traceback] = fetch(py);
    #[cfg(not(Py_3_12))]
    // SAFETY: the thread is attached, and the parts are those of an exception that was set. A traceback of `fetch` is one
    // that `PyException_SetTraceback` accepts.
    unsafe {
        unwind::normalize_error(&raw mut class, &raw mut value, &raw mut traceback);
        if !value.is_null() && !traceback.is_null() {
            unwind::set_traceback(value, traceback);
        }
    }
    [class, value, traceback]
}

impl Raised {
    /// Adds a note to the exception, where exceptions have notes, which is from CPython 3.11 on. What interrupts the program
    /// meanwhile takes the exception's place.
    #[cold]
    pub(crate) fn with_note(self, py: Attached<'_>, note: &Name) -> Self {
        let parts = fetch_normalized(py, self);
        if let Some(error) = NonNull::new(parts[1]) {
            // SAFETY: the instance, of which `parts` has a reference; the thread is attached.
            let error = unsafe { Object::new(error) };
            if let Err(interrupt) = add_note(error, note).or_else(Self::forget) {
                // What ends with the exception may run any code.
                let _saved = SavedException::take(py);
                release(py, parts);
                return interrupt;
            }
        }
        restore(py, parts);
        Self::new()
    }
}

fn add_note(error: Object<'_>, note: &Name) -> Result<(), Raised> {
    let py = error.attached();
    let Some(method) = error.optional_attr(&names::ADD_NOTE)? else { return Ok(()) };
    let arguments = make_tuple(py, &[note.get(py)?])?;
    // SAFETY: a live object and a tuple on an attached thread, and no keywords. The result is a new reference, or null with an
    // exception set.
    let none = unsafe {
        Owned::or_raised(unwind::call(method.as_ptr(), arguments.as_ptr(), ptr::null_mut()))
    };
    none.map(drop)
}

/// The exception that was set, if there was one. Dropping this sets it again.
///
/// Code that Python calls at any time, such as a destructor, must neither see a pending exception nor lose it.
#[derive(Debug)]
pub(crate) struct SavedException<'py> {
    parts: Parts,
    py: Attached<'py>,
}

impl<'py> SavedException<'py> {
    #[inline]
    pub(crate) fn take(py: Attached<'py>) -> Self {
        // Mostly there is none.
        let parts = if Raised::is_set(py) { fetch(py) } else { [ptr::null_mut(); 3] };
        Self { parts, py }
    }

    /// Drops the saved exception, and leaves the one set that was set meanwhile.
    pub(crate) fn forget(mut self) {
        // Dropping an exception may run any code, before which the later one is saved.
        let later = Self::take(self.py);
        release(self.py, mem::replace(&mut self.parts, later.parts));
        mem::forget(later);
    }
}

impl Drop for SavedException<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.parts != [ptr::null_mut(); 3] || Raised::is_set(self.py) {
            restore(self.py, self.parts);
        }
    }
}

/// What an [`Undisturbed`] may hold.
pub(crate) trait End {
    /// Returns `true` if dropping it may run code that waits for the interpreter.
    fn may_need_interpreter(&self) -> bool {
        false
    }
}

/// A value in an object, which Python may drop while an exception is set. What ends with the value neither sees nor loses that.
///
/// Any thread may drop it. With the limited API on Windows, nobody can tell whether the thread is attached, and the exception stays set.
/// What may need the interpreter leaks where there is none any more to which the thread could be attached.
#[derive(Debug)]
pub(crate) struct Undisturbed<T: End>(ManuallyDrop<T>);

impl<T: End> Undisturbed<T> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }

    #[inline]
    pub(crate) fn into_inner(self) -> T {
        // SAFETY: the value is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut ManuallyDrop::new(self).0) }
    }
}

impl<T: End> Deref for Undisturbed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: End> DerefMut for Undisturbed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: End> Drop for Undisturbed<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the thread is attached, and nothing here detaches it.
        let py = is_known_to_be_attached().then(|| unsafe { Attached::assume() });
        if py.is_none() && is_left(&*self.0) {
            return;
        }
        // SAFETY: the value is not used again.
        let mut end = || unsafe { ManuallyDrop::drop(&mut self.0) };
        match py.filter(|py| Raised::is_set(*py)) {
            Some(py) => undisturbed(py, &mut end),
            None => end(),
        }
    }
}

/// Returns `true` if the value has to leak, on a thread that is not attached.
#[cold]
#[inline(never)]
fn is_left(value: &impl End) -> bool {
    !is_running() && value.may_need_interpreter()
}

#[cold]
#[inline(never)]
fn undisturbed(py: Attached<'_>, f: impl FnOnce()) {
    let _saved = SavedException::take(py);
    f();
}

/// The body of an `except` block: an exception that is raised meanwhile gets the handled one as its `__context__`.
///
/// Dropping this ends the block.
#[derive(Debug)]
pub(crate) struct ExceptBlock<'py> {
    /// The exception that was being handled before.
    outer: Parts,
    py: Attached<'py>,
}

impl<'py> ExceptBlock<'py> {
    /// Catches the exception that is set.
    pub(crate) fn catch(py: Attached<'py>, raised: Raised) -> Self {
        // In a generator, the handled exception may be that of its caller. Then the generator has none of its own, and must
        // have none afterwards, when another caller may resume it.
        let seen = handled(py);
        set_handled(py, [ptr::null_mut(); 3]);
        let behind = handled(py);
        let is_callers = seen[1] == behind[1];
        let (outer, unused) =
            if is_callers { ([ptr::null_mut(); 3], seen) } else { (seen, [ptr::null_mut(); 3]) };
        release(py, behind);
        release(py, unused);
        set_handled(py, fetch_normalized(py, raised));
        Self { outer, py }
    }

    /// Sets the handled exception again, which ends the block, as `raise` does.
    pub(crate) fn raise_again(self) -> Raised {
        let (parts, py) = (handled(self.py), self.py);
        drop(self);
        restore(py, parts);
        if cfg!(Py_3_12) {
            // `restore` has used the instance alone.
            release(py, [parts[0], ptr::null_mut(), parts[2]]);
        }
        Raised::new()
    }

    /// Makes the handled exception the cause of the one that is set, as `raise ... from` does.
    pub(crate) fn set_cause_of(&self, raised: Raised) -> Raised {
        let [class, cause, traceback] = handled(self.py);
        release(self.py, [class, ptr::null_mut(), traceback]);
        let parts = fetch_normalized(self.py, raised);
        // SAFETY: the thread is attached. Both are exceptions, and the reference to the cause is passed on.
        unsafe { unwind::set_cause(parts[1], cause) };
        restore(self.py, parts);
        Raised::new()
    }
}

impl Drop for ExceptBlock<'_> {
    fn drop(&mut self) {
        // What was handled may end here, and run any code.
        let _saved = SavedException::take(self.py);
        set_handled(self.py, self.outer);
    }
}

/// Returns the exception that is being handled, here or by a caller.
fn handled(_: Attached<'_>) -> Parts {
    let [mut class, mut value, mut traceback] = [ptr::null_mut(); 3];
    // SAFETY: the thread is attached, and the three places are writable.
    unsafe { ffi::PyErr_GetExcInfo(&raw mut class, &raw mut value, &raw mut traceback) };
    [class, value, traceback]
}

/// Sets the exception that is being handled here, and takes its references over.
fn set_handled(_: Attached<'_>, [class, value, traceback]: Parts) {
    // SAFETY: the thread is attached; the references are passed on.
    unsafe { unwind::set_handled(class, value, traceback) }
}

/// Gives references of [`handled`] back.
fn release(_: Attached<'_>, unused: Parts) {
    for object in unused {
        // SAFETY: the thread is attached, and `handled` returned the reference. It may be null, which is ignored.
        unsafe { unwind::dec_ref(object) };
    }
}
