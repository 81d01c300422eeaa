//! The arguments of `__dlpack__`, as a producer reads them.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{Device, DeviceType, Version};

use super::device;
use super::stream::stream_from;
use crate::raw::{Attached, Class, Object, Raised, ffi, integer_or_member, pair, raise, unwind};

/// The four arguments; `None` for one that was not passed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arguments<'a> {
    pub(crate) stream: Option<Object<'a>>,
    pub(crate) max_version: Option<Object<'a>>,
    pub(crate) dl_device: Option<Object<'a>>,
    pub(crate) copy: Option<Object<'a>>,
}

impl Arguments<'_> {
    /// Reads the arguments. `own` returns the device of the memory, to which the stream belongs unless another device is
    /// asked for.
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
            request.device = dl_device(py, value)?;
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

/// Takes `None` for an argument that was not passed.
#[inline]
fn given(value: Option<Object<'_>>) -> Option<Object<'_>> {
    value.filter(|value| !value.is_none())
}

/// Reads a version. An integer that is out of range becomes the nearest that is not, which changes neither whether the
/// version is 0 nor whether it is newer than another one.
#[inline]
fn max_version(value: Object<'_>) -> Result<Version, Raised> {
    let clamped =
        |number: i64| u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX });
    let read = |[major, minor]: [Object<'_>; 2]| {
        Ok(Version::new(clamped(integer_or_member(major)?), clamped(integer_or_member(minor)?)))
    };
    pair(value, read, || refuse_pair(value, "max_version"))
}

fn dl_device(py: Attached<'_>, value: Object<'_>) -> Result<Device, Raised> {
    let numbers = device::read_pair(value, || refuse_pair(value, "dl_device"))?;
    let device = device::make(numbers).filter(|device| device.device_type != DeviceType::new(0));
    let [kind, id] = numbers;
    let text = "expected a device";
    device.ok_or_else(|| {
        raise(py, Class::Buffer, format_args!("{text}, found type {kind} and number {id}"))
    })
}

#[cold]
fn refuse_pair(value: Object<'_>, keyword: &str) -> Raised {
    let text = "expected None or a tuple of two numbers for";
    raise(value.attached(), Class::Type, format_args!("{text} {keyword}"))
}

/// Reads a copy policy. As in NumPy, any object is true or false; but a string is refused, since it means something else.
fn copy(value: Object<'_>) -> Result<CopyPolicy, Raised> {
    // SAFETY: a live object on an attached thread.
    let truth = unsafe {
        if ffi::PyUnicode_Check(value.as_ptr()) != 0 {
            let text = "expected True, False or None for copy, found a string";
            return Err(raise(value.attached(), Class::Value, format_args!("{text}")));
        }
        unwind::is_true(value.as_ptr())
    };
    match truth {
        0 => Ok(CopyPolicy::NEVER),
        1 => Ok(CopyPolicy::ALWAYS),
        _ => Err(Raised::new()),
    }
}
