//! The request of a consumer.

use super::copy_policy::CopyPolicy;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::Descriptor;
use crate::vocabulary::{Device, DeviceType, Flags, Version};

/// A consumer's request to a producer: the newest version it reads, the device, the copy policy, and the stream.
///
/// This is plain data that C can fill in; the [module](super) shows its declaration in C. A request of all zeros means the
/// same as a call of Python's `__dlpack__` without arguments: a legacy tensor on the producer's own device, copied only if
/// needed.
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
    /// The device that the tensor must be on; with device type 0, any.
    pub device: Device,
    /// The copy policy.
    pub copy: CopyPolicy,
    /// The stream on which the consumer will use the tensor. It belongs to the requested device.
    pub stream: Stream,
}

impl Request {
    /// Creates a request for a versioned tensor on any device, copied only if needed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_version: Version::CURRENT,
            device: Device::new(DeviceType::new(0), 0),
            copy: CopyPolicy::IF_NEEDED,
            stream: Stream::NONE,
        }
    }

    /// Creates a request for a legacy tensor on any device, copied only if needed.
    #[must_use]
    pub const fn legacy() -> Self {
        Self::new().max_version(Version::new(0, 0))
    }

    /// Sets the newest version that the consumer reads.
    ///
    /// A producer answers with its own minor version of that major version, or with its newest version if that is older.
    #[must_use]
    pub const fn max_version(self, max_version: Version) -> Self {
        Self { max_version, ..self }
    }

    /// Sets the device that the tensor must be on.
    #[must_use]
    pub const fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Sets the copy policy.
    #[must_use]
    pub const fn copy(self, copy: CopyPolicy) -> Self {
        Self { copy, ..self }
    }

    /// Sets the stream on which the consumer will use the tensor.
    #[must_use]
    pub const fn stream(self, stream: Stream) -> Self {
        Self { stream, ..self }
    }

    /// Returns `true` if the consumer reads the legacy ABI only.
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        self.max_version.major == 0
    }

    /// Returns the requested device, or `None` if any device will do.
    #[must_use]
    #[inline]
    pub fn wanted_device(&self) -> Option<Device> {
        (self.device.device_type.code() != 0).then_some(self.device)
    }

    /// Checks that a tensor answers this request.
    ///
    /// The check is as lenient as real producers need:
    ///
    /// - A legacy tensor may answer a request for a versioned one.
    /// - Pinned or managed memory may answer a request for the CPU.
    /// - A requested copy need not have the flag `IS_COPIED`. A consumer that needs exclusive access asks the tensor, with
    ///   [`try_exclusive`](crate::ManagedTensorVersioned::try_exclusive).
    ///
    /// # Errors
    ///
    /// - [`Error::NotLegacy`] for a versioned tensor if the consumer reads the legacy ABI only.
    /// - [`Error::DeviceMismatch`] if the tensor is on another device than the requested one.
    /// - [`Error::Copied`] if the tensor is marked as a copy, and the request forbids one.
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

/// Returns `true` if memory on `found` answers a request for `wanted`.
fn serves(found: Device, wanted: Device) -> bool {
    let for_host = found.is_host_accessible() || found.device_type == DeviceType::CUDA_MANAGED;
    found.canonical() == wanted.canonical() || (wanted.device_type == DeviceType::CPU && for_host)
}
