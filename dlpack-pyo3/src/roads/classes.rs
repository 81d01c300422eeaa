//! What the classes of an object say.

use core::ptr::NonNull;

use crate::raw::{Name, Object, Owned, Raised, ffi, names};

/// The class and those it is derived from, as Python looks attributes up in them.
#[derive(Debug)]
pub(super) struct Classes<'py>(Owned<'py>);

impl<'py> Classes<'py> {
    pub(super) fn of(class: Object<'py>) -> Result<Self, Raised> {
        Ok(Self(class.attr(&names::MRO)?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Object<'_>> {
        (0..).map_while(|i| {
            // SAFETY: an object on an attached thread, whose length is looked at next.
            if unsafe { ffi::PyTuple_Check(self.0.as_ptr()) } == 0 {
                return None;
            }
            // SAFETY: a tuple.
            if i >= unsafe { ffi::PyTuple_Size(self.0.as_ptr()) } {
                return None;
            }
            // SAFETY: the tuple has this item.
            let class = NonNull::new(unsafe { ffi::PyTuple_GetItem(self.0.as_ptr(), i) })?;
            // SAFETY: the tuple keeps it.
            Some(unsafe { Object::new(class) })
        })
    }
}

/// Whether the class itself has an attribute of this name.
pub(super) fn defines(class: Object<'_>, name: &Name) -> Result<bool, Raised> {
    let members = class.attr(&names::DICT)?;
    let name = name.get(class.attached())?;
    // SAFETY: two objects on an attached thread.
    match unsafe { ffi::PySequence_Contains(members.as_ptr(), name.as_ptr()) } {
        -1 => Err(Raised::new()),
        found => Ok(found != 0),
    }
}

/// Whether the class is of this package, or of a module in it.
pub(super) fn is_of(class: Object<'_>, package: &str) -> Result<bool, Raised> {
    let module = class.optional_attr(&names::MODULE)?;
    let module = module.as_ref().and_then(|module| module.text()).unwrap_or_default();
    Ok(module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether the class has this name.
pub(super) fn is_named(class: Object<'_>, name: &str) -> Result<bool, Raised> {
    Ok(class.attr(&names::NAME)?.text() == Some(name))
}

/// Whether nobody can give the class other attributes.
pub(super) fn is_immutable(class: Object<'_>) -> bool {
    // SAFETY: a class.
    let flags = unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) };
    flags & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0
}
