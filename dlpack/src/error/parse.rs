//! `FromStr` for the types of the vocabulary, which know no error themselves.

use core::str::FromStr;

use super::Error;
use crate::vocabulary::{DataType, Device, DeviceType, Flags, Version};

/// Types that are read by their function `read`, and what each expects.
macro_rules! readable {
    ($($type:ident: $expected:literal;)*) => {$(
        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::read(text).ok_or(Error::InvalidText { expected: $expected })
            }
        }
    )*};
}

readable! {
    DataType: "a dtype such as float32";
    Device: "a device such as cuda:0";
    DeviceType: "a device type such as cuda";
    Flags: "flags such as READ_ONLY | 0x100";
    Version: "a version such as 1.3";
}
