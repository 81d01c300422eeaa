//! The `Debug` of the types in this room, and the number reader that they share.

use core::str::FromStr;

use super::{DataType, DataTypeCode, Device, DeviceType, Flags, Version};

/// Types whose `Debug` is their name around their `Display`.
macro_rules! named {
    ($($type:ident)*) => {$(
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }
    )*};
}
pub(super) use named;

named! { DataType DataTypeCode Device DeviceType Flags Version }

/// Reads a whole decimal number in the one spelling that `Display` gives it: no plus sign, no leading zero.
pub(super) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => text.len() == 1,
        [b'0', ..] => false,
        all => all.iter().all(u8::is_ascii_digit),
    };
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn one_spelling_per_number() {
        assert_eq!(decimal::<i32>("0"), Some(0));
        assert_eq!(decimal::<i32>("-2147483648"), Some(i32::MIN));
        assert_eq!(decimal::<u32>("4294967295"), Some(u32::MAX));
        for wrong in
            ["", "-", "+1", "01", "00", "-0", "-01", "1 ", " 1", "1_0", "٣", "--1", "2147483648"]
        {
            assert_eq!(decimal::<i32>(wrong), None, "{wrong:?}");
        }
        assert_eq!(decimal::<u8>("-1"), None);
    }
}
