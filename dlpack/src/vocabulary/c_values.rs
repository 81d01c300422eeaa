//! The values of this room as those of the C header, and back.

use super::{DataType, Device, DeviceType, Version};
use crate::sys;

macro_rules! c_values {
    ($($type:ident $c:ident;)*) => {$(
        impl From<sys::$c> for $type {
            fn from(value: sys::$c) -> Self {
                Self::from_sys(value)
            }
        }

        impl From<$type> for sys::$c {
            fn from(value: $type) -> Self {
                value.to_sys()
            }
        }
    )*};
}

c_values! {
    DataType DLDataType;
    Device DLDevice;
    DeviceType DLDeviceType;
    Version DLPackVersion;
}
