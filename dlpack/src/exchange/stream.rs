//! The stream on which a library queues its work.

use core::ffi::c_void;
use core::ptr;

use crate::vocabulary::Device;

/// The stream that a library works on, and the device it belongs to.
///
/// On a CPU there is none, and the pointer is null. On another device a null pointer is that device's default stream,
/// which is why the pointer means nothing without the device. Nobody here follows it.
///
/// # Examples
///
/// ```
/// use dlpack::{Device, exchange::WorkStream};
///
/// let stream = WorkStream::new(Device::CPU, core::ptr::null_mut());
/// assert_eq!(stream.device(), Device::CPU);
/// assert!(stream.as_raw().is_null());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkStream {
    device: Device,
    raw: *mut c_void,
}

// SAFETY: a stream is an address that is never followed.
unsafe impl Send for WorkStream {}
// SAFETY: the same.
unsafe impl Sync for WorkStream {}

impl WorkStream {
    /// Puts a device and its runtime's handle together, such as a `cudaStream_t`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, exchange::WorkStream};
    ///
    /// let default = WorkStream::new(Device::cuda(1), core::ptr::null_mut());
    /// assert_eq!(default.device(), Device::cuda(1));
    /// ```
    #[must_use]
    pub const fn new(device: Device, raw: *mut c_void) -> Self {
        Self { device, raw }
    }

    /// None: work is done when a function returns.
    pub(super) const fn none(device: Device) -> Self {
        Self::new(device, ptr::null_mut())
    }

    /// Returns the device.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Device, exchange::WorkStream};
    /// let stream = WorkStream::new(Device::cuda(0), core::ptr::null_mut());
    /// assert_eq!(stream.device(), Device::cuda(0));
    /// ```
    #[must_use]
    pub const fn device(self) -> Device {
        self.device
    }

    /// Returns the handle, as the device's runtime knows it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Device, exchange::WorkStream};
    /// let stream = WorkStream::new(Device::cuda(0), core::ptr::null_mut());
    /// assert!(stream.as_raw().is_null());
    /// ```
    #[must_use]
    pub const fn as_raw(self) -> *mut c_void {
        self.raw
    }
}
