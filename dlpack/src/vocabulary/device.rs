//! One device: its kind, and which of that kind.

use core::fmt;

use super::device_type::{DeviceType, device_types};
use super::parse::decimal;
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
/// # Ok::<(), dlpack::Error>(())
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

macro_rules! constructors {
    ($(
        #[doc = $doc:literal]
        $name:ident $function:ident($($id:ident)?) = $code:literal, $text:literal, $memory:ident;
    )*) => {
        /// # Devices with a name
        ///
        /// Those without an argument have the number 0, at which the standard fixes it.
        impl Device {$(
            #[doc = concat!(
                "Returns the `", $text, "` device", $(" with this `", stringify!($id), "`",)? "."
            )]
            #[must_use]
            pub const fn $function($($id: i32)?) -> Self {
                // The argument, or 0 if there is none.
                let [device_id, ..] = [$($id,)? 0];
                Self::new(DeviceType::$name, device_id)
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
        if self.device_id != 0 && self.device_type.is_unnumbered() {
            Self::new(self.device_type, 0)
        } else {
            self
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (device_type, device_id) = text.split_once(':').unwrap_or((text, "0"));
        Some(Self::new(DeviceType::read(device_type)?, decimal(device_id)?))
    }

    pub(super) const fn from_sys(device: sys::DLDevice) -> Self {
        Self::new(DeviceType::from_sys(device.device_type), device.device_id)
    }

    pub(crate) const fn to_sys(self) -> sys::DLDevice {
        sys::DLDevice { device_type: self.device_type.to_sys(), device_id: self.device_id }
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
