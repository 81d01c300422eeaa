//! A request in Python's words.

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{Device, DeviceType, Version};

use super::device::device_of;
use crate::protocol::stream_to;
use crate::raw::{Attached, Keywords, Object, Once, Owned, Raised, Values};
use crate::raw::{integer, names, truth, tuple};

/// The keywords of `__dlpack__`.
pub(super) static ASK: Keywords =
    Keywords::new([&names::MAX_VERSION, &names::STREAM, &names::DL_DEVICE, &names::COPY]);

/// What the keywords say.
pub(super) struct Words<'py> {
    max_version: Option<Said<'py>>,
    stream: Option<Owned<'py>>,
    dl_device: Option<Owned<'py>>,
    copy: Option<Owned<'py>>,
}

/// A value that is made for the call, or kept for all calls.
enum Said<'py> {
    Made(Owned<'py>),
    Kept(Object<'py>),
}

/// Whether nothing but the version is to be said, and that is the newest.
#[inline]
pub(super) fn is_ordinary(request: &Request) -> bool {
    request.max_version == Version::CURRENT && !says_more(request)
}

/// Whether more than the version is to be said.
#[inline]
fn says_more(request: &Request) -> bool {
    request.wanted_device().is_some()
        || request.stream != Stream::NONE
        || request.copy != CopyPolicy::IF_NEEDED
}

impl<'py> Words<'py> {
    #[cold]
    pub(super) fn of(object: Object<'py>, request: &Request) -> Result<Self, Raised> {
        let py = object.attached();
        let max_version = match request.max_version {
            _ if request.is_legacy() => None,
            Version::CURRENT => Some(Said::Kept(current(py)?)),
            other => Some(Said::Made(version(py, other)?)),
        };
        let mut words = Self { max_version, stream: None, dl_device: None, copy: None };
        if says_more(request) {
            words.say_more(object, request)?;
        }
        Ok(words)
    }

    /// What is rarely asked for.
    fn say_more(&mut self, object: Object<'py>, request: &Request) -> Result<(), Raised> {
        let py = object.attached();
        let wanted = request.wanted_device();
        if let Some(device) = wanted {
            let kind = integer(py, device.device_type.code())?;
            let id = integer(py, device.device_id)?;
            self.dl_device = Some(tuple(py, &[kind.borrow(), id.borrow()])?);
        }
        if request.stream != Stream::NONE {
            let device = match wanted {
                Some(device) => device,
                None => device_of(object)?.unwrap_or(Device::CPU),
            };
            let stream = stream_to(py, request.stream, device)?;
            // The CPU has no work to wait for, and NumPy and JAX do not take the word.
            self.stream = stream.filter(|_| device.device_type != DeviceType::CPU);
        }
        self.copy = match request.copy {
            CopyPolicy::ALWAYS => Some(truth(py, true)?),
            CopyPolicy::NEVER => Some(truth(py, false)?),
            _ => None,
        };
        Ok(())
    }

    /// All that was asked for.
    pub(super) fn all(&self) -> Values<'_> {
        let max_version = match &self.max_version {
            None => None,
            Some(Said::Kept(value)) => Some(*value),
            Some(Said::Made(value)) => Some(value.borrow()),
        };
        let [_, rest @ ..] = self.without_version();
        let [stream, dl_device, copy] = rest;
        [max_version, stream, dl_device, copy]
    }

    /// The same for producers that know the legacy ABI only.
    pub(super) fn without_version(&self) -> Values<'_> {
        let [stream, dl_device, copy] = [&self.stream, &self.dl_device, &self.copy]
            .map(|value| value.as_ref().map(Owned::borrow));
        [None, stream, dl_device, copy]
    }

    pub(super) const fn has_version(&self) -> bool {
        self.max_version.is_some()
    }

    /// The names of the keywords that cannot be left out.
    pub(super) fn said(&self) -> Vec<&'static str> {
        let words =
            [("stream", &self.stream), ("dl_device", &self.dl_device), ("copy", &self.copy)];
        words.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect()
    }
}

/// The newest version that is read.
#[inline]
pub(super) fn current(py: Attached<'_>) -> Result<Object<'_>, Raised> {
    static CURRENT: Once = Once::new();
    CURRENT.get(py, || version(py, Version::CURRENT))
}

fn version(py: Attached<'_>, version: Version) -> Result<Owned<'_>, Raised> {
    // No consumer is that far ahead.
    let [major, minor] =
        [version.major, version.minor].map(|part| i32::try_from(part).unwrap_or(i32::MAX));
    let (major, minor) = (integer(py, major)?, integer(py, minor)?);
    tuple(py, &[major.borrow(), minor.borrow()])
}
