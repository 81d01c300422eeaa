//! An attribute that all objects of a class have, found once.

use core::ffi::c_void;
use core::mem;
use core::ptr::NonNull;

use crate::raw::{Name, Object, Owned, Raised, Reference, ffi};

/// A property or a method in a class.
#[derive(Debug)]
pub(super) struct Attribute {
    /// # Invariants
    ///
    /// Kept alive by the class in which it was found, and by this.
    descriptor: Reference,
    get: Get,
}

/// How a descriptor is asked.
#[derive(Clone, Copy, Debug)]
enum Get {
    /// By the slot of its class.
    Slot(ffi::descrgetfunc),
    /// By the function that the slot of properties written in C calls, after it has looked at the object's class. Here
    /// the class was looked at, once.
    #[cfg(not(Py_LIMITED_API))]
    Property(ffi::getter, *mut c_void),
}

// SAFETY: a function, and what it is to be called with on attached threads.
unsafe impl Send for Get {}
// SAFETY: the same.
unsafe impl Sync for Get {}

impl Attribute {
    /// `None` if the class has none, or a plain value.
    pub(super) fn of(class: Object<'_>, name: &Name) -> Result<Option<Self>, Raised> {
        let Some(descriptor) = class.optional_attr(name)? else { return Ok(None) };
        let get = property(class, descriptor.borrow()).or_else(|| slot(descriptor.borrow()));
        Ok(get.map(|get| Self { descriptor: Reference::new(descriptor), get }))
    }

    /// What the attribute is for an object of the class.
    #[inline]
    pub(super) fn get<'a>(&self, object: Object<'a>) -> Result<Owned<'a>, Raised> {
        let value = match self.get {
            Get::Slot(get) => {
                let descriptor = self.descriptor.get(object.attached());
                let class = object.class();
                // SAFETY: the slot of the descriptor's class, with an object of the class that the descriptor was found in.
                unsafe { get(descriptor.as_ptr(), object.as_ptr(), class.as_ptr()) }
            }
            #[cfg(not(Py_LIMITED_API))]
            // SAFETY: the function of the descriptor, with an object of the class that the descriptor was found in.
            Get::Property(get, closure) => unsafe { get(object.as_ptr(), closure) },
        };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(value) }
    }

    /// Whether getting it is but a function in C, which libraries make short.
    #[inline]
    pub(super) const fn is_native(&self) -> bool {
        match self.get {
            Get::Slot(_) => false,
            #[cfg(not(Py_LIMITED_API))]
            Get::Property(..) => true,
        }
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

fn slot(descriptor: Object<'_>) -> Option<Get> {
    let class = descriptor.class().as_ptr().cast();
    // SAFETY: a class, of which there is such a slot.
    let get = NonNull::new(unsafe { ffi::PyType_GetSlot(class, ffi::Py_tp_descr_get) })?;
    // SAFETY: a function of this type, since it is in that slot.
    Some(Get::Slot(unsafe { mem::transmute::<NonNull<c_void>, ffi::descrgetfunc>(get) }))
}

/// `None` also for a property of another class, which Python code can put anywhere.
#[cfg(not(Py_LIMITED_API))]
fn property(class: Object<'_>, descriptor: Object<'_>) -> Option<Get> {
    if descriptor.class().as_ptr() != (&raw mut ffi::PyGetSetDescr_Type).cast() {
        return None;
    }
    let descriptor = descriptor.as_ptr().cast::<ffi::PyGetSetDescrObject>();
    // SAFETY: a descriptor of this class.
    let owner = unsafe { &raw const (*descriptor).d_common.d_type };
    // SAFETY: the same.
    let owner = unsafe { owner.read() };
    // SAFETY: two classes.
    if unsafe { ffi::PyType_IsSubtype(class.as_ptr().cast(), owner) } == 0 {
        return None;
    }
    // SAFETY: a descriptor of this class.
    let property = unsafe { &raw const (*descriptor).d_getset };
    // SAFETY: the same. What it points to lives as long as the descriptor.
    let property = unsafe { property.read() };
    // SAFETY: the same.
    let ffi::PyGetSetDef { get, closure, .. } = unsafe { property.read() };
    Some(Get::Property(get?, closure))
}

#[cfg(Py_LIMITED_API)]
const fn property(_: Object<'_>, _: Object<'_>) -> Option<Get> {
    None
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
