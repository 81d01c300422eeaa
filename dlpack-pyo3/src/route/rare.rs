//! Routes that are taken rarely, and what is done after a table has refused.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{AnyManagedTensor, Device, Error};

use super::ask_library::{ask_other, ask_paddle, ask_torch, check_address};
use super::classes::is_of_torch;
use super::exchange::Exchange;
use super::plan::Plan;
use super::summary::Summary;
use super::{HeldTensor, Route, Taken, asked, asks_for_memory_as_it_is};
use super::{buffer, cache, masked, refusals};
use crate::raw::{Class, ExceptBlock, Object, Raised, names, raise, raise_error};
use crate::{capsule, protocol};

/// Takes the tensor of a capsule, of a buffer, or of an object that is asked by `__dlpack__`, which also says what is wrong with an object
/// that has neither.
#[cold]
#[inline(never)]
pub(super) fn take_rare(
    plan: &Plan,
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<Taken, Raised> {
    match take_otherwise(plan, object, request, strict)? {
        Some(taken) => Ok(taken),
        None => ask_other(object, request, strict).map(asked),
    }
}

/// Takes the tensor of a capsule, of a buffer, or of an object that is asked in a way of its own. Returns `None` if the object is to be
/// asked by `__dlpack__` as any other.
fn take_otherwise(
    plan: &Plan,
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<Option<Taken>, Raised> {
    let py = object.attached();
    match plan {
        Plan::Wary(wary) => {
            let mut way_out = None;
            if asks_for_memory_as_it_is(request) && !strict {
                if let Some(exchange) = wary.exchange_for(object)? {
                    if let Some(taken) = take_by_table(exchange, object, request)? {
                        return Ok(Some(taken));
                    }
                } else {
                    way_out = wary.way_out(object).or_else(|it| it.forget().map(|()| None))?;
                }
            }
            match (wary.exchange().ask(object, request, strict), way_out) {
                (Err(raised), Some(note)) => Err(raised.with_note(py, note)),
                (answer, _) => answer.map(|tensor| Some(asked(tensor))),
            }
        }
        Plan::Capsule => {
            if let Some(stream) = request.stream.handle() {
                let text = "expected a producer to tell the stream";
                return Err(raise(
                    py,
                    Class::Value,
                    format_args!("{text} {stream}, found a capsule"),
                ));
            }
            let claimed = capsule::claim(object)?;
            let tensor = claimed
                .versioned(strict)
                .map(|tensor| tensor.map(AnyManagedTensor::Versioned))
                .unwrap_or_else(capsule::Claimed::legacy);
            let tensor = tensor.map_err(|error| raise_error(py, error))?;
            match check_address(object, &tensor) {
                Ok(()) => meet(object, tensor.into(), request, Route::Capsule).map(Some),
                Err(raised) => Err(raised.after_dropping(py, tensor)),
            }
        }
        Plan::BufferOrProtocol(refusals) if asks_for_memory_as_it_is(request) => {
            if refusals.are_many() && !strict {
                if let Some(tensor) = ask_at_once(object, request)? {
                    return Ok(Some(asked(tensor)));
                }
                refusals.clear();
            }
            match buffer::take(object) {
                Ok(tensor) => {
                    refusals.clear();
                    Ok(Some(Taken::new(tensor, Route::Buffer)))
                }
                Err(raised) => {
                    refusals.add();
                    raised.forget().map(|()| None)
                }
            }
        }
        // JAX answers in the legacy ABI, so that its copy would have to be copied.
        Plan::BufferOrProtocol(_) if is_copied_here(request) => match buffer::take(object) {
            Ok(tensor) => meet(object, tensor, request, Route::Buffer).map(Some),
            Err(raised) => raised.forget().map(|()| None),
        },
        Plan::Exchange(exchange) => {
            let tensor = exchange.ask(object, request, strict)?;
            Ok(Some(asked(tensor)))
        }
        Plan::Torch => {
            let tensor = ask_torch(object, request, strict, None)?;
            Ok(Some(asked(tensor)))
        }
        Plan::Paddle => {
            let tensor = ask_paddle(object, request, strict)?;
            Ok(Some(asked(tensor)))
        }
        Plan::Masked => masked::refuse(object).map(|()| None),
        Plan::Unknown if object.optional_attr(&names::DLPACK)?.is_some() => {
            take_unknown(object, request, strict)
        }
        Plan::Buffer | Plan::Unknown if buffer::has_buffer(object)? => {
            request.stream.check(Device::CPU).map_err(|error| raise_error(py, error))?;
            meet(object, buffer::take(object)?, request, Route::Buffer).map(Some)
        }
        Plan::Unknown => take_unknown(object, request, strict),
        _ => Ok(None),
    }
}

/// As [`take_otherwise`], for an object that is to be asked by `__dlpack__`, although its class has said that it has none. A metaclass
/// answers for the class, and an object may answer otherwise each time.
fn take_unknown(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<Option<Taken>, Raised> {
    let class = object.class().to_owned();
    if is_of_torch(class.borrow())? {
        return take_otherwise(&Plan::Torch, object, request, strict);
    }
    // A class that cannot be looked at is of no library.
    match Plan::of_library(class.borrow()).or_else(|raised| raised.forget().map(|()| None))? {
        Some(plan) => take_otherwise(&plan, object, request, strict),
        None => Ok(None),
    }
}

/// Returns `true` if a copy is asked for, and of nothing but memory as it is.
fn is_copied_here(request: &Request) -> bool {
    let original = Request { copy: CopyPolicy::IF_NEEDED, ..*request };
    request.copy == CopyPolicy::ALWAYS && asks_for_memory_as_it_is(&original)
}

/// Asks an object by `__dlpack__` whose buffer is not worth asking for. Returns `None` if it should be asked for its buffer
/// nevertheless, so that each object always takes the same route.
///
/// # Errors
///
/// What the object raises, if that is no `Exception`, which interrupts the program.
fn ask_at_once(object: Object<'_>, request: &Request) -> Result<Option<AnyManagedTensor>, Raised> {
    match ask_other(object, request, false) {
        Ok(tensor) => Ok(Some(tensor).filter(|tensor| !refusals::has_format(tensor))),
        Err(raised) => raised.forget().map(|()| None),
    }
}

/// Takes the tensor of an object by a table that may well refuse it. Returns `None` if the object is to be asked.
fn take_by_table(
    exchange: &Exchange,
    object: Object<'_>,
    request: &Request,
) -> Result<Option<Taken>, Raised> {
    let py = object.attached();
    match exchange.take(object) {
        Ok(tensor) => match exchange.allows(object, Summary::of(&tensor), request) {
            Ok(true) => {
                let tensor = HeldTensor::from(tensor);
                Ok(Some(Taken::new(tensor, Route::Exchange)))
            }
            Ok(false) => Ok(None),
            Err(raised) => Err(raised.after_dropping(py, tensor)),
        },
        Err(error) => forget_refusal(object, error).map(|()| None),
    }
}

/// As [`protocol::meet`], for a tensor that came by this route.
fn meet(
    object: Object<'_>,
    tensor: HeldTensor,
    request: &Request,
    route: Route,
) -> Result<Taken, Raised> {
    protocol::meet(tensor, request)
        .map(|tensor| Taken::new(tensor, route))
        .map_err(|error| raise_error(object.attached(), error))
}

/// Asks the object by `__dlpack__`, if it has that, after its table has failed.
///
/// # Errors
///
/// What the object raises: the table's exception is dropped, since `__dlpack__` says the same in the library's usual words.
#[cold]
pub(super) fn ask_after_refusal(
    exchange: &Exchange,
    object: Object<'_>,
    request: &Request,
    strict: bool,
    error: Error,
) -> Result<AnyManagedTensor, Raised> {
    // Python code may run, and give the object another class, after which this is the only reference.
    let class = object.class().to_owned();
    forget_refusal(object, error)?;
    let way_out = match cache::replace(class.borrow())?.as_deref() {
        Some(Plan::Wary(wary)) => wary.way_out(object).or_else(|it| it.forget().map(|()| None))?,
        _ => None,
    };
    match (exchange.ask(object, request, strict), way_out) {
        (Err(raised), Some(note)) => Err(raised.with_note(object.attached(), note)),
        (answer, _) => answer,
    }
}

/// Forgets why a table has refused an object that can be asked by `__dlpack__`.
///
/// # Errors
///
/// What the table has raised, if the object has no `__dlpack__`, or if that is not an `Exception`, which interrupts the
/// program.
#[cold]
fn forget_refusal(object: Object<'_>, error: Error) -> Result<(), Raised> {
    let py = object.attached();
    let is_set = matches!(error, Error::CallFailed { .. }) && Raised::is_set(py);
    let raised = if is_set { Raised::new() } else { raise_error(py, error) };
    if !raised.is(Class::Any) {
        return Err(raised);
    }
    let first = ExceptBlock::catch(py, raised);
    match object.optional_attr(&names::DLPACK) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(first.raise_again()),
        // What interrupts the program, even a look at an attribute, gets through.
        Err(raised) => raised.forget().and_then(|()| Err(first.raise_again())),
    }
}
