//! What a consumer asks for with the keywords of `__dlpack__`.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{Device, DeviceType, Version};

use super::stream::stream_from;
use crate::raw::{Attached, Items, Kind, Object, Owned, Raised, ffi, names, raise};

/// The values of the four keywords; `None` for one that was not given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keywords<'a> {
    pub(crate) stream: Option<Object<'a>>,
    pub(crate) max_version: Option<Object<'a>>,
    pub(crate) dl_device: Option<Object<'a>>,
    pub(crate) copy: Option<Object<'a>>,
}

impl Keywords<'_> {
    /// Reads them. `own` is the device of the memory: the stream belongs to it unless another one is asked for.
    #[inline]
    pub(crate) fn request(
        &self,
        py: Attached<'_>,
        own: impl FnOnce() -> Device,
    ) -> Result<Request, Raised> {
        let mut request = Request::legacy();
        if let Some(value) = given(self.max_version) {
            request.max_version = max_version(value)?;
        }
        if let Some(value) = given(self.dl_device) {
            request.device = device(py, value)?;
        }
        if let Some(value) = given(self.copy) {
            request.copy = copy(value)?;
        }
        if let Some(value) = given(self.stream) {
            let device = request.wanted_device().unwrap_or_else(own);
            request.stream = stream_from(value, device)?;
        }
        Ok(request)
    }
}

/// Python's `None` is as good as nothing.
#[inline]
fn given(value: Option<Object<'_>>) -> Option<Object<'_>> {
    value.filter(|value| !value.is_none())
}

/// Of a version only matters whether it is 0 and which of two is newer, so one that does not fit is as far as it goes.
#[inline]
fn max_version(value: Object<'_>) -> Result<Version, Raised> {
    let clamped =
        |number: i64| u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX });
    pair(value, "max_version", |[major, minor]| {
        Ok(Version::new(clamped(integer(major)?), clamped(integer(minor)?)))
    })
}

fn device(py: Attached<'_>, value: Object<'_>) -> Result<Device, Raised> {
    let [device_type, id] = pair(value, "dl_device", |[device_type, id]| {
        // Some libraries say so of devices of which there is one.
        let id = if id.is_none() { 0 } else { integer(id)? };
        Ok([integer(device_type)?, id])
    })?;
    match (i32::try_from(device_type), i32::try_from(id)) {
        (Ok(device_type @ (..=-1 | 1..)), Ok(id)) => {
            Ok(Device::new(DeviceType::new(device_type), id))
        }
        _ => Err(raise(
            py,
            Kind::Buffer,
            format_args!("expected a device, found type {device_type} and number {id}"),
        )),
    }
}

/// Any object is true or false, as NumPy has it; but a string says that somebody means something else.
fn copy(value: Object<'_>) -> Result<CopyPolicy, Raised> {
    // SAFETY: an object on an attached thread.
    if unsafe { ffi::PyUnicode_Check(value.as_ptr()) } != 0 {
        return Err(raise(
            value.attached(),
            Kind::Value,
            format_args!("expected True, False or None for copy, found a string"),
        ));
    }
    // SAFETY: the same.
    match unsafe { ffi::PyObject_IsTrue(value.as_ptr()) } {
        0 => Ok(CopyPolicy::NEVER),
        1 => Ok(CopyPolicy::ALWAYS),
        _ => Err(Raised::new()),
    }
}

/// Reads the two items of a tuple, or of any other sequence.
#[inline]
fn pair<R>(
    value: Object<'_>,
    keyword: &str,
    read: impl FnOnce([Object<'_>; 2]) -> Result<R, Raised>,
) -> Result<R, Raised> {
    if let Some(tuple) = Items::new(value) {
        if let (2, Some(first), Some(second)) = (tuple.len(), tuple.get(0), tuple.get(1)) {
            return read([first, second]);
        }
    }
    let [first, second] = any_pair(value, keyword)?;
    read([first.borrow(), second.borrow()])
}

#[cold]
fn any_pair<'a>(value: Object<'a>, keyword: &str) -> Result<[Owned<'a>; 2], Raised> {
    // SAFETY: an object on an attached thread; so are the others.
    let is_sequence = unsafe { ffi::PySequence_Check(value.as_ptr()) } != 0;
    // SAFETY: the same.
    match if is_sequence { unsafe { ffi::PySequence_Size(value.as_ptr()) } } else { 0 } {
        2 => return Ok([item(value, 0)?, item(value, 1)?]),
        // SAFETY: of the exceptions that live as long as the interpreter.
        -1 if !Raised::new().is(unsafe { ffi::PyExc_TypeError }) => return Err(Raised::new()),
        // That it has no length would say less.
        _ => {}
    }
    Err(raise(
        value.attached(),
        Kind::Type,
        format_args!("expected None or a tuple of two numbers for {keyword}"),
    ))
}

#[inline]
fn item(sequence: Object<'_>, index: isize) -> Result<Owned<'_>, Raised> {
    // SAFETY: a sequence on an attached thread.
    let item = unsafe { ffi::PySequence_GetItem(sequence.as_ptr(), index) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(item) }
}

/// A number, or the value of an enum's member. One that does not fit becomes the nearest that does.
#[inline]
fn integer(value: Object<'_>) -> Result<i64, Raised> {
    match number(value) {
        Ok(number) => Ok(number),
        // SAFETY: of the exceptions that live as long as the interpreter.
        Err(raised) if raised.is(unsafe { ffi::PyExc_TypeError }) => member(value, raised),
        Err(raised) => Err(raised),
    }
}

#[inline]
fn number(value: Object<'_>) -> Result<i64, Raised> {
    let mut overflow = 0;
    // SAFETY: an object on an attached thread, and a place for the direction.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    match (number, overflow) {
        (-1, 1..) => Ok(i64::MAX),
        (-1, ..=-1) => Ok(i64::MIN),
        // SAFETY: the thread is attached.
        (-1, 0) if !unsafe { ffi::PyErr_Occurred() }.is_null() => Err(Raised::new()),
        _ => Ok(number),
    }
}

/// The standard has the type of a device as an `Enum`, which need not be a number.
#[cold]
fn member(value: Object<'_>, no_number: Raised) -> Result<i64, Raised> {
    no_number.clear();
    match value.optional_attr(&names::VALUE)? {
        Some(value) => number(value.borrow()),
        // For the exception.
        None => number(value),
    }
}
