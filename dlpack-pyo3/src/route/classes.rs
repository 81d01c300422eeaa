//! Questions about classes.

use crate::raw::{Attached, Class, Name, Object, Owned, Raised, Tuple, ffi, names, unwind};

/// A class and its bases, in the order in which Python looks attributes up in them.
#[derive(Debug)]
pub(super) struct Classes<'py>(Owned<'py>);

impl<'py> Classes<'py> {
    pub(super) fn of(class: Object<'py>) -> Result<Self, Raised> {
        class.class_attr(&names::MRO).map(Self)
    }

    /// Returns what the first of the classes that has an entry of this name has there, as objects of the class find it. A
    /// metaclass may answer otherwise for the class itself.
    pub(super) fn entry(&self, name: &Name) -> Result<Option<Owned<'_>>, Raised> {
        for class in self.iter() {
            if defines(class, name)? {
                return class.class_attr(&names::DICT)?.item(name).map(Some);
            }
        }
        Ok(None)
    }

    pub(super) fn attached(&self) -> Attached<'_> {
        self.0.borrow().attached()
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
    let members = class.class_attr(&names::DICT)?;
    let name = name.get(class.attached())?;
    // SAFETY: two live objects on an attached thread.
    match unsafe { unwind::sequence_contains(members.as_ptr(), name.as_ptr()) } {
        -1 => Err(Raised::new()),
        found => Ok(found != 0),
    }
}

/// Returns `true` if the class belongs to this package or a module in it. One that has no `__module__` belongs to none.
pub(super) fn is_of(class: Object<'_>, package: &str) -> Result<bool, Raised> {
    let module = match class.class_attr(&names::MODULE) {
        Err(raised) if raised.is(Class::Attribute) => {
            raised.clear();
            return Ok(false);
        }
        module => module?,
    };
    let module = module.borrow().text().unwrap_or_default();
    Ok(module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Returns `true` if the class has this name.
pub(super) fn is_named(class: Object<'_>, name: &str) -> Result<bool, Raised> {
    Ok(class.class_attr(&names::NAME)?.borrow().text() == Some(name))
}

/// Returns the static class whose objects those of the class are extended from, whatever order of bases a metaclass has made.
pub(super) fn static_base(class: Object<'_>) -> Result<Owned<'_>, Raised> {
    let mut base = class.to_owned();
    while !is_static(base.borrow()) {
        base = base.class_attr(&names::BASE)?;
    }
    Ok(base)
}

/// Returns `true` if the objects of the class are PyTorch's in C. A metaclass may have made an order of bases without PyTorch's classes.
pub(super) fn is_of_torch(class: Object<'_>) -> Result<bool, Raised> {
    is_of(static_base(class)?.borrow(), "torch")
}

/// Returns `true` for an array of NumPy, or of a class that is derived from NumPy's.
pub(crate) fn is_array_of_numpy(object: Object<'_>) -> Result<bool, Raised> {
    let base = static_base(object.class())?;
    Ok(is_named(base.borrow(), "ndarray")? && is_of(base.borrow(), "numpy")?)
}

/// Returns `true` for a class that lives for ever, as only code in C can make one.
pub(super) fn is_static(class: Object<'_>) -> bool {
    // SAFETY: a live object on an attached thread.
    debug_assert_ne!(unsafe { ffi::PyType_Check(class.as_ptr()) }, 0);
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
