//! Numbers and truth values.

use core::ffi::c_long;

use super::attached::Attached;
use super::ffi;
use super::object::{Object, Owned};
use super::raise::Raised;

pub(crate) fn integer(_: Attached<'_>, value: i32) -> Result<Owned<'_>, Raised> {
    // SAFETY: the thread is attached.
    let made = unsafe { ffi::PyLong_FromLong(c_long::from(value)) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(made) }
}

pub(crate) fn truth(_: Attached<'_>, value: bool) -> Result<Owned<'_>, Raised> {
    // SAFETY: the thread is attached.
    let made = unsafe { ffi::PyBool_FromLong(c_long::from(value)) };
    // SAFETY: a new reference; this never fails.
    unsafe { Owned::or_raised(made) }
}

/// The number that an integer, or what stands for one, has.
///
/// # Errors
///
/// `TypeError` for what is no integer, `OverflowError` for one that is too large.
pub(crate) fn index(value: Object<'_>) -> Result<i64, Raised> {
    // SAFETY: an object on an attached thread.
    let number = unsafe { ffi::PyNumber_Index(value.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    let number = unsafe { Owned::or_raised(number) }?;
    // SAFETY: a Python integer on an attached thread.
    let number = unsafe { ffi::PyLong_AsLongLong(number.as_ptr()) };
    // SAFETY: the thread is attached.
    if number == -1 && !unsafe { ffi::PyErr_Occurred() }.is_null() {
        return Err(Raised::new());
    }
    Ok(number)
}
