//! Asking an object for its device.

use core::ptr::NonNull;

use dlpack::{Device, DeviceType};

use crate::raw::{Kind, Object, Owned, Raised, call_no_args, ffi, index, names, raise};

/// Calls `__dlpack_device__`, if the object has that.
///
/// The type of the device may be a number or an enumeration; a device that is not numbered is number 0.
///
/// # Errors
///
/// What the producer raises, and `TypeError` for another answer.
#[cold]
pub(crate) fn device_of(object: Object<'_>) -> Result<Option<Device>, Raised> {
    let Some(method) = object.optional_attr(&names::DLPACK_DEVICE)? else { return Ok(None) };
    // SAFETY: an object on an attached thread. If it cannot be called, an exception is set.
    let answer = unsafe { call_no_args(method.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    let answer = unsafe { Owned::or_raised(answer) }?;
    let Some([kind, id]) = pair(answer.borrow()) else { return Err(refuse(answer.borrow())) };
    let kind = number(kind.borrow())?;
    let id = if id.borrow().is_none() { 0 } else { number(id.borrow())? };
    Ok(Some(Device::new(DeviceType::new(kind), id)))
}

/// The items of a pair: a tuple, or a list.
fn pair(answer: Object<'_>) -> Option<[Owned<'_>; 2]> {
    // SAFETY: an object on an attached thread.
    let is_list = unsafe { ffi::PyList_Check(answer.as_ptr()) } != 0;
    let tuple = if is_list {
        // SAFETY: a list on an attached thread.
        let tuple = unsafe { ffi::PyList_AsTuple(answer.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(tuple) }.map_err(Raised::clear).ok()?
    } else {
        answer.to_owned()
    };
    // SAFETY: an object on an attached thread.
    let is_tuple = unsafe { ffi::PyTuple_Check(tuple.as_ptr()) } != 0;
    // SAFETY: a tuple on an attached thread.
    if !is_tuple || unsafe { ffi::PyTuple_Size(tuple.as_ptr()) } != 2 {
        return None;
    }
    let item = |i| {
        // SAFETY: a tuple that has this item.
        let item = unsafe { ffi::PyTuple_GetItem(tuple.as_ptr(), i) };
        // SAFETY: the tuple keeps it, until there is one more reference.
        NonNull::new(item).map(|item| unsafe { Object::new(item) }.to_owned())
    };
    Some([item(0)?, item(1)?])
}

fn number(value: Object<'_>) -> Result<i32, Raised> {
    let number = match index(value) {
        // SAFETY: of the exceptions that live as long as the interpreter.
        Err(raised) if raised.is(unsafe { ffi::PyExc_TypeError }) => {
            raised.clear();
            match value.optional_attr(&names::VALUE)? {
                Some(inner) => index(inner.borrow())?,
                None => return Err(refuse(value)),
            }
        }
        number => number?,
    };
    i32::try_from(number).map_err(|_| {
        raise(
            value.attached(),
            Kind::Value,
            format_args!("expected a device, found one with the number {number}"),
        )
    })
}

#[cold]
fn refuse(found: Object<'_>) -> Raised {
    let name = found.class_name();
    raise(
        found.attached(),
        Kind::Type,
        format_args!("expected two integers from __dlpack_device__, found {name}"),
    )
}
