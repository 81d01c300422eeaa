//! What a consumer asks for.

use super::copy_policy::CopyPolicy;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::Descriptor;
use crate::vocabulary::{Device, DeviceType, Flags, Version};

/// What a consumer asks a producer for: the newest version it reads, the device, whether to copy, and the stream.
///
/// Plain data, which C can fill in; see the [module](super) for its declaration there. All zeros ask for what a call of
/// Python's `__dlpack__` without arguments does: a legacy tensor on the producer's own device, copied only if needed.
///
/// # Examples
///
/// ```
/// use dlpack::{Device, Version, negotiate::{CopyPolicy, Request}};
///
/// let request = Request::new().device(Device::CPU).copy(CopyPolicy::NEVER);
/// assert_eq!(request.max_version, Version::CURRENT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Request {
    /// The newest version that the consumer reads; with major 0, it reads the legacy ABI only.
    pub max_version: Version,
    /// Where the memory is to be; with device type 0, wherever it is.
    pub device: Device,
    /// Whether to copy.
    pub copy: CopyPolicy,
    /// Where the consumer goes on. It belongs to the device asked for.
    pub stream: Stream,
}

impl Request {
    /// Asks for a tensor in the current ABI, wherever it is, copied only if needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::{Request, Stream};
    ///
    /// assert!(!Request::new().is_legacy());
    /// assert_eq!(Request::new().stream, Stream::NONE);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_version: Version::CURRENT,
            device: Device::new(DeviceType::new(0), 0),
            copy: CopyPolicy::IF_NEEDED,
            stream: Stream::NONE,
        }
    }

    /// Asks for a tensor in the legacy ABI, wherever it is, copied only if needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::Request;
    ///
    /// assert!(Request::legacy().is_legacy());
    /// assert_eq!(Request::legacy().max_version.major, 0);
    /// ```
    #[must_use]
    pub const fn legacy() -> Self {
        Self::new().max_version(Version::new(0, 0))
    }

    /// Says which version is the newest that the consumer reads.
    ///
    /// Producers answer with their own version if the major is the same, whatever the minor, and with their newest if
    /// the consumer is ahead.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Version, negotiate::Request};
    ///
    /// assert_eq!(Request::new().max_version(Version::new(1, 0)).max_version.minor, 0);
    /// ```
    #[must_use]
    pub const fn max_version(self, max_version: Version) -> Self {
        Self { max_version, ..self }
    }

    /// Says where the memory is to be.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, negotiate::Request};
    ///
    /// assert_eq!(Request::new().device(Device::cuda(1)).device, Device::cuda(1));
    /// ```
    #[must_use]
    pub const fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Says whether to copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::{CopyPolicy, Request};
    ///
    /// assert_eq!(Request::new().copy(CopyPolicy::ALWAYS).copy, CopyPolicy::ALWAYS);
    /// ```
    #[must_use]
    pub const fn copy(self, copy: CopyPolicy) -> Self {
        Self { copy, ..self }
    }

    /// Says on which stream the consumer goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::{Request, Stream};
    ///
    /// assert_eq!(Request::new().stream(Stream::NO_SYNC).stream, Stream::NO_SYNC);
    /// ```
    #[must_use]
    pub const fn stream(self, stream: Stream) -> Self {
        Self { stream, ..self }
    }

    /// Whether the consumer reads the legacy ABI only.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Version, negotiate::Request};
    ///
    /// assert!(Request::new().max_version(Version::new(0, 8)).is_legacy());
    /// ```
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        self.max_version.major == 0
    }

    /// The device asked for, if it matters to the consumer.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, negotiate::Request};
    ///
    /// assert_eq!(Request::new().wanted_device(), None);
    /// assert_eq!(Request::new().device(Device::CPU).wanted_device(), Some(Device::CPU));
    /// ```
    #[must_use]
    #[inline]
    pub fn wanted_device(&self) -> Option<Device> {
        (self.device.device_type.code() != 0).then_some(self.device)
    }

    /// Checks a tensor that came as the answer to this request, from whichever producer.
    ///
    /// As much as a consumer can rely on. A legacy tensor may answer a request for a versioned one, since producers in
    /// use know no other. A request for the CPU may be answered with pinned or managed memory. And a copy that was asked
    /// for need not have the flag `IS_COPIED`, which producers in use do not set: whoever has to be alone with the
    /// memory asks the tensor for that, with
    /// [`try_exclusive`](crate::ManagedTensorVersioned::try_exclusive).
    ///
    /// # Errors
    ///
    /// - [`Error::NotLegacy`] for a versioned tensor if the consumer reads the legacy ABI only.
    /// - [`Error::DeviceMismatch`] if the memory is on another device than the one asked for.
    /// - [`Error::Copied`] for a tensor marked as a copy, which was not to be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, Error, Exporter, negotiate::Request};
    ///
    /// let tensor = Exporter::new(vec![1_u8, 2]).build()?;
    /// assert_eq!(Request::new().check(&tensor), Ok(()));
    /// let mismatch = Error::DeviceMismatch { expected: Device::cuda(0), found: Device::CPU };
    /// assert_eq!(Request::new().device(Device::cuda(0)).check(&tensor), Err(mismatch));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn check(&self, tensor: &Descriptor) -> Result<(), Error> {
        if let Some(found) = tensor.version().filter(|_| self.is_legacy()) {
            return Err(Error::NotLegacy { found });
        }
        if let Some(expected) = self.wanted_device() {
            let found = tensor.device();
            if !serves(found, expected) {
                return Err(Error::DeviceMismatch { expected, found });
            }
        }
        if self.copy == CopyPolicy::NEVER && tensor.flags().contains(Flags::IS_COPIED) {
            return Err(Error::Copied);
        }
        Ok(())
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether memory that was asked for on `wanted` may be on `found`.
fn serves(found: Device, wanted: Device) -> bool {
    let for_host = found.is_host_accessible() || found.device_type == DeviceType::CUDA_MANAGED;
    found.canonical() == wanted.canonical() || (wanted.device_type == DeviceType::CPU && for_host)
}
