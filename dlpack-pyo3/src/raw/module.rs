//! Modules that have been imported.

use core::ptr::NonNull;

use super::attached::Attached;
use super::ffi;
use super::name::Name;
use super::object::Owned;
use super::raise::Raised;

/// Returns the module, or `None` if nobody has imported it yet.
pub(crate) fn loaded<'py>(py: Attached<'py>, name: &Name) -> Result<Option<Owned<'py>>, Raised> {
    let name = name.get(py)?;
    // SAFETY: the thread is attached, and the name is a string. The result is a new reference or null.
    match unsafe { NonNull::new(ffi::PyImport_GetModule(name.as_ptr())).map(|m| Owned::new(m)) } {
        None if Raised::is_set(py) => Err(Raised::new()),
        module => Ok(module),
    }
}
