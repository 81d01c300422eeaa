//! The routes by which a tensor is imported, and the choice of the fastest that gives the right answer.
//!
//! A *route* is one way to get from a Python object to its tensor. From the fastest to the slowest:
//!
//! - [`numpy`]: the fields of a NumPy array, where NumPy's own headers read them;
//! - [`exchange`]: the table of C functions that the standard lets a library put on its classes. It is not used where the
//!   library's `__dlpack__` would refuse (PyTorch and Paddle), or where somebody has to wait for the memory;
//! - [`buffer`]: the buffer protocol, for objects without `__dlpack__`, and for JAX arrays on the CPU;
//! - [`protocol`]: `__dlpack__`, for all other objects, and for what only a producer can do: a copy, another device, a
//!   stream;
//! - [`capsule`]: a capsule that is passed as it is.
//!
//! The route affects nothing but the speed: the shape, the dtype, the address and whether the memory may be written are the
//! same by each. An unusual object is left to its `__dlpack__`, so that Python sees the library's own errors.
//!
//! The choice is made once for each class, and kept in a table without locks.

/// Returns the value, or drops what a function has captured that is not called then, and passes the exception on.
macro_rules! or_drop {
    ($result:expr, $object:expr, $f:expr) => {
        match $result {
            Ok(value) => value,
            Err(raised) => return Err(raised.after_dropping($object.attached(), $f)),
        }
    };
}

mod address;
mod ask_library;
mod attribute;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
mod buffer;
#[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
#[path = "buffer_abi3.rs"]
mod buffer;
mod cache;
mod classes;
mod eligibility;
mod exchange;
mod format;
mod held;
mod in_turn;
mod masked;
mod memory;
mod numpy;
mod plan;
mod rare;
mod refusals;
mod summary;
mod torch_memory;
mod wary;
mod weak_class;

use core::mem::ManuallyDrop;

use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{AnyManagedTensor, BorrowedTensor, Descriptor, Device};

use crate::protocol;
use crate::raw::{Attached, Object, Raised, Reference, raise_error};
use ask_library::check_address;
use cache::Known;
pub(crate) use classes::is_array_of_numpy;
pub(crate) use exchange::OWN_TABLE;
use held::KeepAlive;
pub(crate) use held::{HeldTensor, Taken};
pub(crate) use in_turn::{forget, versioned_in_turn};
use plan::Plan;
use rare::{ask_after_refusal, take_rare};
use summary::Summary;

/// The route by which a tensor was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Capsule,
    Exchange,
    Protocol,
    NumPy,
    Buffer,
}

/// Imports the tensor of an object, and passes the tensor to `then`, or the failure to `fail`.
///
/// A tensor is large to move. So each route passes it on from where it was made, and what is rare happens in functions of
/// its own.
///
/// # Errors
///
/// As for [`protocol::ask`], and `BufferError` for a buffer that is not a tensor.
#[inline(always)]
pub(crate) fn take<R>(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    then: impl Fn(Taken) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    match cache::kept(object.class()) {
        Some(plan) => take_by(plan, object, request, strict, then, fail),
        None => match take_slowly(object, request, strict) {
            Ok(taken) => then(taken),
            Err(raised) => fail(raised),
        },
    }
}

/// As [`take`], for an object of a class whose plan is not kept.
#[cold]
#[inline(never)]
fn take_slowly(object: Object<'_>, request: &Request, strict: bool) -> Result<Taken, Raised> {
    take_with_library(object, request, strict).map(|(taken, _)| taken)
}

/// As [`take`], with the library of the class that the object has had: it may have another one by now.
#[cold]
#[inline(never)]
pub(crate) fn take_with_library(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<(Taken, Library), Raised> {
    let plan = cache::plan_of(object.class())?;
    let taken = take_by(&plan, object, request, strict, Ok, Err)?;
    Ok((taken, Library(plan)))
}

/// The library of a class.
pub(crate) struct Library(Known);

impl Library {
    /// Returns the stream on which the library queues its work for the device, as its table says.
    pub(crate) fn current_stream(
        &self,
        py: Attached<'_>,
        device: Device,
    ) -> Result<Stream, Raised> {
        match self.0.exchange() {
            Some(exchange) => exchange.current_stream(py, device),
            None => Ok(Stream::NONE),
        }
    }
}

/// As [`take`], by a given plan.
#[inline(always)]
fn take_by<R>(
    plan: &Plan,
    object: Object<'_>,
    request: &Request,
    strict: bool,
    then: impl Fn(Taken) -> R,
    fail: impl Fn(Raised) -> R,
) -> R {
    match plan {
        Plan::NumPy if asks_for_memory_as_it_is(request) => {
            // SAFETY: the plan of an `ndarray`. The references keep the array alive, and its memory in place.
            if let Some(tensor) = unsafe { numpy::lend(object) } {
                let array = KeepAlive::Array(Reference::of(object));
                return then(Taken::new(HeldTensor::Lent(tensor, array), Route::NumPy));
            }
        }
        // A table cannot be told to be strict.
        Plan::Exchange(exchange) if asks_for_memory_as_it_is(request) && !strict => {
            match exchange.take(object) {
                Ok(tensor) => {
                    // Nothing below panics, and so the compiler need not keep the tensor where it can be dropped.
                    let tensor = HeldTensor::from(tensor);
                    let taken = ManuallyDrop::new(Taken::new(tensor, Route::Exchange));
                    match exchange.allows(object, Summary::of(&taken.tensor), request) {
                        Ok(true) => return then(ManuallyDrop::into_inner(taken)),
                        Ok(false) => release(ManuallyDrop::into_inner(taken)),
                        Err(raised) => {
                            let taken = ManuallyDrop::into_inner(taken);
                            return fail(raised.after_dropping(object.attached(), taken));
                        }
                    }
                }
                Err(error) => {
                    return match ask_after_refusal(exchange, object, request, strict, error) {
                        Ok(tensor) => then(asked(tensor)),
                        Err(raised) => fail(raised),
                    };
                }
            }
            return match exchange.ask(object, request, strict) {
                Ok(tensor) => then(asked(tensor)),
                Err(raised) => fail(raised),
            };
        }
        Plan::NumPy | Plan::Protocol => {}
        rare => {
            return match take_rare(rare, object, request, strict) {
                Ok(taken) => then(taken),
                Err(raised) => fail(raised),
            };
        }
    }
    let look = |tensor: &Descriptor| check_address(object, tensor);
    // What NumPy copies of an array of its own class is known to nobody. A derived class is shown each copy, by `__array_finalize__`, and so
    // is the garbage collector.
    let is_alone = matches!(plan, Plan::NumPy);
    let then = |tensor| then(Taken { is_alone, ..asked(tensor) });
    protocol::ask_looking(object, request, strict, look, then, fail)
}

/// A tensor for which the object was asked.
#[inline(always)]
fn asked(tensor: AnyManagedTensor) -> Taken {
    Taken::new(tensor.into(), Route::Protocol)
}

/// Drops a tensor that is not the one to be taken.
#[cold]
#[inline(never)]
fn release(taken: Taken) {
    drop(taken);
}

/// Returns `true` if the routes that only describe memory can meet the request, provided that the memory is on the CPU.
#[inline]
fn asks_for_memory_as_it_is(request: &Request) -> bool {
    request.copy != CopyPolicy::ALWAYS
        && !request.is_legacy()
        && request.stream.handle().is_none()
        && request.wanted_device().is_none_or(|device| device == Device::CPU)
}

/// Passes the tensor of an object to a function, without an owner if that is possible.
///
/// # Errors
///
/// As for [`take`]. The function is not called then.
///
/// # Safety
///
/// Until the function returns, nothing resizes, frees or moves the object's memory: no Python code, and no other thread.
#[inline(always)]
pub(crate) unsafe fn borrow<R>(
    object: Object<'_>,
    f: impl FnOnce(BorrowedTensor<'_>) -> R,
) -> Result<R, Raised> {
    const REQUEST: &Request = &Request::new();
    let made;
    let exchange = match cache::kept(object.class()) {
        None => {
            made = or_drop!(cache::plan_of(object.class()), object, f);
            match &*made {
                Plan::Wary(wary) => or_drop!(wary.exchange_for(object), object, f),
                plan => plan.exchange(),
            }
        }
        Some(Plan::NumPy) => {
            // SAFETY: the plan of an `ndarray`, whose memory stays in place, as the caller promises.
            if let Some(tensor) = unsafe { numpy::lend(object) } {
                return Ok(f(tensor));
            }
            None
        }
        Some(Plan::Exchange(exchange)) => Some(exchange),
        Some(Plan::Wary(wary)) => or_drop!(wary.exchange_for(object), object, f),
        _ => None,
    };
    let f = match exchange {
        // SAFETY: the memory stays in place, as the caller promises.
        Some(exchange) => match unsafe { exchange.lend(object, REQUEST, f) }? {
            Ok(result) => return Ok(result),
            Err(f) => f,
        },
        None => f,
    };
    let taken = or_drop!(take_to_lend(object, REQUEST), object, f);
    taken.tensor.lend(f).map_err(|error| raise_error(object.attached(), error))
}

#[inline(never)]
fn take_to_lend(object: Object<'_>, request: &Request) -> Result<Taken, Raised> {
    take(object, request, false, Ok, Err)
}

/// Returns `true` if the object's class has an exchange table, which does not wait for a stream.
pub(crate) fn has_table(object: Object<'_>) -> Result<bool, Raised> {
    Ok(cache::plan_of(object.class())?.exchange().is_some())
}

/// How the library of a class imports tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Importer {
    /// By the class's table of functions, which takes tensors of so many axes.
    Table(ExchangeApi, i32),
    NumPy,
    /// By a function in Python.
    Protocol,
}

pub(crate) fn importer_of(class: Object<'_>) -> Result<Importer, Raised> {
    let plan = cache::plan_of(class)?;
    Ok(match (plan.exchange(), &*plan) {
        (Some(exchange), _) => Importer::Table(exchange.api(), exchange.most_axes()),
        (None, Plan::NumPy) => Importer::NumPy,
        _ => Importer::Protocol,
    })
}
