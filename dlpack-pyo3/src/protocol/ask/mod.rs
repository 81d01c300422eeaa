//! Asking an object for its tensor.
//!
//! `__dlpack__` is called with the keywords that say something, and no others: `max_version` unless only the legacy ABI
//! will do, the rest where the request says more than nothing. A producer that does not know a keyword raises a
//! `TypeError`. The one keyword that can be left out then is `max_version`: without it a producer gives the legacy ABI,
//! which is read too. Without any other the consumer would get something else than it asked for, and not know.

mod device;
mod refuse;
mod words;

use dlpack::AnyManagedTensor;
use dlpack::negotiate::Request;

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
#[inline(always)]
pub(crate) fn ask(object: Object<'_>, request: &Request) -> Result<AnyManagedTensor, Raised> {
    let py = object.attached();
    // From here on in place, since a tensor is large to move.
    let tensor = answer(object, request)?.import();
    match &tensor {
        Err(error) => return Err(raise_error(py, *error)),
        Ok(found) => {
            if let Err(error) = request.check(found) {
                // The tensor's deleter had better not find an exception that is set.
                drop(tensor);
                return Err(raise_error(py, error));
            }
        }
    }
    tensor.map_err(|error| raise_error(py, error))
}

/// Asks, and takes what is in the answer.
fn answer(object: Object<'_>, request: &Request) -> Result<Claimed, Raised> {
    let words = Words::of(object, request)?;
    let answer = match ASK.call(object, &names::DLPACK, &words.all()) {
        Ok(answer) => answer,
        Err(raised) => again(object, &words, raised)?,
    };
    if capsule::is_capsule(answer.borrow()) {
        capsule::claim(answer.borrow())
    } else {
        Err(refuse::no_capsule(answer.borrow()))
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
