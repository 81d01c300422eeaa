//! Integers and booleans.

use core::ffi::{c_int, c_long};

use super::attached::Attached;
use super::ffi;
use super::name::names;
use super::object::{Object, Owned};
use super::raise::{Class, Raised};
use super::unwind;

pub(super) fn make_integer(_: Attached<'_>, value: i32) -> Result<Owned<'_>, Raised> {
    // SAFETY: the thread is attached; the result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(ffi::PyLong_FromLong(c_long::from(value))) }
}

pub(crate) fn make_bool(_: Attached<'_>, value: bool) -> Result<Owned<'_>, Raised> {
    // SAFETY: the thread is attached; the result is a new reference.
    unsafe { Owned::or_raised(ffi::PyBool_FromLong(c_long::from(value))) }
}

/// Reads an integer, or an object that converts to one by `__index__`. An integer that does not fit becomes [`i64::MIN`] or
/// [`i64::MAX`].
///
/// # Errors
///
/// `TypeError` for other objects.
#[inline]
pub(crate) fn integer(value: Object<'_>) -> Result<i64, Raised> {
    let mut overflow = 0;
    // SAFETY: a live object on an attached thread, and a writable place. To read an integer runs no Python code.
    let number = unsafe {
        if ffi::PyLong_CheckExact(value.as_ptr()) != 0 {
            ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow)
        } else {
            convert(value, &mut overflow)
        }
    };
    match (number, overflow) {
        (-1, 1..) => Ok(i64::MAX),
        (-1, ..=-1) => Ok(i64::MIN),
        (-1, 0) if Raised::is_set(value.attached()) => Err(Raised::new()),
        _ => Ok(number),
    }
}

#[cold]
fn convert(value: Object<'_>, overflow: &mut c_int) -> i64 {
    // SAFETY: a live object on an attached thread, and a writable place.
    unsafe { unwind::as_long_long(value.as_ptr(), overflow) }
}

/// As [`integer`], for the handle of a stream, which may be as large as 2^64 - 1. An integer that does not fit becomes
/// [`i128::MIN`] or [`i128::MAX`].
pub(crate) fn handle(value: Object<'_>) -> Result<i128, Raised> {
    match integer(value)? {
        i64::MIN => return Ok(i128::MIN),
        i64::MAX => {}
        number => return Ok(number.into()),
    }
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    let exact = unsafe { Owned::or_raised(unwind::index(value.as_ptr())) }?;
    // SAFETY: a Python integer on an attached thread.
    let number = unsafe { ffi::PyLong_AsUnsignedLongLong(exact.as_ptr()) };
    if number == u64::MAX && Raised::is_set(value.attached()) {
        Raised::new().clear();
        return Ok(i128::MAX);
    }
    Ok(number.into())
}

/// As [`integer`]; also reads a member of an `Enum` whose `value` is an integer.
///
/// The standard declares the type of a device as an `Enum`, which need not be an integer.
#[inline]
pub(crate) fn integer_or_member(value: Object<'_>) -> Result<i64, Raised> {
    match integer(value) {
        Err(raised) if raised.is(Class::Type) => member(value, raised),
        number => number,
    }
}

#[cold]
fn member(value: Object<'_>, not_an_integer: Raised) -> Result<i64, Raised> {
    not_an_integer.clear();
    match value.optional_attr(&names::VALUE)? {
        Some(inner) => integer(inner.borrow()),
        // Raises the exception again.
        None => integer(value),
    }
}
