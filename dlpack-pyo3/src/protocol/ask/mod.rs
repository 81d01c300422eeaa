//! Asking an object for its tensor.
//!
//! `__dlpack__` is called with the keywords that are needed, and no others: `max_version` unless only the legacy ABI is
//! wanted, and the rest where the request asks for something. A producer that does not know a keyword raises a `TypeError`.
//! Only `max_version` can be left out then: without it a producer answers in the legacy ABI, which is read too. Without any
//! other keyword, the consumer would get something else than it asked for, and would not know.

mod keywords;
mod refuse;

use dlpack::AnyManagedTensor;
use dlpack::negotiate::Request;

use crate::capsule::{self, Claimed};
use crate::raw::{Class, ExceptBlock, Object, Owned, Raised, names, raise_error};
use keywords::{DLPACK, Keywords};

/// Asks an object for its tensor, and passes the tensor to `then`, or the failure to `fail`.
///
/// A tensor is large to move, and a caller can make its own result of it where it lies.
///
/// # Errors
///
/// What the producer raises is passed on. If it raises twice, the first exception is the context of the second. Besides,
///
/// - `TypeError` for an object without `__dlpack__`, for one whose `__dlpack__` does not take what was asked for, and for
///   an answer that is not a capsule of a tensor;
/// - `BufferError` for a tensor that does not keep to the standard, or is not what was asked for.
#[inline(always)]
pub(crate) fn ask<R>(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    then: impl Fn(AnyManagedTensor) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    let py = object.attached();
    let claimed = match call(object, request) {
        Ok(claimed) => claimed,
        Err(raised) => return fail(raised),
    };
    match claimed.versioned(strict) {
        Ok(Ok(tensor)) => match request.check(&tensor) {
            Ok(()) => then(AnyManagedTensor::Versioned(tensor)),
            Err(error) => {
                // Before the exception is set, which the tensor's deleter must not see.
                drop(tensor);
                fail(raise_error(py, error))
            }
        },
        Ok(Err(error)) => fail(raise_error(py, error)),
        Err(legacy) => match legacy.legacy().and_then(|it| request.check(&it).map(|()| it)) {
            Ok(tensor) => then(tensor),
            Err(error) => fail(raise_error(py, error)),
        },
    }
}

/// Calls `__dlpack__`, and takes the tensor out of the answer.
///
/// Inlined, since a compiler that sees the request sees here what is to be passed.
#[inline(always)]
fn call(object: Object<'_>, request: &Request) -> Result<Claimed, Raised> {
    if keywords::is_version_only(request) {
        call_with_version(object, request)
    } else {
        claim(call_with(object, &Keywords::of(object, request)?)?.borrow())
    }
}

/// As [`call`], where only the newest version is to be passed.
#[inline(never)]
fn call_with_version(object: Object<'_>, request: &Request) -> Result<Claimed, Raised> {
    let version = keywords::current_version(object.attached())?;
    match DLPACK.call(object, &names::DLPACK, &[Some(version), None, None, None]) {
        Ok(answer) => claim(answer.borrow()),
        // The version object exists already, so that no code runs for it while the exception is set.
        Err(raised) => claim(again(object, &Keywords::of(object, request)?, raised)?.borrow()),
    }
}

#[cold]
fn call_with<'a>(object: Object<'a>, keywords: &Keywords<'_>) -> Result<Owned<'a>, Raised> {
    match DLPACK.call(object, &names::DLPACK, &keywords.all()) {
        Ok(answer) => Ok(answer),
        Err(raised) => again(object, keywords, raised),
    }
}

#[inline]
fn claim(answer: Object<'_>) -> Result<Claimed, Raised> {
    if capsule::is_capsule(answer) {
        capsule::claim(answer)
    } else {
        Err(refuse::not_a_capsule(answer))
    }
}

/// Calls `__dlpack__` once more without `max_version`, if that may help.
#[cold]
fn again<'a>(
    object: Object<'a>,
    keywords: &Keywords<'_>,
    raised: Raised,
) -> Result<Owned<'a>, Raised> {
    if raised.is(Class::Attribute) {
        return Err(refuse::no_method(object, raised));
    }
    if !raised.is(Class::Type) {
        return Err(raised);
    }
    if !keywords.has_version() {
        return Err(refuse::unknown_keyword(object, keywords, raised));
    }
    let _first = ExceptBlock::catch(object.attached(), raised);
    match DLPACK.call(object, &names::DLPACK, &keywords.without_version()) {
        Err(second) if second.is(Class::Type) => {
            Err(refuse::unknown_keyword(object, keywords, second))
        }
        answer => answer,
    }
}
