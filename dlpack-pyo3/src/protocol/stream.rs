//! Streams, as Python writes them.
//!
//! `dlpack` trusts whoever names a stream, since its handle goes to the device's runtime, which follows it. Here Python
//! names the stream by an integer, and is trusted as it is for the pointer in a capsule: the protocol says that
//! the integer means a stream of the device. A program that passes another one breaks the runtime, not a rule of Rust, since
//! no code of this crate follows the handle. An integer that cannot be a stream is refused.

use core::sync::atomic::{AtomicU32, Ordering};

use dlpack::negotiate::Stream;
use dlpack::{Device, Error};

use super::device::is_cuda;
use crate::raw::{
    Attached, Class, Object, Owned, Raised, Tuple, call_no_args, ffi, handle, names, pair, raise,
    raise_error,
};

/// A stream as a thread names it, since each thread has a per-thread stream of CUDA of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedStream {
    pub(crate) stream: Stream,
    pub(crate) thread: u32,
}

impl NamedStream {
    pub(crate) fn by_this_thread(stream: Stream) -> Self {
        Self { stream, thread: this_thread() }
    }

    /// Returns `true` if it is what this thread calls `stream`.
    pub(crate) fn is(self, stream: Stream) -> bool {
        let is_per_thread = stream == Stream::CUDA_PER_THREAD_DEFAULT;
        self.stream == stream && (!is_per_thread || self.thread == this_thread())
    }
}

/// Returns the number of this thread, which no other one has had, unless there were 2³² that asked.
fn this_thread() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    std::thread_local! {
        static NUMBER: u32 = LAST.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// Reads a stream of the device: `None`, -1, a handle, or an object with `__cuda_stream__`.
///
/// # Errors
///
/// `TypeError` for any other object, and `ValueError` for a stream that the device cannot have.
pub(crate) fn stream_from(value: Object<'_>, device: Device) -> Result<Stream, Raised> {
    if value.is_none() {
        return Ok(Stream::NONE);
    }
    let stream = match number(value)? {
        Some(number) => from_number(value.attached(), number, device)?,
        None => from_cuda_stream(value, device)?,
    };
    stream.check(device).map_err(|error| raise_error(value.attached(), error))?;
    Ok(stream)
}

/// Returns the object that names the stream to a producer, or `None` if no stream is to be named.
pub(crate) fn stream_to(
    py: Attached<'_>,
    stream: Stream,
    device: Device,
) -> Result<Option<Owned<'_>>, Raised> {
    stream.check(device).map_err(|error| raise_error(py, error))?;
    // SAFETY: the thread is attached; the result is a new reference, or null with an exception set.
    unsafe {
        match stream.handle() {
            Some(handle) => Owned::or_raised(ffi::PyLong_FromSize_t(handle)).map(Some),
            None if stream.is_no_sync() => Owned::or_raised(ffi::PyLong_FromLong(-1)).map(Some),
            None => Ok(None),
        }
    }
}

/// Reads an integer, or returns `None` for an object that does not convert to one. Refuses `True` and `False`.
fn number(value: Object<'_>) -> Result<Option<i128>, Raised> {
    // SAFETY: a live object on an attached thread.
    unsafe {
        if ffi::PyBool_Check(value.as_ptr()) != 0 {
            return Err(refuse(value));
        }
        if ffi::PyIndex_Check(value.as_ptr()) == 0 {
            return Ok(None);
        }
    }
    handle(value).map(Some)
}

fn from_number(py: Attached<'_>, number: i128, device: Device) -> Result<Stream, Raised> {
    match usize::try_from(number) {
        // SAFETY: the handle is a stream of the device, as Python says; see above.
        Ok(handle) => Ok(unsafe { Stream::from_handle(handle) }),
        Err(_) if number == -1 => Ok(Stream::NO_SYNC),
        Err(_) => Err(raise(
            py,
            Class::Value,
            format_args!(
                "expected a stream of device {device}, found a number that is neither -1 nor an address"
            ),
        )),
    }
}

/// Calls `__cuda_stream__`, which returns a tuple of a version and a handle.
fn from_cuda_stream(value: Object<'_>, device: Device) -> Result<Stream, Raised> {
    let py = value.attached();
    let Some(method) = value.optional_attr(&names::CUDA_STREAM)? else {
        return Err(refuse(value));
    };
    // As `Object::call_method`, which is not called here: a second caller costs each export 130 instructions.
    // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
    let answer = unsafe { Owned::or_raised(call_no_args(method.as_ptr()))? };
    let answer = answer.borrow();
    let read = |[version, handle]: [Object<'_>; 2]| {
        let Some(version) = number(version)? else { return Err(refuse_answer(version)) };
        if version != 0 {
            let text = "expected version 0 of __cuda_stream__";
            return Err(raise(py, Class::Value, format_args!("{text}, found {version}")));
        }
        number(handle)?.ok_or_else(|| refuse_answer(handle))
    };
    if Tuple::new(answer).is_none() {
        return Err(refuse_answer(answer));
    }
    let handle = pair(answer, read, || refuse_answer(answer))?;
    if !is_cuda(device.device_type) {
        return Err(raise(
            py,
            Class::Value,
            format_args!("expected a stream of device {device}, found one of CUDA"),
        ));
    }
    match from_number(py, handle, device)? {
        // Here the handle is a `cudaStream_t`, and null is the default stream.
        stream if stream.handle() == Some(0) => Ok(Stream::CUDA_LEGACY_DEFAULT),
        stream if stream.is_no_sync() => {
            Err(raise_error(py, Error::InvalidStream { device, stream: usize::MAX }))
        }
        stream => Ok(stream),
    }
}

#[cold]
fn refuse(value: Object<'_>) -> Raised {
    let text = "expected a stream as None, an int or an object with __cuda_stream__";
    let found = value.class_name();
    raise(value.attached(), Class::Type, format_args!("{text}, found {found}"))
}

#[cold]
fn refuse_answer(value: Object<'_>) -> Raised {
    let text = "expected a version and a handle from __cuda_stream__";
    let found = value.class_name();
    raise(value.attached(), Class::Type, format_args!("{text}, found {found}"))
}
