//! A string of bounded length that is also a C string, without an allocation.

use core::ffi::{CStr, c_char};
use core::fmt;

/// A string of at most `N - 1` bytes. A longer one is truncated between characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct BoundedStr<const N: usize> {
    /// UTF-8, followed by at least one zero.
    bytes: [u8; N],
}

impl<const N: usize> BoundedStr<N> {
    pub(super) const EMPTY: Self = Self { bytes: [0; N] };

    /// Copies a string, truncated at the first NUL, where a C string ends.
    pub(super) fn new(text: &str) -> Self {
        let mut new = Self::EMPTY;
        new.push(text);
        new
    }

    /// Copies a C string. Invalid UTF-8 becomes the replacement character, and a null pointer the empty string.
    ///
    /// # Safety
    ///
    /// `text` is null, or can be read up to its NUL or for `N` bytes, whichever comes first.
    pub(super) unsafe fn from_c(text: *const c_char) -> Self {
        let mut found = Self::EMPTY;
        if text.is_null() {
            return found;
        }
        let mut bytes = [0; N];
        let mut len = 0;
        for (at, to) in bytes.iter_mut().enumerate() {
            // SAFETY: there was no NUL before `at`, which is less than `N`, so that this byte can be read.
            *to = unsafe { text.cast::<u8>().add(at).read() };
            if *to == 0 {
                break;
            }
            len = at + 1;
        }
        for chunk in bytes[..len].utf8_chunks() {
            found.push(chunk.valid());
            // A character that was cut at the end leaves too little room for this, so that nothing is added.
            if !chunk.invalid().is_empty() {
                found.push("\u{fffd}");
            }
        }
        found
    }

    /// Appends as much as fits, and returns `true` if that is all of it.
    fn push(&mut self, text: &str) -> bool {
        let start = self.as_str().len();
        let mut len = text.find('\0').unwrap_or(text.len()).min(N - 1 - start);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        self.bytes[start..start + len].copy_from_slice(&text.as_bytes()[..len]);
        len == text.len()
    }

    pub(super) fn as_str(&self) -> &str {
        self.as_c_str().to_str().unwrap_or_default()
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for BoundedStr<N> {
    /// Fails if the string is truncated, so that nothing is appended after that.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text) { Ok(()) } else { Err(fmt::Error) }
    }
}

impl<const N: usize> fmt::Debug for BoundedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
