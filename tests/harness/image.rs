//! The little C image library, which speaks DLPack as any other might.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

use dlpack_sys::DLManagedTensorVersioned;

use crate::ffi;

/// What went wrong, in C's words.
pub type Result<T> = std::result::Result<T, String>;

/// Reads a binary PGM or PPM file as uint8 of height x width x channels. The caller owns the tensor.
pub fn read(path: impl AsRef<Path>) -> Result<*mut DLManagedTensorVersioned> {
    let path = c_path(path.as_ref());
    let mut out = ptr::null_mut();
    // SAFETY: both pointers live through the call.
    let code = unsafe { ffi::ct_image_read(path.as_ptr(), &mut out) };
    if code == 0 { Ok(out) } else { Err(last_error()) }
}

/// Writes float32 with values from 0 to 1, height x width or height x width x channels, as a binary PGM or PPM file.
///
/// # Safety
///
/// The tensor is valid, and nobody else will delete it: C does, even when it fails.
pub unsafe fn write_f32(
    tensor: *mut DLManagedTensorVersioned,
    path: impl AsRef<Path>,
) -> Result<()> {
    let path = c_path(path.as_ref());
    // SAFETY: the caller's promise; `path` lives through the call.
    let code = unsafe { ffi::ct_image_write_f32(tensor, path.as_ptr()) };
    if code == 0 { Ok(()) } else { Err(last_error()) }
}

/// How many images [`read`] made in this process that were not deleted.
pub fn alive() -> u64 {
    ffi::ct_images_alive()
}

fn last_error() -> String {
    // SAFETY: a string of this thread, which changes with its next call only.
    let text = unsafe { CStr::from_ptr(ffi::ct_last_error()) };
    text.to_string_lossy().into_owned()
}

fn c_path(path: &Path) -> CString {
    CString::new(path.to_str().expect("a path in UTF-8")).expect("a path without NUL")
}
