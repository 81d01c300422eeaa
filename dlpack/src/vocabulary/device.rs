//! One device: its kind, and which of that kind.

use core::fmt;
use core::str::FromStr;

use super::device_type::{DeviceType, device_types};
use super::parse::{ParseError, decimal};
use crate::sys;

/// Where the memory of a tensor is, such as `cpu` or `cuda:0`.
///
/// Written as the type and the number with a colon between, but for the device that everybody means by `cpu`. Reading
/// takes the type alone as number 0.
///
/// # Examples
///
/// ```
/// use dlpack::Device;
///
/// assert_eq!(Device::CPU.to_string(), "cpu");
/// assert_eq!("cuda:1".parse::<Device>()?, Device::cuda(1));
/// assert_eq!("cuda".parse::<Device>()?, Device::cuda(0));
/// # Ok::<(), dlpack::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Device {
    /// The kind of device.
    pub device_type: DeviceType,
    /// Which device of that kind, in the producer's numbering. Some producers number processors too, so an import may
    /// bring `cpu:7` or `cpu:-1`.
    pub device_id: i32,
}

/// What the documentation of a constructor says, and the number that it gives the device.
macro_rules! number {
    (@doc $text:literal) => {
        concat!("Returns the `", $text, "` device, whose number the standard fixes at 0.")
    };
    (@doc $text:literal $id:ident) => {
        concat!("Returns the `", $text, "` device with this number.")
    };
    (@id) => {
        0
    };
    (@id $id:ident) => {
        $id
    };
}

macro_rules! constructors {
    ($(
        #[doc = $doc:literal]
        $name:ident $function:ident($($id:ident)?) = $code:literal, $text:literal, $memory:ident;
    )*) => {
        /// # Devices with a name
        impl Device {$(
            #[doc = number!(@doc $text $($id)?)]
            #[must_use]
            pub const fn $function($($id: i32)?) -> Self {
                Self::new(DeviceType::$name, number!(@id $($id)?))
            }
        )*}
    };
}

device_types!(constructors);

impl Device {
    /// Main memory: type `cpu`, number 0.
    pub const CPU: Self = Self::new(DeviceType::CPU, 0);

    /// Puts a device together from its kind and its number.
    #[must_use]
    pub const fn new(device_type: DeviceType, device_id: i32) -> Self {
        Self { device_type, device_id }
    }

    /// Returns whether the processor may read the memory: as for [`DeviceType::is_host_accessible`], whatever the number.
    #[must_use]
    #[inline]
    pub const fn is_host_accessible(self) -> bool {
        self.device_type.is_host_accessible()
    }

    /// Returns whether `data` is a handle rather than an address: as for [`DeviceType::is_handle`].
    #[must_use]
    #[inline]
    pub const fn is_handle(self) -> bool {
        self.device_type.is_handle()
    }

    /// Returns the device as the standard writes it: number 0 where it [fixes](DeviceType::is_unnumbered) the number.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, DeviceType};
    ///
    /// assert_eq!(Device::new(DeviceType::CPU, 7).canonical(), Device::CPU);
    /// assert_eq!(Device::cuda(1).canonical(), Device::cuda(1));
    /// ```
    #[must_use]
    #[inline]
    pub const fn canonical(self) -> Self {
        if self.device_type.is_unnumbered() { Self::new(self.device_type, 0) } else { self }
    }

    pub(crate) const fn from_sys(device: sys::DLDevice) -> Self {
        Self::new(DeviceType::new(device.device_type.0), device.device_id)
    }

    pub(crate) const fn to_sys(self) -> sys::DLDevice {
        sys::DLDevice {
            device_type: sys::DLDeviceType(self.device_type.code()),
            device_id: self.device_id,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::CPU {
            fmt::Display::fmt(&self.device_type, f)
        } else {
            write!(f, "{}:{}", self.device_type, self.device_id)
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}

impl FromStr for Device {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (device_type, device_id) = match text.split_once(':') {
            Some((device_type, device_id)) => (device_type, decimal(device_id)),
            None => (text, Some(0)),
        };
        match (device_type.parse(), device_id) {
            (Ok(device_type), Some(device_id)) => Ok(Self { device_type, device_id }),
            _ => Err(ParseError::DEVICE),
        }
    }
}

impl From<sys::DLDevice> for Device {
    fn from(device: sys::DLDevice) -> Self {
        Self::from_sys(device)
    }
}

impl From<Device> for sys::DLDevice {
    fn from(device: Device) -> Self {
        device.to_sys()
    }
}
