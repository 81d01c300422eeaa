//! A request as keyword arguments.

use dlpack::negotiate::{CopyPolicy, Request, Stream};
use dlpack::{Device, DeviceType, Version};

use crate::protocol::{device_of, has_streams, stream_to};
use crate::raw::{Attached, KeywordCall, Object, OnceObject, Owned, Raised, Values};
use crate::raw::{make_bool, make_pair, names};

/// Calls of `__dlpack__`.
pub(super) static DLPACK: KeywordCall =
    KeywordCall::new([&names::MAX_VERSION, &names::STREAM, &names::DL_DEVICE, &names::COPY]);

/// The values of the keywords that are passed.
pub(super) struct Keywords<'py> {
    max_version: Option<MaxVersion<'py>>,
    stream: Option<Owned<'py>>,
    dl_device: Option<Owned<'py>>,
    copy: Option<Owned<'py>>,
}

/// A tuple that was made for the call, or the one that is kept.
enum MaxVersion<'py> {
    Made(Owned<'py>),
    Current(Object<'py>),
}

/// Returns `true` if nothing but the newest version is to be passed.
#[inline]
pub(super) fn is_version_only(request: &Request) -> bool {
    request.max_version == Version::CURRENT && !asks_for_more(request)
}

/// Returns `true` if more than a version is to be passed.
#[inline]
fn asks_for_more(request: &Request) -> bool {
    request.wanted_device().is_some()
        || request.stream != Stream::NONE
        || request.copy != CopyPolicy::IF_NEEDED
}

impl<'py> Keywords<'py> {
    #[cold]
    pub(super) fn of(object: Object<'py>, request: &Request) -> Result<Self, Raised> {
        let py = object.attached();
        let max_version = match request.max_version {
            _ if request.is_legacy() => None,
            Version::CURRENT => Some(MaxVersion::Current(current_version(py)?)),
            other => Some(MaxVersion::Made(make_version(py, other)?)),
        };
        let mut keywords = Self { max_version, stream: None, dl_device: None, copy: None };
        if asks_for_more(request) {
            keywords.add(object, request)?;
        }
        Ok(keywords)
    }

    fn add(&mut self, object: Object<'py>, request: &Request) -> Result<(), Raised> {
        let py = object.attached();
        let wanted = request.wanted_device();
        if let Some(device) = wanted {
            let pair = [device.device_type.code(), device.device_id];
            self.dl_device = Some(make_pair(py, pair)?);
        }
        if request.stream != Stream::NONE {
            let device = match wanted {
                Some(device) => device,
                None => device_of(object)?.unwrap_or(Device::CPU),
            };
            let stream = stream_to(py, request.stream, device)?;
            // The CPU has no work to wait for, and the producers of NumPy and JAX do not accept a stream. -1 means something
            // on the devices of CUDA and ROCm only.
            let is_known = match device.device_type {
                DeviceType::CPU => false,
                other => has_streams(other) || !request.stream.is_no_sync(),
            };
            self.stream = stream.filter(|_| is_known);
        }
        self.copy = match request.copy {
            CopyPolicy::ALWAYS => Some(make_bool(py, true)?),
            CopyPolicy::NEVER => Some(make_bool(py, false)?),
            _ => None,
        };
        Ok(())
    }

    pub(super) fn all(&self) -> Values<'_> {
        let [_, stream, dl_device, copy] = self.without_version();
        let max_version = self.max_version.as_ref().map(|version| match version {
            MaxVersion::Current(value) => *value,
            MaxVersion::Made(value) => value.borrow(),
        });
        [max_version, stream, dl_device, copy]
    }

    /// Returns the values for producers that only know the legacy ABI.
    pub(super) fn without_version(&self) -> Values<'_> {
        let [stream, dl_device, copy] = [&self.stream, &self.dl_device, &self.copy]
            .map(|value| value.as_ref().map(Owned::borrow));
        [None, stream, dl_device, copy]
    }

    /// Returns `true` if a device or a copy policy is passed, without which a producer can be asked.
    pub(super) const fn can_be_fewer(&self) -> bool {
        self.dl_device.is_some() || self.copy.is_some()
    }

    /// Returns the values for producers that do not know `dl_device` and `copy`.
    pub(super) fn fewer(&self) -> Values<'_> {
        let [max_version, stream, _, _] = self.all();
        [max_version, stream, None, None]
    }

    /// Returns the values for producers that know `stream` and nothing else.
    pub(super) fn stream_only(&self) -> Values<'_> {
        let [_, stream, _, _] = self.all();
        [None, stream, None, None]
    }

    pub(super) const fn has_version(&self) -> bool {
        self.max_version.is_some()
    }

    /// Returns the names of the keywords that cannot be left out.
    pub(super) fn required(&self) -> Vec<&'static str> {
        let values =
            [("stream", &self.stream), ("dl_device", &self.dl_device), ("copy", &self.copy)];
        values.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect()
    }
}

/// Returns the tuple of the newest version that is read.
#[inline]
pub(super) fn current_version(py: Attached<'_>) -> Result<Object<'_>, Raised> {
    static CURRENT: OnceObject = OnceObject::new();
    CURRENT.get(py, || make_version(py, Version::CURRENT))
}

fn make_version(py: Attached<'_>, version: Version) -> Result<Owned<'_>, Raised> {
    // No consumer is that far ahead.
    let parts = [version.major, version.minor];
    make_pair(py, parts.map(|part| i32::try_from(part).unwrap_or(i32::MAX)))
}
