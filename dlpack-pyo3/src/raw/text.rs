//! Strings of Python.

use core::ptr;

use super::ffi;
use super::object::Object;
use super::raise::Raised;

impl<'a> Object<'a> {
    /// The text of a string, or `None` of other objects and of strings that are no Unicode. Sets no exception.
    pub(crate) fn text(self) -> Option<&'a str> {
        // SAFETY: an object on an attached thread.
        if unsafe { ffi::PyUnicode_Check(self.as_ptr()) } == 0 {
            return None;
        }
        let mut len = 0;
        // SAFETY: a string on an attached thread.
        let text = unsafe { ffi::PyUnicode_AsUTF8AndSize(self.as_ptr(), &raw mut len) };
        if text.is_null() {
            Raised::new().clear();
            return None;
        }
        let text = ptr::slice_from_raw_parts(text.cast::<u8>(), len.unsigned_abs());
        // SAFETY: as many bytes, which the string keeps.
        core::str::from_utf8(unsafe { &*text }).ok()
    }
}
