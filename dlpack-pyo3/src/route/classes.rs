//! Questions about classes.

use core::ptr::NonNull;

use super::attribute::value_of;
use crate::raw::{Name, Object, Owned, Raised, Tuple, ffi, names, unwind};

/// A class and its bases, in the order in which Python looks attributes up in them.
#[derive(Debug)]
pub(super) struct Classes<'py>(Owned<'py>);

impl<'py> Classes<'py> {
    pub(super) fn of(class: Object<'py>) -> Result<Self, Raised> {
        // A metaclass may have a property of this name, which returns anything. So the one of `type` is called.
        let py = class.attached();
        // SAFETY: the class `type` lives as long as the interpreter, and the thread is attached.
        let root =
            unsafe { Object::new(NonNull::new_unchecked((&raw mut ffi::PyType_Type).cast())) };
        let (members, name) = (root.attr(&names::DICT)?, names::MRO.get(py)?);
        // SAFETY: two live objects on an attached thread; the result is a new reference, or null with an exception set.
        let entry = unsafe { Owned::or_raised(unwind::get_item(members.as_ptr(), name.as_ptr())) }?;
        Ok(Self(value_of(entry.borrow(), class)?.unwrap_or(entry)))
    }

    /// Returns nothing but classes.
    pub(super) fn iter(&self) -> impl Iterator<Item = Object<'_>> {
        let items = Tuple::new(self.0.borrow()).into_iter().flat_map(Tuple::iter);
        // SAFETY: live objects on an attached thread.
        items.filter(|item| unsafe { ffi::PyType_Check(item.as_ptr()) } != 0)
    }
}

/// Returns `true` if the class itself, and not only a base, has an attribute of this name.
pub(super) fn defines(class: Object<'_>, name: &Name) -> Result<bool, Raised> {
    let members = class.attr(&names::DICT)?;
    let name = name.get(class.attached())?;
    // SAFETY: two live objects on an attached thread.
    match unsafe { unwind::sequence_contains(members.as_ptr(), name.as_ptr()) } {
        -1 => Err(Raised::new()),
        found => Ok(found != 0),
    }
}

/// Returns `true` if the class belongs to this package or a module in it.
pub(super) fn is_of(class: Object<'_>, package: &str) -> Result<bool, Raised> {
    let module = class.optional_attr(&names::MODULE)?;
    let module = module.as_ref().and_then(|module| module.borrow().text()).unwrap_or_default();
    Ok(module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Returns `true` if the class has this name.
pub(super) fn is_named(class: Object<'_>, name: &str) -> Result<bool, Raised> {
    Ok(class.attr(&names::NAME)?.borrow().text() == Some(name))
}

/// Returns `true` for a class that lives for ever, as only code in C can make one.
pub(super) fn is_static(class: Object<'_>) -> bool {
    // SAFETY: a live class on an attached thread.
    let flags = unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) };
    flags & ffi::Py_TPFLAGS_HEAPTYPE == 0
}

/// Returns `true` if nobody can change the attributes of the class.
pub(super) fn is_immutable(class: Object<'_>) -> bool {
    // SAFETY: a live class on an attached thread.
    let flags = unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) };
    flags & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0
}
