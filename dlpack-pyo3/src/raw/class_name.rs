//! How messages name what an object is.

use core::fmt;
use core::ptr;

use super::ffi;
use super::name::names;
use super::object::{Object, Owned};
use super::pending::Pending;

/// Displays the name of an object's type, without its module. Neither sets an exception nor loses one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassName<'a>(Object<'a>);

impl<'a> Object<'a> {
    /// The name of this object's type, for a message.
    pub(crate) fn class_name(self) -> ClassName<'a> {
        ClassName(self)
    }
}

impl ClassName<'_> {
    fn get(&self) -> Option<Owned<'_>> {
        self.0.class().to_owned().attr(&names::NAME).map_err(super::Raised::clear).ok()
    }
}

impl fmt::Display for ClassName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _pending = Pending::take(self.0.attached());
        let Some(name) = self.get() else { return f.write_str("object") };
        let mut len = 0;
        // SAFETY: an object on an attached thread. If it is no string, an exception is set.
        let text = unsafe { ffi::PyUnicode_AsUTF8AndSize(name.as_ptr(), &raw mut len) };
        if text.is_null() {
            // SAFETY: the thread is attached.
            unsafe { ffi::PyErr_Clear() };
            return f.write_str("object");
        }
        let text = ptr::slice_from_raw_parts(text.cast::<u8>(), len.unsigned_abs());
        // SAFETY: as many bytes, which the string keeps.
        let text = unsafe { &*text };
        // SAFETY: Python gives UTF-8 only.
        f.write_str(unsafe { core::str::from_utf8_unchecked(text) })
    }
}
