//! Asking tensors of PyTorch for themselves by `__dlpack__`.
//!
//! PyTorch's own `__dlpack__` gives the wrong numbers of a tensor whose elements are to be negated when they are read, and an
//! address near null for one that has no memory. Here, both are refused. It takes no stream for -1, so that the default stream
//! is named to it.
//!
//! An object of another class may stand for such a tensor, as a weak proxy does. Its tensor is looked at, too.

use core::cell::Cell;

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{AnyManagedTensor, Descriptor, Device, DeviceType};

use super::address;
use super::attribute::{Attribute, is_true};
use super::eligibility::negated;
use super::summary::Summary;
use super::torch_memory::{absent, can_be_memory, refuse_uncopyable, refuse_without_memory};
use crate::protocol;
use crate::raw::{Name, Object, Owned, Raised, call_no_args, names};

/// Imports a tensor of PyTorch by its `__dlpack__`, unless it must not be imported. `is_neg` is the method of the object's class,
/// if it is known.
///
/// # Errors
///
/// As for [`protocol::ask`], and `BufferError` for an object that must not be imported.
#[cold]
#[inline(never)]
pub(super) fn ask_torch(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    is_neg: Option<&Attribute>,
) -> Result<AnyManagedTensor, Raised> {
    let is_plain = is_neg.is_some();
    // Asked first, since a question may run Python code that moves the memory.
    let answer = match is_neg {
        Some(method) => method.call(object),
        None => call(object, &names::IS_NEG),
    };
    if answers_yes(answer)? {
        return Err(negated(object));
    }
    let request = &in_default_order(object, request)?;
    if request.copy == CopyPolicy::ALWAYS {
        return ask_torch_for_copy(object, request, strict);
    }
    let tensor = protocol::ask(object, request, strict, Ok, Err)?;
    let summary = Summary::of(&tensor);
    if !summary.is_doubtful() {
        return Ok(tensor);
    }
    // Looked at before the questions, which may run code that gives it memory, or takes it away.
    let is_possible = match can_be_memory(object, summary) {
        Ok(is_possible) => is_possible,
        Err(raised) => return Err(raised.after_dropping(object.attached(), tensor)),
    };
    match refuse_without_memory(object, summary.address, is_plain) {
        Ok(true) if is_possible => Ok(tensor),
        // The questions have moved the memory, or are not answered truly. None that could move it follows this time.
        Ok(_) => match Again::begin() {
            Some(_again) => {
                drop(tensor);
                present(object, protocol::ask(object, request, strict, Ok, Err)?)
            }
            None if !is_possible => {
                drop(tensor);
                Err(absent(object))
            }
            None => Ok(tensor),
        },
        Err(raised) => Err(raised.after_dropping(object.attached(), tensor)),
    }
}

/// As [`ask_torch`], for a copy. Whoever makes it reads the elements: PyTorch, which is asked before whether there are any, or this crate,
/// of a tensor that is looked at first.
fn ask_torch_for_copy(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    // To have PyTorch refuse an export of the tensor as it is, in words of its own, could copy memory that PyTorch copies on write.
    refuse_uncopyable(object)?;
    let look = |tensor: &Descriptor| check_present(object, tensor);
    let tensor = protocol::ask_looking(object, request, strict, look, Ok, Err)?;
    let is_on_stream = matches!(tensor.device().device_type, DeviceType::CUDA | DeviceType::ROCM);
    if is_on_stream && request.stream.handle().is_some() {
        // PyTorch has the stream wait for what is queued, and queues the copy then. So the stream is to wait once more.
        let original = Request { copy: CopyPolicy::IF_NEEDED, ..*request };
        match protocol::ask(object, &original, strict, Ok, Err) {
            Ok(original) => drop(original),
            Err(raised) => return Err(raised.after_dropping(object.attached(), tensor)),
        }
    }
    Ok(tensor)
}

/// Returns a tensor of PyTorch for which the object is not asked again.
///
/// # Errors
///
/// As for [`check_present`].
fn present(object: Object<'_>, tensor: AnyManagedTensor) -> Result<AnyManagedTensor, Raised> {
    match check_present(object, &tensor) {
        Ok(()) => Ok(tensor),
        Err(raised) => Err(raised.after_dropping(object.attached(), tensor)),
    }
}

/// Refuses a tensor that [cannot be memory](can_be_memory). This runs no code that could move the memory.
fn check_present(object: Object<'_>, tensor: &Descriptor) -> Result<(), Raised> {
    let summary = Summary::of(tensor);
    if summary.is_doubtful() && !can_be_memory(object, summary)? {
        return Err(absent(object));
    }
    Ok(())
}

/// Imports a tensor by the `__dlpack__` of an object that is not PyTorch's, and of whose class little is known.
///
/// # Errors
///
/// As for [`protocol::ask`] and [`check_behind`].
#[cold]
#[inline(never)]
pub(super) fn ask_other(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    let look = |tensor: &Descriptor| check_behind(object, tensor);
    protocol::ask_looking(object, request, strict, look, Ok, Err)
}

/// Refuses a tensor in main memory at an address where no system has memory. No code runs for that.
///
/// # Errors
///
/// `BufferError` for such a tensor.
#[inline]
pub(super) fn check_address(object: Object<'_>, tensor: &Descriptor) -> Result<(), Raised> {
    if address::is_near_null(tensor.data().addr()) { check_near(object, tensor) } else { Ok(()) }
}

#[cold]
#[inline(never)]
fn check_near(object: Object<'_>, tensor: &Descriptor) -> Result<(), Raised> {
    let is_read = tensor.device().device_type == DeviceType::CPU && !tensor.is_empty();
    // A null pointer is refused by whoever would follow it.
    if is_read && !tensor.data().is_null() { Err(absent(object)) } else { Ok(()) }
}

/// Refuses a tensor without memory for which an object was asked that only stands for a tensor of PyTorch: its `__dlpack__` is the method
/// of that tensor. So it is with weak proxies, and with what passes all attributes on.
///
/// # Errors
///
/// `BufferError` for such a tensor, and what the object raises when it is looked at.
fn check_behind(object: Object<'_>, tensor: &Descriptor) -> Result<(), Raised> {
    check_address(object, tensor)?;
    let summary = Summary::of(tensor);
    // No code of this crate reads the memory of a device.
    if address::is_far(summary.address)
        || !summary.is_doubtful()
        || summary.device.device_type != DeviceType::CPU
    {
        return Ok(());
    }
    let Some(method) = object.optional_attr(&names::DLPACK)? else { return Ok(()) };
    match method.optional_attr(&names::SELF)? {
        Some(behind) if !can_be_memory(behind.borrow(), summary)? => Err(absent(behind.borrow())),
        _ => Ok(()),
    }
}

/// Names the default stream of the object's device in a request that names no stream, which PyTorch and Paddle take for -1: they do
/// not synchronize then, although the standard means the default stream.
///
/// # Errors
///
/// What the object raises when it is asked for its device, if that is not an `Exception`. Its `__dlpack__` says what is wrong.
#[cold]
pub(super) fn in_default_order(object: Object<'_>, request: &Request) -> Result<Request, Raised> {
    // Whoever is asked for main memory waits, and takes no stream.
    if request.stream != Stream::NONE || request.wanted_device() == Some(Device::CPU) {
        return Ok(*request);
    }
    let device = match protocol::device_of(object) {
        Ok(device) => device.map(|device| device.device_type),
        Err(raised) => raised.forget().map(|()| None)?,
    };
    let is_wanted = |kind| request.wanted_device().is_none_or(|wanted| wanted.device_type == kind);
    // A tensor in pinned memory is one of the processor there, and takes no stream.
    Ok(match device {
        Some(kind @ (DeviceType::CUDA | DeviceType::ROCM)) if is_wanted(kind) => {
            request.stream(Stream::NONE.on(kind))
        }
        _ => *request,
    })
}

thread_local! {
    static IS_ASKED_AGAIN: Cell<bool> = const { Cell::new(false) };
}

/// A tensor is asked for once more. Meanwhile no other is: a `__dlpack__` that passes on what it imports, and names another address
/// than its own, would ask twice for what asks twice, and so on.
struct Again;

impl Again {
    fn begin() -> Option<Self> {
        (!IS_ASKED_AGAIN.replace(true)).then(|| Self)
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        IS_ASKED_AGAIN.set(false);
    }
}

fn call<'a>(object: Object<'a>, method: &Name) -> Result<Owned<'a>, Raised> {
    let method = object.attr(method)?;
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(call_no_args(method.as_ptr())) }
}

/// Returns `true` if the answer is `True`. An object that cannot be asked, as may be where a class changes what PyTorch does,
/// is left to its `__dlpack__`.
fn answers_yes(answer: Result<Owned<'_>, Raised>) -> Result<bool, Raised> {
    match answer {
        Ok(answer) => Ok(is_true(answer.borrow())),
        Err(raised) => raised.forget().map(|()| false),
    }
}
