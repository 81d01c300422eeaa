//! Tuples that are made.

use super::attached::Attached;
use super::ffi;
use super::object::{Object, Owned};
use super::raise::Raised;

/// Makes a tuple of these items.
pub(crate) fn tuple<'py>(_: Attached<'py>, items: &[Object<'_>]) -> Result<Owned<'py>, Raised> {
    let len = ffi::Py_ssize_t::try_from(items.len()).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: the thread is attached.
    let made = unsafe { ffi::PyTuple_New(len) };
    // SAFETY: a new reference, or null with an exception set.
    let made = unsafe { Owned::or_raised(made) }?;
    for (i, item) in (0..).zip(items) {
        let item = (*item).to_owned().into_ptr();
        // SAFETY: a new tuple that nobody else knows, and one more reference of the item, which is passed on.
        if unsafe { ffi::PyTuple_SetItem(made.as_ptr(), i, item) } != 0 {
            return Err(Raised::new());
        }
    }
    Ok(made)
}
