//! Asking tensors of PyTorch for themselves by `__dlpack__`.
//!
//! PyTorch's own `__dlpack__` gives the wrong numbers of a tensor whose elements are to be negated when they are read, and an
//! address near null for one that has no memory. Here, both are refused. It takes no stream for -1, so that the default stream
//! is named to it.
//!
//! An object of another class may stand for such a tensor, as a weak proxy does. Its tensor is looked at, too.

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{AnyManagedTensor, Descriptor, Device, DeviceType};

use super::address;
use super::attribute::{Attribute, is_true};
use super::classes::is_of_torch;
use super::eligibility::negated;
use super::summary::Summary;
use super::torch_memory::{absent, can_be_memory, refuse_uncopyable};
use crate::protocol;
use crate::raw::{Class, Name, Object, Owned, Raised, call_no_args, names, raise};

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
    // Asked first, since a question may run Python code that moves the memory.
    let answer = match is_neg {
        Some(method) => method.call(object),
        None => call(object, &names::IS_NEG),
    };
    if answers_yes(answer)? {
        return Err(negated(object));
    }
    let request = &in_default_order(object, request)?;
    let tensor = if request.copy == CopyPolicy::ALWAYS {
        ask_torch_for_copy(object, request, strict)
    } else {
        let look = |tensor: &Descriptor| check_present(object, tensor);
        protocol::ask_looking(object, request, strict, look, Ok, Err)
    };
    in_order(object, request, tensor?)
}

/// Imports a tensor by the `__dlpack__` of an object of another library that takes no stream for -1.
///
/// # Errors
///
/// As for [`ask_other`], [`in_default_order`] and [`in_order`].
#[cold]
pub(super) fn ask_in_default_order(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    let request = &in_default_order(object, request)?;
    in_order(object, request, ask_other(object, request, strict)?)
}

/// As [`ask_torch`], for a copy. Whoever makes it reads the elements: PyTorch, which is asked before whether there are any, or this crate,
/// of a tensor that is looked at first.
fn ask_torch_for_copy(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    // To have PyTorch refuse an export of the tensor as it is, in words of its own, could copy memory that PyTorch copies on write.
    check_copyable(object)?;
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

/// Imports a tensor by the `__dlpack__` of an object that is not PyTorch's, and of whose class little is known.
///
/// # Errors
///
/// As for [`protocol::ask`], [`check_copyable`] and [`check_present`].
#[cold]
#[inline(never)]
pub(super) fn ask_other(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    if request.copy == CopyPolicy::ALWAYS {
        check_copyable(object)?;
    }
    let look = |tensor: &Descriptor| {
        // No code of this crate reads the memory of a device.
        if address::is_far(tensor.data().addr()) || tensor.device().device_type != DeviceType::CPU {
            return Ok(());
        }
        check_present(object, tensor)
    };
    protocol::ask_looking(object, request, strict, look, Ok, Err)
}

/// Returns the tensor of PyTorch that answers for an object: the object itself, or the one whose method is the object's `__dlpack__`. So it
/// is with weak proxies, and with what passes all attributes on.
///
/// # Errors
///
/// What the object raises when it is looked at.
fn answering(object: Object<'_>) -> Result<Option<Owned<'_>>, Raised> {
    if is_of_torch(object.class())? {
        return Ok(Some(object.to_owned()));
    }
    let Some(method) = object.optional_attr(&names::DLPACK)? else { return Ok(None) };
    let Some(behind) = method.optional_attr(&names::SELF)? else { return Ok(None) };
    Ok(is_of_torch(behind.borrow().class())?.then_some(behind))
}

/// Refuses an object of which PyTorch must not be asked for a copy.
fn check_copyable(object: Object<'_>) -> Result<(), Raised> {
    match answering(object)? {
        Some(tensor) => refuse_uncopyable(tensor.borrow()),
        None => Ok(()),
    }
}

/// Refuses a tensor that [cannot be memory](can_be_memory), or one in memory that cannot be read.
///
/// # Errors
///
/// `BufferError` for such a tensor, and what the object raises when it is looked at.
fn check_present(object: Object<'_>, tensor: &Descriptor) -> Result<(), Raised> {
    check_address(object, tensor)?;
    let summary = Summary::of(tensor);
    if !summary.is_doubtful() {
        return Ok(());
    }
    let can_be = match answering(object)? {
        Some(tensor) => can_be_memory(tensor.borrow(), summary)?,
        None => {
            // A null pointer is refused by whoever would follow it.
            let is_read = summary.device.device_type == DeviceType::CPU && summary.address != 0;
            !is_read || address::is_readable(summary.address) != Some(false)
        }
    };
    if can_be { Ok(()) } else { Err(absent(object)) }
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

/// Names the default stream of the object's device in a request that names no stream, which PyTorch and Paddle take for -1: they do
/// not synchronize then, although the standard means the default stream.
///
/// # Errors
///
/// What the object raises when it is asked for its device, if that is not forgotten: its `__dlpack__` says what is wrong.
#[cold]
fn in_default_order(object: Object<'_>, request: &Request) -> Result<Request, Raised> {
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

/// Refuses a tensor on a device whose default stream was not named to the producer, since that has not said on which device it is, or has
/// said another one.
///
/// # Errors
///
/// `BufferError` for such a tensor.
fn in_order(
    object: Object<'_>,
    request: &Request,
    tensor: AnyManagedTensor,
) -> Result<AnyManagedTensor, Raised> {
    let (py, device) = (object.attached(), tensor.device());
    let has_streams = matches!(device.device_type, DeviceType::CUDA | DeviceType::ROCM);
    if request.stream != Stream::NONE || !has_streams {
        return Ok(tensor);
    }
    drop(tensor);
    let text = "expected a producer that says its device, to be told the stream";
    Err(raise(py, Class::Buffer, format_args!("{text}, found a tensor on {device}")))
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
