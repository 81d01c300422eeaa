//! Modules that somebody has imported.

use core::ptr::NonNull;

use super::attached::Attached;
use super::ffi;
use super::name::Name;
use super::object::Owned;
use super::raise::Raised;

/// The module, unless nobody has imported it yet.
pub(crate) fn loaded<'py>(py: Attached<'py>, name: &Name) -> Result<Option<Owned<'py>>, Raised> {
    let name = name.get(py)?;
    // SAFETY: the thread is attached; a string.
    match NonNull::new(unsafe { ffi::PyImport_GetModule(name.as_ptr()) }) {
        // SAFETY: a new reference.
        Some(module) => Ok(Some(unsafe { Owned::new(module) })),
        // SAFETY: the thread is attached.
        None if unsafe { ffi::PyErr_Occurred() }.is_null() => Ok(None),
        None => Err(Raised::new()),
    }
}
