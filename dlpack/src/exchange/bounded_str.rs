//! A short text that is a C string, too, and needs no heap.

use core::ffi::{CStr, c_char};
use core::fmt;

/// At most `N - 1` bytes of text; what does not fit is cut off, between characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<const N: usize> {
    /// UTF-8, then zeros, of which there is at least one.
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    pub(super) const EMPTY: Self = Self { bytes: [0; N] };

    /// Cut at the first NUL, too, since a C string ends there.
    pub(super) fn new(text: &str) -> Self {
        let mut new = Self::EMPTY;
        new.push(text);
        new
    }

    /// Copies a C string; what is no UTF-8 becomes the replacement character, and a null pointer nothing.
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
            // SAFETY: the caller's promise: no NUL has come yet.
            let from = unsafe { text.cast::<u8>().add(at) };
            // SAFETY: the same.
            *to = unsafe { from.read() };
            if *to == 0 {
                break;
            }
            len = at + 1;
        }
        for chunk in bytes[..len].utf8_chunks() {
            found.push(chunk.valid());
            // Where the text was cut within a character, there is no room for this either.
            if !chunk.invalid().is_empty() {
                found.push("\u{fffd}");
            }
        }
        found
    }

    /// Says whether all of it went in.
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

impl<const N: usize> fmt::Write for Text<N> {
    /// Fails when the text is full, so that nothing is written behind what was cut.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text) { Ok(()) } else { Err(fmt::Error) }
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
