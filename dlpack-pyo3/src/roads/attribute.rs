//! An attribute that all objects of a class have, found once.

use core::mem;
use core::ptr::NonNull;

use crate::raw::{Name, Object, Owned, Raised, Reference, ffi};

/// A property or a method in a class.
#[derive(Debug)]
pub(super) struct Attribute {
    descriptor: Reference,
    /// The slot of the descriptor's own class.
    get: ffi::descrgetfunc,
}

impl Attribute {
    /// `None` if the class has none, or a plain value.
    pub(super) fn of(class: Object<'_>, name: &Name) -> Result<Option<Self>, Raised> {
        let Some(descriptor) = class.optional_attr(name)? else { return Ok(None) };
        // SAFETY: a class, of which there is such a slot.
        let get = unsafe {
            ffi::PyType_GetSlot(descriptor.class().as_ptr().cast(), ffi::Py_tp_descr_get)
        };
        let Some(get) = NonNull::new(get) else { return Ok(None) };
        // SAFETY: a function of this type, since it is in that slot.
        let get = unsafe { mem::transmute::<NonNull<_>, ffi::descrgetfunc>(get) };
        Ok(Some(Self { descriptor: Reference::new(descriptor), get }))
    }

    /// What the attribute is for an object of the class.
    #[inline]
    pub(super) fn get<'a>(&self, object: Object<'a>) -> Result<Owned<'a>, Raised> {
        let descriptor = self.descriptor.get(object.attached());
        let class = object.class();
        // SAFETY: the slot of the descriptor's class, with an object of the class that the descriptor was found in.
        let value = unsafe { (self.get)(descriptor.as_ptr(), object.as_ptr(), class.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(value) }
    }

    /// The same of a method without arguments, which is called.
    pub(super) fn call<'a>(&self, object: Object<'a>) -> Result<Owned<'a>, Raised> {
        let method = self.get(object)?;
        // SAFETY: an object on an attached thread.
        let value = unsafe { ffi::PyObject_CallNoArgs(method.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(value) }
    }
}

/// Whether this is Python's `False`, and not something that is taken for it.
#[inline]
pub(super) fn is_false(value: Object<'_>) -> bool {
    // SAFETY: an object that lives as long as the interpreter.
    value.as_ptr() == unsafe { ffi::Py_False() }
}

/// Whether this is Python's `True`.
#[inline]
pub(super) fn is_true(value: Object<'_>) -> bool {
    // SAFETY: an object that lives as long as the interpreter.
    value.as_ptr() == unsafe { ffi::Py_True() }
}
