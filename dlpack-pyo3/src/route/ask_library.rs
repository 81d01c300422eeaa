//! Asking tensors of PyTorch, and of Paddle, for themselves by `__dlpack__`.
//!
//! PyTorch's own `__dlpack__` gives the wrong numbers of a tensor whose elements are to be negated when they are read, and an
//! address near null for one that has no memory. Here, both are refused. Neither PyTorch nor Paddle promises that the default stream waits
//! if no stream is named, and they have none wait for a copy. So they are asked once more.
//!
//! An object of another class may stand for such a tensor, as a weak proxy does. Its tensor is looked at, too.

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{AnyManagedTensor, Descriptor, Device, DeviceType};

use super::address;
use super::attribute::{Attribute, is_true};
use super::classes::is_of_torch;
use super::eligibility::negated;
use super::summary::Summary;
use super::torch_memory::{absent, can_be_memory, is_negated, refuse_uncopyable};
use crate::protocol;
use crate::raw::{Class, Name, Object, Owned, Raised, call_no_args, names, raise, raise_error};

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
    if answers_yes(object, answer)? {
        return Err(negated(object));
    }
    check_home(object, request)?;
    // Whoever makes a copy reads the elements: PyTorch, which is asked before whether there are any, or this crate, of a tensor that is
    // looked at first. To have PyTorch refuse an export of the tensor as it is, in words of its own, could copy memory that PyTorch
    // copies on write.
    check_copyable(object, request)?;
    let look = |tensor: &Descriptor| check_present(object, tensor);
    let tensor = protocol::ask_looking(object, request, strict, look, Ok, Err)?;
    in_order(object, request, strict, tensor)
}

/// Imports a tensor of Paddle by its `__dlpack__`.
///
/// # Errors
///
/// As for [`ask_other`], [`check_home`] and [`in_order`].
#[cold]
#[inline(never)]
pub(super) fn ask_paddle(
    object: Object<'_>,
    request: &Request,
    strict: bool,
) -> Result<AnyManagedTensor, Raised> {
    check_home(object, request)?;
    // Paddle takes no stream at all for a tensor in main memory.
    let is_moved = request.stream.is_no_sync() && elsewhere(request).is_some();
    let asked = if is_moved && protocol::device_of(object)? == Some(Device::CPU) {
        request.stream(Stream::NONE)
    } else {
        *request
    };
    let tensor = ask_other(object, &asked, strict)?;
    in_order(object, request, strict, tensor)
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
    check_copyable(object, request)?;
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

/// Refuses an object of which PyTorch must not be asked for a copy, if it would make one.
#[inline]
fn check_copyable(object: Object<'_>, request: &Request) -> Result<(), Raised> {
    match request.copy {
        CopyPolicy::ALWAYS => check_copy(object, None),
        CopyPolicy::NEVER => Ok(()),
        _ => match elsewhere(request) {
            Some(wanted) => check_copy(object, Some(wanted)),
            None => Ok(()),
        },
    }
}

/// As [`check_copyable`], for a copy that is made in any case, or where the object is not on this device.
#[cold]
#[inline(never)]
fn check_copy(object: Object<'_>, unless_on: Option<Device>) -> Result<(), Raised> {
    let Some(tensor) = answering(object)? else { return Ok(()) };
    let tensor = tensor.borrow();
    if unless_on.is_some() && protocol::device_of(tensor)? == unless_on {
        return Ok(());
    }
    refuse_uncopyable(tensor)
}

/// Returns the device that is wanted, if that is not the CPU.
fn elsewhere(request: &Request) -> Option<Device> {
    request.wanted_device().filter(|wanted| wanted.device_type != DeviceType::CPU)
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

/// Refuses an object of PyTorch or Paddle that is on another device than the one that is wanted. The last step of the copy may be queued on
/// either, and no stream of the one can be named for the other.
///
/// # Errors
///
/// `BufferError` for such an object, and what it raises.
#[inline]
fn check_home(object: Object<'_>, request: &Request) -> Result<(), Raised> {
    // Whoever is asked for main memory waits.
    match elsewhere(request) {
        Some(wanted) if !request.stream.is_no_sync() => check_at_home(object, wanted),
        _ => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn check_at_home(object: Object<'_>, wanted: Device) -> Result<(), Raised> {
    let home = protocol::device_of(object)?.unwrap_or(wanted);
    if home == wanted || !(has_streams(home) || has_streams(wanted)) {
        return Ok(());
    }
    let text = "since its library does not wait for a copy from another device";
    Err(raise(
        object.attached(),
        Class::Buffer,
        format_args!("expected a tensor on {wanted}, {text}, found one on {home}: copy it before"),
    ))
}

/// Puts a tensor in order that PyTorch or Paddle has given.
///
/// They have the stream wait for what is queued when they are asked, and queue a copy only then. If no stream is named, PyTorch has none
/// wait, although the standard means the default stream; Paddle's documentation says the same of Paddle. So the object is asked for the
/// original once more, for the stream's sake.
///
/// # Errors
///
/// What the object raises, and `BufferError` for a tensor that is not on its device any more.
fn in_order(
    object: Object<'_>,
    request: &Request,
    strict: bool,
    tensor: AnyManagedTensor,
) -> Result<AnyManagedTensor, Raised> {
    let is_told = request.stream.handle().is_some()
        && request.copy != CopyPolicy::ALWAYS
        && request.wanted_device().is_none();
    if is_told || request.stream.is_no_sync() || !has_streams(tensor.device()) {
        return Ok(tensor);
    }
    match tell(object, request, strict, tensor.device()) {
        Ok(()) => Ok(tensor),
        Err(raised) => Err(raised.after_dropping(object.attached(), tensor)),
    }
}

/// Tells the stream to an object that has given a tensor on this device.
#[cold]
fn tell(object: Object<'_>, request: &Request, strict: bool, device: Device) -> Result<(), Raised> {
    let any = Request::new();
    let original = Request { copy: any.copy, device: any.device, ..*request };
    let original = original.stream(request.stream.on(device.device_type));
    let original = protocol::ask(object, &original, strict, Ok, Err)?;
    let is_there = any.device(device).check(&original);
    drop(original);
    is_there.map_err(|error| raise_error(object.attached(), error))
}

/// Returns `true` for a device on whose streams PyTorch and Paddle queue their work. Pinned memory is the processor's there.
fn has_streams(device: Device) -> bool {
    matches!(device.device_type, DeviceType::CUDA | DeviceType::ROCM)
}

fn call<'a>(object: Object<'a>, method: &Name) -> Result<Owned<'a>, Raised> {
    let method = object.attr(method)?;
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    unsafe { Owned::or_raised(call_no_args(method.as_ptr())) }
}

/// Returns `true` if the answer about the negative bit is `True`. For an object that cannot be asked, as may be where a class changes what
/// PyTorch does, PyTorch itself answers.
fn answers_yes(object: Object<'_>, answer: Result<Owned<'_>, Raised>) -> Result<bool, Raised> {
    match answer {
        Ok(answer) => Ok(is_true(answer.borrow())),
        Err(raised) => raised.forget().and_then(|()| is_negated(object)),
    }
}
