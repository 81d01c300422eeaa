//! How an object is best taken: what its type offers, found once for each type.
//!
//! From the fastest to the slowest:
//!
//! - the fields of an array of NumPy, where its headers read them;
//! - the table of functions that the standard lets a library put on its types, except where the library's own
//!   `__dlpack__` would refuse (PyTorch and Paddle), and for memory that somebody has to wait for;
//! - the buffer protocol, of objects without `__dlpack__`, and of JAX's arrays on the CPU;
//! - `__dlpack__`, of all others, and for all that only a producer can answer: a copy, another device, a stream.
//!
//! Which one it is changes nothing but the speed: the shape, the dtype, the address, and whether the memory may be written are
//! the same. What is odd about an object is left to its `__dlpack__`, so that the library's own errors are what Python sees.
//!
//! What a type offers is remembered for as many types as a program uses, in a table without locks.

mod attribute;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
mod buffer;
#[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
#[path = "buffer_abi3.rs"]
mod buffer;
mod cache;
mod classes;
mod exchange;
mod facts;
mod format;
mod guard;
mod memory;
mod numpy;
mod order;
mod plan;
mod recall;
mod taken;

use core::mem::ManuallyDrop;

use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{AnyManagedTensor, BorrowedTensor, Device, Error, ManagedTensorVersioned};

use crate::capsule;
use crate::protocol;
use crate::raw::{
    Attached, Handling, Kind, Object, Pending, Raised, Reference, ffi, names, raise, raise_error,
};
use facts::Facts;
pub(crate) use order::{current_stream, has_table};
use plan::Plan;
pub(crate) use taken::{Keeper, Taken};

/// By which road a tensor came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Road {
    /// A capsule that was given as it is.
    Capsule,
    /// The table of functions of the object's type.
    Exchange,
    /// The object's `__dlpack__`.
    Protocol,
    /// The fields of an array of NumPy.
    NumPy,
    /// The buffer protocol.
    Buffer,
}

/// Takes the tensor of an object.
///
/// The faster roads are taken where they give what the request asks for, and what `__dlpack__` would have given.
///
/// # Errors
///
/// As for [`protocol::ask`]; and `BufferError` for a buffer that is no tensor.
#[inline(always)]
pub(crate) fn take(object: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    take_and(object, request, |taken, road| Ok((taken, road)), Err)
}

/// The same, and passes the tensor to a function where it is made, or the failure to another.
///
/// A tensor is large to move, and what is written in small pieces is slow to read in large ones right after. So each road
/// makes its own result, in the place where it is returned, and what is rare is done elsewhere.
#[inline(always)]
pub(crate) fn take_and<R>(
    object: Object<'_>,
    request: &Request,
    then: impl Fn(Taken, Road) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    if asks_for_nothing_special(request) {
        match cache::kept(object.class()) {
            Some(Plan::NumPy) => {
                // SAFETY: an object of that class. The keeper keeps it alive.
                if let Some(tensor) = unsafe { numpy::lend(object) } {
                    let keeper = Keeper::Object(Reference::new(object.to_owned()));
                    return then(Taken::Lent(tensor, keeper), Road::NumPy);
                }
            }
            Some(Plan::Exchange(exchange)) => match exchange.take(object) {
                Ok(tensor) => {
                    // Nothing below panics, and so nothing has to drop it meanwhile, for which it would have to stay put.
                    let tensor = ManuallyDrop::new(tensor);
                    match exchange.allows(object, Facts::of(&tensor), request) {
                        Ok(true) => {
                            let tensor = ManuallyDrop::into_inner(tensor);
                            let tensor = Taken::Managed(AnyManagedTensor::Versioned(tensor));
                            return then(tensor, Road::Exchange);
                        }
                        Ok(false) => release(ManuallyDrop::into_inner(tensor)),
                        Err(raised) => {
                            let tensor = ManuallyDrop::into_inner(tensor);
                            return fail(raised.after_dropping(object.attached(), tensor));
                        }
                    }
                }
                Err(error) => {
                    return match after(object, request, error) {
                        Ok((taken, road)) => then(taken, road),
                        Err(raised) => fail(raised),
                    };
                }
            },
            Some(Plan::Protocol) => {}
            _ => {
                return match take_otherwise(object, request) {
                    Ok((taken, road)) => then(taken, road),
                    Err(raised) => fail(raised),
                };
            }
        }
    } else {
        return match take_otherwise(object, request) {
            Ok((taken, road)) => then(taken, road),
            Err(raised) => fail(raised),
        };
    }
    protocol::ask_and(object, request, |tensor| then(Taken::Managed(tensor), Road::Protocol), fail)
}

/// Drops a tensor that is not the one to be taken.
#[cold]
#[inline(never)]
fn release(tensor: ManagedTensorVersioned) {
    drop(tensor);
}

/// Whether the roads that do no more than to describe memory give what is asked for, if that is on the CPU.
#[inline]
fn asks_for_nothing_special(request: &Request) -> bool {
    request.copy != CopyPolicy::ALWAYS
        && !request.is_legacy()
        && request.stream.handle().is_none()
        && request.wanted_device().is_none_or(|device| device == Device::CPU)
}

/// The same for all objects and requests, where that takes its time.
#[cold]
#[inline(never)]
fn take_otherwise(object: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    let plan = cache::plan_of(object.class())?;
    match &*plan {
        Plan::Capsule => take_capsule(object, request),
        Plan::Buffer => take_buffer(object, request),
        Plan::Unknown => take_unknown(object, request),
        Plan::BufferOrProtocol if asks_for_nothing_special(request) => match buffer::take(object) {
            Ok(taken) => Ok((taken, Road::Buffer)),
            // Not what interrupts the program.
            // SAFETY: of the exceptions that live as long as the interpreter.
            Err(raised) if raised.is(unsafe { ffi::PyExc_Exception }) => {
                raised.clear();
                ask(object, request)
            }
            Err(raised) => Err(raised),
        },
        // The first object of its type.
        Plan::NumPy if asks_for_nothing_special(request) => {
            // SAFETY: an object of that class. The keeper keeps it alive.
            let Some(tensor) = (unsafe { numpy::lend(object) }) else {
                return ask(object, request);
            };
            let keeper = Keeper::Object(Reference::new(object.to_owned()));
            Ok((Taken::Lent(tensor, keeper), Road::NumPy))
        }
        Plan::Exchange(exchange) if asks_for_nothing_special(request) => {
            match exchange.take(object) {
                Ok(tensor) => match exchange.allows(object, Facts::of(&tensor), request) {
                    Ok(true) => Ok((Taken::Managed(tensor.into()), Road::Exchange)),
                    Ok(false) => {
                        release(tensor);
                        ask(object, request)
                    }
                    Err(raised) => Err(raised.after_dropping(object.attached(), tensor)),
                },
                Err(error) => after(object, request, error),
            }
        }
        Plan::Protocol | Plan::NumPy | Plan::Exchange(_) | Plan::BufferOrProtocol => {
            ask(object, request)
        }
    }
}

#[inline(always)]
fn ask(object: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    Ok((protocol::ask(object, request)?.into(), Road::Protocol))
}

/// Takes the tensor of an object whose type does not say how.
fn take_unknown(object: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    let has_method = object.optional_attr(&names::DLPACK)?.is_some();
    if !has_method && buffer::has_buffer(object) {
        take_buffer(object, request)
    } else {
        // This also says what is wrong with an object that has neither.
        ask(object, request)
    }
}

fn take_buffer(object: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    if !buffer::has_buffer(object) {
        return ask(object, request);
    }
    let py = object.attached();
    request.stream.check(Device::CPU).map_err(|error| raise_error(py, error))?;
    Ok((suit(py, buffer::take(object)?, request)?, Road::Buffer))
}

fn take_capsule(capsule: Object<'_>, request: &Request) -> Result<(Taken, Road), Raised> {
    let py = capsule.attached();
    if let Some(stream) = request.stream.handle() {
        return Err(raise(
            py,
            Kind::Value,
            format_args!("expected a producer to tell the stream {stream}, found a capsule"),
        ));
    }
    Ok((suit(py, capsule::take(capsule)?.into(), request)?, Road::Capsule))
}

/// Sees to it that a tensor is what was asked for, where nobody was asked.
#[inline]
fn suit(py: Attached<'_>, taken: Taken, request: &Request) -> Result<Taken, Raised> {
    let suited = if request.copy == CopyPolicy::ALWAYS {
        // SAFETY: what a tensor holds may be read, and code of Python's that writes it is attached, as this thread is: the
        // promise on which PyO3's own buffers are read.
        let copy = unsafe { taken.to_copy() };
        // Before an exception is set, which its deleter had better not find.
        drop(taken);
        copy.map(|copy| Taken::Managed(copy.into_inner().into()))
    } else {
        Ok(taken)
    };
    match suited.and_then(|taken| request.check(&taken).map(|()| taken)) {
        Ok(taken) => Ok(taken),
        Err(error) => Err(raise_error(py, error)),
    }
}

/// After a table has refused: asks the object itself, if it can be asked.
#[cold]
fn after(object: Object<'_>, request: &Request, error: Error) -> Result<(Taken, Road), Raised> {
    let py = object.attached();
    // SAFETY: the thread is attached.
    let is_set =
        matches!(error, Error::CallFailed { .. }) && !unsafe { ffi::PyErr_Occurred() }.is_null();
    let raised = if is_set { Raised::new() } else { raise_error(py, error) };
    let has_method = {
        let _pending = Pending::take(py);
        object.optional_attr(&names::DLPACK).is_ok_and(|method| method.is_some())
    };
    if !has_method {
        return Err(raised);
    }
    let _first = Handling::of(py, raised);
    ask(object, request)
}

/// Passes the tensor of an object to a function, without an owner where that is possible.
///
/// # Errors
///
/// As for [`take`]. The function is not called then.
///
/// # Safety
///
/// Until the function returns, nothing resizes, frees or moves the object's memory: no code in Python, no other thread.
#[inline(always)]
pub(crate) unsafe fn borrow<R>(
    object: Object<'_>,
    request: &Request,
    f: impl FnOnce(BorrowedTensor<'_>) -> R,
) -> Result<R, Raised> {
    if asks_for_nothing_special(request) {
        match cache::kept(object.class()) {
            Some(Plan::NumPy) => {
                // SAFETY: an object of that class; the caller's promise.
                if let Some(tensor) = unsafe { numpy::lend(object) } {
                    return Ok(f(tensor));
                }
            }
            Some(Plan::Exchange(exchange)) => {
                // SAFETY: the caller's promise.
                if let Some(tensor) = unsafe { exchange.lend(object, request) }? {
                    return Ok(f(tensor));
                }
            }
            _ => {}
        }
    }
    borrow_otherwise(object, request, f)
}

#[inline(never)]
fn borrow_otherwise<R>(
    object: Object<'_>,
    request: &Request,
    f: impl FnOnce(BorrowedTensor<'_>) -> R,
) -> Result<R, Raised> {
    let (taken, _) = take(object, request)?;
    taken.lend(f).map_err(|error| raise_error(object.attached(), error))
}

/// How tensors are given to the library that a type is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// By the type's table of functions.
    Table(ExchangeApi),
    /// It is NumPy.
    NumPy,
    /// As any other object.
    Protocol,
}

pub(crate) fn way_to(class: Object<'_>) -> Result<Way, Raised> {
    Ok(match &*cache::plan_of(class)? {
        Plan::Exchange(exchange) => Way::Table(exchange.api()),
        Plan::NumPy => Way::NumPy,
        _ => Way::Protocol,
    })
}
