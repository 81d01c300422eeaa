//! Streams, in the words of Python.
//!
//! `dlpack` trusts whoever names a stream: its handle goes to the device's runtime, which follows it. Here Python names
//! it, by a number. That is the same trust as in the pointer of a capsule: the protocol has the number mean a stream of
//! the device, and a program that passes another one breaks the runtime, not a rule of Rust, since no code of this crate
//! follows it. What can be seen to be no stream is refused.

use core::ffi::c_int;

use dlpack::negotiate::Stream;
use dlpack::{Device, DeviceType, Error};

use crate::raw::{
    Attached, Kind, Object, Owned, Raised, call_no_args, ffi, items, names, raise, raise_error,
};

/// Reads a stream of the device: `None`, -1, a number, or an object with `__cuda_stream__`.
///
/// What is none of these is a `TypeError`. What is, but no stream of this device, is a `ValueError`.
pub(crate) fn stream_from(value: Object<'_>, device: Device) -> Result<Stream, Raised> {
    if value.is_none() {
        return Ok(Stream::NONE);
    }
    let stream = match number(value)? {
        Some(number) => from_number(number.borrow(), device)?,
        None => from_pair(value, device)?,
    };
    stream.check(device).map_err(|error| raise_error(value.attached(), error))?;
    Ok(stream)
}

/// What to say to a producer for the stream, unless it is nothing.
pub(crate) fn stream_to(
    py: Attached<'_>,
    stream: Stream,
    device: Device,
) -> Result<Option<Owned<'_>>, Raised> {
    stream.check(device).map_err(|error| raise_error(py, error))?;
    let value = match stream.handle() {
        None if stream.is_no_sync() => {
            // SAFETY: the thread is attached.
            unsafe { ffi::PyLong_FromLong(-1) }
        }
        None => return Ok(None),
        // SAFETY: the thread is attached.
        Some(handle) => unsafe { ffi::PyLong_FromSize_t(handle) },
    };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(value) }.map(Some)
}

/// The value as a Python integer, if it is one or becomes one without loss. A truth value is none.
fn number(value: Object<'_>) -> Result<Option<Owned<'_>>, Raised> {
    // SAFETY: an object on an attached thread.
    if unsafe { ffi::PyBool_Check(value.as_ptr()) } != 0 {
        return Err(refuse(value));
    }
    // SAFETY: an object on an attached thread.
    if unsafe { ffi::PyIndex_Check(value.as_ptr()) } == 0 {
        return Ok(None);
    }
    // SAFETY: an object on an attached thread.
    let number = unsafe { ffi::PyNumber_Index(value.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(number) }.map(Some)
}

fn from_number(number: Object<'_>, device: Device) -> Result<Stream, Raised> {
    let mut overflow: c_int = 0;
    // SAFETY: a Python integer on an attached thread.
    let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &raw mut overflow) };
    if overflow == 0 && small == -1 {
        return Ok(Stream::NO_SYNC);
    }
    let handle = match overflow {
        0 => usize::try_from(small).ok(),
        1 => above(number),
        _ => None,
    };
    let Some(handle) = handle else {
        return Err(raise(
            number.attached(),
            Kind::Value,
            format_args!(
                "expected a stream of device {device}, found a number that is no address and not -1"
            ),
        ));
    };
    // SAFETY: Python's promise; see the module.
    Ok(unsafe { Stream::from_handle(handle) })
}

/// A number of 64 bits of which the first is set.
fn above(number: Object<'_>) -> Option<usize> {
    // SAFETY: a Python integer on an attached thread. What is greater sets an exception.
    let large = unsafe { ffi::PyLong_AsUnsignedLongLong(number.as_ptr()) };
    // SAFETY: the thread is attached.
    if large == u64::MAX && !unsafe { ffi::PyErr_Occurred() }.is_null() {
        Raised::new().clear();
        return None;
    }
    usize::try_from(large).ok()
}

/// Calls `__cuda_stream__`, which gives a version and a handle.
fn from_pair(value: Object<'_>, device: Device) -> Result<Stream, Raised> {
    let py = value.attached();
    let Some(method) = value.optional_attr(&names::CUDA_STREAM)? else {
        return Err(refuse(value));
    };
    // SAFETY: an object on an attached thread. If it cannot be called, an exception is set.
    let pair = unsafe { call_no_args(method.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    let pair = unsafe { Owned::or_raised(pair) }?;
    let mut parts = items(pair.borrow());
    let (Some(version), Some(handle), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(refuse_pair(pair.borrow()));
    };
    let Some(version) = number(version)? else { return Err(refuse_pair(version)) };
    // SAFETY: a Python integer on an attached thread.
    let version = unsafe { ffi::PyLong_AsLong(version.as_ptr()) };
    if version != 0 {
        // A number that is too large.
        // SAFETY: the thread is attached.
        unsafe { ffi::PyErr_Clear() };
        return Err(raise(
            py,
            Kind::Value,
            format_args!("expected version 0 of __cuda_stream__, found {version}"),
        ));
    }
    let Some(handle) = number(handle)? else { return Err(refuse_pair(handle)) };
    if !is_cuda(device.device_type) {
        return Err(raise(
            py,
            Kind::Value,
            format_args!("expected a stream of device {device}, found one of CUDA"),
        ));
    }
    match from_number(handle.borrow(), device)? {
        // Here it is a `cudaStream_t`, of which null is the default one.
        stream if stream.handle() == Some(0) => Ok(Stream::CUDA_LEGACY_DEFAULT),
        stream if stream.is_no_sync() => {
            let error = Error::InvalidStream { device, stream: usize::MAX };
            Err(raise_error(py, error))
        }
        stream => Ok(stream),
    }
}

#[cold]
fn refuse(value: Object<'_>) -> Raised {
    let found = value.class_name();
    raise(
        value.attached(),
        Kind::Type,
        format_args!(
            "expected a stream as None, an int or an object with __cuda_stream__, found {found}"
        ),
    )
}

#[cold]
fn refuse_pair(value: Object<'_>) -> Raised {
    let found = value.class_name();
    raise(
        value.attached(),
        Kind::Type,
        format_args!("expected a version and a handle from __cuda_stream__, found {found}"),
    )
}

const fn is_cuda(device: DeviceType) -> bool {
    matches!(device, DeviceType::CUDA | DeviceType::CUDA_HOST | DeviceType::CUDA_MANAGED)
}
