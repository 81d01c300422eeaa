//! Modules that have been imported.

use core::ptr::NonNull;

use super::attached::Attached;
use super::ffi;
use super::name::Name;
use super::object::{Object, Owned};
use super::raise::Raised;
use super::unwind;

/// Returns the module, or `None` if nobody has imported it yet.
pub(crate) fn loaded<'py>(py: Attached<'py>, name: &Name) -> Result<Option<Owned<'py>>, Raised> {
    get(py, name.get(py)?)
}

/// As [`loaded`], of a name that is not known beforehand.
pub(crate) fn loaded_by_text<'py>(
    py: Attached<'py>,
    name: &str,
) -> Result<Option<Owned<'py>>, Raised> {
    let len = ffi::Py_ssize_t::try_from(name.len()).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: the thread is attached, and the text has this length. The result is a new reference, or null with an exception
    // set.
    let name =
        unsafe { Owned::or_raised(ffi::PyUnicode_FromStringAndSize(name.as_ptr().cast(), len)) }?;
    get(py, name.borrow())
}

fn get<'py>(py: Attached<'py>, name: Object<'_>) -> Result<Option<Owned<'py>>, Raised> {
    // SAFETY: the thread is attached, and the name is a string. The result is a new reference or null.
    match unsafe { NonNull::new(unwind::get_module(name.as_ptr())).map(|m| Owned::new(m)) } {
        None if Raised::is_set(py) => Err(Raised::new()),
        module => Ok(module),
    }
}
