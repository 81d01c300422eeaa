//! Asking an object for its tensor.
//!
//! `__dlpack__` is called with the keywords that are needed, and no others: `max_version` unless only the legacy ABI is
//! wanted, and the rest where the request asks for something. A producer that does not know a keyword raises a `TypeError`,
//! and no class derived from that. Then keywords are left out:
//!
//! - `max_version`, without which a producer answers in the legacy ABI, which is read too;
//! - `dl_device`, if the tensor is on that device, and `copy`, if the copy can be made here, or if none is wanted: before
//!   there was the keyword, no producer copied. What comes is checked.
//!
//! Without any other keyword, the consumer would get something else than it asked for, and would not know.

mod keywords;
mod refuse;

use core::ops::Deref;

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{AnyManagedTensor, Descriptor, Device, Error, Exclusive, ManagedTensorVersioned};

use super::device::device_of;
use crate::capsule::{self, Claimed};
use crate::raw::{Attached, Class, ExceptBlock, Object, Owned, Raised, names, raise_error};
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
    ask_looking(object, request, strict, |_| Ok(()), then, fail)
}

/// As [`ask`]. A tensor is looked at before it is passed on, or copied here, and is refused with what that raises.
#[inline(always)]
pub(crate) fn ask_looking<R>(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    look: impl Fn(&Descriptor) -> Result<(), Raised>,
    then: impl Fn(AnyManagedTensor) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    let py = object.attached();
    let answer = if keywords::is_version_only(request) {
        let answer = keywords::current_version(py).and_then(|version| {
            DLPACK.call(object, &names::DLPACK, &[Some(version), None, None, None])
        });
        // The version object exists already, so that no code runs for it while the exception is set.
        answer.map_err(|raised| (Keywords::of(object, request), raised))
    } else {
        match Keywords::of(object, request) {
            Ok(keywords) => DLPACK
                .call(object, &names::DLPACK, &keywords.all())
                .map_err(|raised| (Ok(keywords), raised)),
            Err(raised) => return fail(raised),
        }
    };
    let claimed = match answer {
        Ok(answer) => claim(answer),
        Err((keywords, raised)) => {
            return match keywords.and_then(|it| again(object, request, strict, &it, &look, raised))
            {
                Ok(tensor) => then(tensor),
                Err(raised) => fail(raised),
            };
        }
    };
    let claimed = match claimed {
        Ok(claimed) => claimed,
        Err(raised) => return fail(raised),
    };
    match claimed.versioned(strict) {
        Ok(Ok(tensor)) => match request.check(&tensor) {
            Ok(()) => match look(&tensor) {
                Ok(()) => then(AnyManagedTensor::Versioned(tensor)),
                Err(raised) => fail(raised.after_dropping(py, tensor)),
            },
            Err(error) => {
                // Before the exception is set, which the tensor's deleter must not see.
                drop(tensor);
                fail(raise_error(py, error))
            }
        },
        Ok(Err(error)) => fail(raise_error(py, error)),
        Err(legacy) => match legacy.legacy().and_then(|it| request.check(&it).map(|()| it)) {
            Ok(tensor) if request.copy == CopyPolicy::ALWAYS => {
                match looked_at(py, tensor, &look, |tensor| surely_copied(tensor, request)) {
                    Ok(tensor) => then(tensor),
                    Err(raised) => fail(raised),
                }
            }
            Ok(tensor) => match look(&tensor) {
                Ok(()) => then(tensor),
                Err(raised) => fail(raised.after_dropping(py, tensor)),
            },
            Err(error) => fail(raise_error(py, error)),
        },
    }
}

/// Takes the tensor out of an answer, which is dropped here.
#[inline]
fn claim(answer: Owned<'_>) -> Result<Claimed, Raised> {
    if capsule::is_capsule(answer.borrow()) {
        capsule::claim(answer.borrow())
    } else {
        Err(refuse::not_a_capsule(answer.borrow()))
    }
}

/// Calls `__dlpack__` again with fewer keywords, if that may help.
#[cold]
#[inline(never)]
fn again(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    keywords: &Keywords<'_>,
    look: &dyn Fn(&Descriptor) -> Result<(), Raised>,
    raised: Raised,
) -> Result<AnyManagedTensor, Raised> {
    let py = object.attached();
    if raised.is(Class::Attribute) {
        return Err(refuse::no_method(object, raised));
    }
    // A function that does not know a keyword raises this very class. A derived class is how some libraries refuse.
    if !raised.is_exactly(Class::Type) {
        return Err(raised);
    }
    if !keywords.has_version() {
        return Err(refuse::unknown_keyword(object, keywords, raised));
    }
    let _first = ExceptBlock::catch(py, raised);
    if !keywords.can_be_fewer() || !can_be_met_here(object, request)? {
        return match DLPACK.call(object, &names::DLPACK, &keywords.without_version()) {
            Ok(answer) => {
                let tensor = import(py, claim(answer)?, request, strict)?;
                looked_at(py, tensor, look, |tensor| surely_copied(tensor, request))
            }
            Err(second) if second.is_exactly(Class::Type) => {
                Err(refuse::unknown_keyword(object, keywords, second))
            }
            Err(second) => Err(second),
        };
    }
    // PyTorch knew `max_version` before it knew the others.
    let answer = match DLPACK.call(object, &names::DLPACK, &keywords.fewer()) {
        Err(second) if second.is_exactly(Class::Type) => {
            let _second = ExceptBlock::catch(py, second);
            DLPACK.call(object, &names::DLPACK, &keywords.stream_only())
        }
        answer => answer,
    };
    match answer {
        Ok(answer) => {
            let tensor = import(py, claim(answer)?, request, strict)?;
            looked_at(py, tensor, look, |tensor| meet(tensor, request))
        }
        Err(raised) if raised.is_exactly(Class::Type) => {
            Err(refuse::unknown_keyword(object, keywords, raised))
        }
        Err(raised) => Err(raised),
    }
}

/// Passes a tensor on to what may copy it, unless the look at it raises an exception.
#[cold]
fn looked_at(
    py: Attached<'_>,
    tensor: AnyManagedTensor,
    look: &dyn Fn(&Descriptor) -> Result<(), Raised>,
    then: impl FnOnce(AnyManagedTensor) -> Result<AnyManagedTensor, Error>,
) -> Result<AnyManagedTensor, Raised> {
    match look(&tensor) {
        Ok(()) => then(tensor).map_err(|error| raise_error(py, error)),
        Err(raised) => Err(raised.after_dropping(py, tensor)),
    }
}

/// Returns `true` if the request's device and copy policy can be met without the producer's knowing of them.
///
/// # Errors
///
/// What asking the object for its device raises.
fn can_be_met_here(object: Object<'_>, request: &Request) -> Result<bool, Raised> {
    let found = device_of(object)?.map(Device::canonical);
    let is_there = match (request.wanted_device(), found) {
        (Some(wanted), Some(found)) => wanted.canonical() == found,
        _ => true,
    };
    let is_copied_here = request.copy == CopyPolicy::ALWAYS;
    Ok(is_there && (!is_copied_here || found.is_none_or(|found| found == Device::CPU)))
}

/// Makes a copy if the request asks for one, and checks the tensor, whose producer was not asked for a device and a copy.
///
/// A tensor that is refused or copied is dropped before this returns, since its deleter must not see the exception.
pub(crate) fn meet<T>(tensor: T, request: &Request) -> Result<T, Error>
where
    T: Deref<Target = Descriptor> + From<ManagedTensorVersioned>,
{
    let found = tensor.device();
    // Not any memory that would do: nobody has waited for the device.
    if let Some(expected) = request.wanted_device() {
        if found.canonical() != expected.canonical() {
            return Err(Error::DeviceMismatch { expected, found });
        }
    }
    if request.copy != CopyPolicy::ALWAYS {
        return request.check(&tensor).map(|()| tensor);
    }
    if found.canonical() != Device::CPU {
        return Err(Error::NotHostAccessible { device: found });
    }
    let copy = T::from(copy(&tensor)?);
    drop(tensor);
    request.check(&copy).map(|()| copy)
}

/// Copies a legacy tensor in main memory whose producer was asked for a copy.
///
/// A legacy tensor does not say whether it is a copy, nor whether it may be written, and there are producers that accept every
/// keyword and look at none.
#[cold]
fn surely_copied(tensor: AnyManagedTensor, request: &Request) -> Result<AnyManagedTensor, Error> {
    let is_meant = request.copy == CopyPolicy::ALWAYS && !request.is_legacy();
    if is_meant && tensor.version().is_none() && tensor.device().canonical() == Device::CPU {
        return meet(tensor, request);
    }
    Ok(tensor)
}

/// Copies a tensor in main memory.
fn copy(tensor: &Descriptor) -> Result<ManagedTensorVersioned, Error> {
    // SAFETY: this thread is attached, and so Python code that writes the elements does not run: the promise on which
    // PyO3's own buffers are read.
    unsafe { tensor.to_copy() }.map(Exclusive::into_inner)
}

/// Imports the tensor of an answer, and checks it against the request.
fn import(
    py: Attached<'_>,
    claimed: Claimed,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    let tensor = claimed
        .versioned(strict)
        .map(|tensor| tensor.map(AnyManagedTensor::Versioned))
        .unwrap_or_else(Claimed::legacy);
    // A tensor that is refused is dropped before the exception is set, which its deleter must not see.
    tensor
        .and_then(|tensor| request.check(&tensor).map(|()| tensor))
        .map_err(|error| raise_error(py, error))
}
