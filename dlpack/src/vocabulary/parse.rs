//! The one error of every `FromStr` in this room, and the number reader that the parsers share.

use core::str::FromStr;

/// A text that does not spell the value it was read as.
///
/// Says what was expected; it borrows and copies nothing of the text, so it is [`Copy`] and needs no allocator.
///
/// # Examples
///
/// ```
/// let error = "float".parse::<dlpack::DataType>().unwrap_err();
/// assert_eq!(error.to_string(), "expected a dtype such as float32");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
pub struct ParseError {
    expected: &'static str,
}

impl ParseError {
    pub(super) const DATA_TYPE: Self = Self { expected: "a dtype such as float32" };
    pub(super) const DEVICE: Self = Self { expected: "a device such as cuda:0" };
    pub(super) const DEVICE_TYPE: Self = Self { expected: "a device type such as cuda" };
    pub(super) const FLAGS: Self = Self { expected: "flags such as READ_ONLY | 0x100" };
    pub(super) const VERSION: Self = Self { expected: "a version such as 1.3" };
}

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
