//! Asking an object for its tensor.
//!
//! `__dlpack__` is called with the keywords that say something, and no others: `max_version` unless only the legacy ABI
//! will do, the rest where the request says more than nothing. A producer that does not know a keyword raises a
//! `TypeError`. The one keyword that can be left out then is `max_version`: without it a producer gives the legacy ABI,
//! which is read too. Without any other the consumer would get something else than it asked for, and not know.

mod device;
mod refuse;
mod words;

use dlpack::negotiate::Request;
use dlpack::{AnyManagedTensor, Error};

use crate::capsule::{self, Claimed};
use crate::raw::{Handling, Object, Owned, Raised, ffi, names, raise_error};
pub(crate) use device::device_of;
use words::{ASK, Words};

/// Asks an object for its tensor.
///
/// # Errors
///
/// What the producer raises is passed on. If it raises twice, the first exception is the context of the second. Besides,
///
/// - `TypeError` for an object without `__dlpack__`, for one whose `__dlpack__` does not take what was asked for, and for
///   an answer that is no capsule of a tensor;
/// - `BufferError` for a tensor that does not keep to the standard, or is not what was asked for.
pub(crate) fn ask(object: Object<'_>, request: &Request) -> Result<AnyManagedTensor, Raised> {
    ask_and(object, request, Ok, Err)
}

/// The same, and passes the tensor to a function where it is made, or the failure to another.
#[inline(always)]
pub(crate) fn ask_and<R>(
    object: Object<'_>,
    request: &Request,
    then: impl Fn(AnyManagedTensor) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    let py = object.attached();
    let claimed = match answer(object, request) {
        Ok(claimed) => claimed,
        Err(raised) => return fail(raised),
    };
    match claimed.versioned() {
        Ok(Ok(tensor)) => match request.check(&tensor) {
            Ok(()) => then(AnyManagedTensor::Versioned(tensor)),
            Err(error) => {
                // The tensor's deleter had better not find an exception that is set.
                drop(tensor);
                fail(raise_error(py, error))
            }
        },
        Ok(Err(error)) => fail(raise_error(py, error)),
        Err(legacy) => match checked(legacy, request) {
            Ok(tensor) => then(tensor),
            Err(error) => fail(raise_error(py, error)),
        },
    }
}

/// The same for the legacy ABI.
#[inline(never)]
fn checked(legacy: Claimed, request: &Request) -> Result<AnyManagedTensor, Error> {
    let tensor = legacy.import()?;
    request.check(&tensor)?;
    Ok(tensor)
}

/// Asks, and takes what is in the answer.
fn answer(object: Object<'_>, request: &Request) -> Result<Claimed, Raised> {
    if !words::is_ordinary(request) {
        return claim(answer_to(object, &Words::of(object, request)?)?.borrow());
    }
    let version = words::current(object.attached())?;
    match ASK.call(object, &names::DLPACK, &[Some(version), None, None, None]) {
        Ok(answer) => claim(answer.borrow()),
        // These words are kept, so that no code runs for them while the exception is set.
        Err(raised) => claim(again(object, &Words::of(object, request)?, raised)?.borrow()),
    }
}

#[cold]
fn answer_to<'a>(object: Object<'a>, words: &Words<'_>) -> Result<Owned<'a>, Raised> {
    match ASK.call(object, &names::DLPACK, &words.all()) {
        Ok(answer) => Ok(answer),
        Err(raised) => again(object, words, raised),
    }
}

#[inline]
fn claim(answer: Object<'_>) -> Result<Claimed, Raised> {
    if capsule::is_capsule(answer) {
        capsule::claim(answer)
    } else {
        Err(refuse::no_capsule(answer))
    }
}

/// Asks once more, if that may help.
#[cold]
fn again<'a>(object: Object<'a>, words: &Words<'_>, raised: Raised) -> Result<Owned<'a>, Raised> {
    // SAFETY: of the exceptions that live as long as the interpreter.
    if raised.is(unsafe { ffi::PyExc_AttributeError }) {
        return Err(refuse::no_method(object, raised));
    }
    // SAFETY: the same.
    if !raised.is(unsafe { ffi::PyExc_TypeError }) {
        return Err(raised);
    }
    if !words.has_version() {
        return Err(refuse::no_keyword(object, words, raised));
    }
    let _first = Handling::of(object.attached(), raised);
    match ASK.call(object, &names::DLPACK, &words.without_version()) {
        // SAFETY: the same.
        Err(second) if second.is(unsafe { ffi::PyExc_TypeError }) => {
            Err(refuse::no_keyword(object, words, second))
        }
        answer => answer,
    }
}
