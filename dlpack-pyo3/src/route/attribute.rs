//! An attribute of all objects of a class, which is looked up once.

use core::ffi::c_void;
use core::mem;
use core::ptr::NonNull;

use super::classes::{Classes, is_named, is_static};
use crate::raw::unwind::Guard;
use crate::raw::{Name, Object, Owned, Raised, Reference, call_no_args, ffi, names};

/// A property or a method of a class.
#[derive(Debug)]
pub(super) struct Attribute {
    /// # Invariants
    ///
    /// An entry of the class that `of` got, in which `getter` was found.
    descriptor: Reference,
    getter: Getter,
    /// `true` if it is written in C.
    is_in_c: bool,
    /// The C function of a method without arguments. As for a property, the object's class is checked once.
    #[cfg(not(Py_LIMITED_API))]
    method: Option<Method>,
}

/// How a descriptor is called.
#[derive(Clone, Copy, Debug)]
enum Getter {
    /// By the slot of the descriptor's class.
    Slot(SlotGet),
    /// By the C function of a property. The slot of properties calls it, after it has checked the object's class; here the
    /// class was checked once.
    #[cfg(not(Py_LIMITED_API))]
    Property(PropertyGet, *mut c_void),
}

/// `descrgetfunc` of the C API, which may run Python code.
type SlotGet = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *mut ffi::PyObject,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// `getter` of the C API, which may run Python code.
#[cfg(not(Py_LIMITED_API))]
type PropertyGet =
    unsafe extern "C-unwind" fn(*mut ffi::PyObject, *mut c_void) -> *mut ffi::PyObject;

/// `PyCFunction` of the C API, which may run Python code.
#[cfg(not(Py_LIMITED_API))]
type Method =
    unsafe extern "C-unwind" fn(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;

// SAFETY: a function and its argument, which are used on attached threads only.
unsafe impl Send for Getter {}
// SAFETY: as for `Send`.
unsafe impl Sync for Getter {}

impl Attribute {
    /// Returns `None` if the class has no such attribute, or a plain value.
    pub(super) fn of(class: Object<'_>, name: &Name) -> Result<Option<Self>, Raised> {
        let classes = Classes::of(class)?;
        let Some(descriptor) = classes.entry(name)? else { return Ok(None) };
        let is_in_c = is_in_c(descriptor.borrow(), name)?;
        let getter = property(class, descriptor.borrow()).or_else(|| slot(descriptor.borrow()));
        #[cfg(not(Py_LIMITED_API))]
        let method = method(class, descriptor.borrow());
        Ok(getter.map(|getter| Self {
            descriptor: Reference::new(descriptor),
            getter,
            is_in_c,
            #[cfg(not(Py_LIMITED_API))]
            method,
        }))
    }

    /// Returns the attribute of an object of the class.
    #[inline]
    pub(super) fn get<'a>(&self, object: Object<'a>) -> Result<Owned<'a>, Raised> {
        // SAFETY: live objects on an attached thread: the descriptor and an object of its class, by the invariant of
        // `descriptor`. The result is a new reference, or null with an exception set.
        unsafe {
            let value = match self.getter {
                Getter::Slot(get) => {
                    let descriptor = self.descriptor.get(object.attached());
                    // The getter may give the object another class, and use this one afterwards.
                    let class = object.class().to_owned();
                    let guard = Guard::new();
                    let value = get(descriptor.as_ptr(), object.as_ptr(), class.as_ptr());
                    guard.end();
                    value
                }
                #[cfg(not(Py_LIMITED_API))]
                Getter::Property(get, closure) => {
                    let guard = Guard::new();
                    let value = get(object.as_ptr(), closure);
                    guard.end();
                    value
                }
            };
            Owned::or_raised(value)
        }
    }

    /// Returns `true` if both are the same entry of a class.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.descriptor.is(&other.descriptor)
    }

    /// Returns `true` if this is written in C, and so can be kept: code of Python keeps the global variables of its module alive.
    pub(super) const fn is_in_c(&self) -> bool {
        self.is_in_c
    }

    /// Calls the attribute, which is a method without arguments.
    #[inline]
    pub(super) fn call<'a>(&self, object: Object<'a>) -> Result<Owned<'a>, Raised> {
        #[cfg(not(Py_LIMITED_API))]
        if let Some(function) = self.method {
            // SAFETY: live objects on an attached thread, and a method of the object's class, by the invariant of
            // `descriptor`. The result is a new reference, or null with an exception set.
            return unsafe {
                let guard = Guard::new();
                let value = function(object.as_ptr(), core::ptr::null_mut());
                guard.end();
                Owned::or_raised(value)
            };
        }
        let method = self.get(object)?;
        // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
        unsafe { Owned::or_raised(call_no_args(method.as_ptr())) }
    }
}

/// Returns `true` for a property or a method of this name that is written in C.
///
/// CPython makes properties for a class of Python, too, which keep that class alive. They have other names: `__dict__` and
/// `__weakref__`.
fn is_in_c(descriptor: Object<'_>, name: &Name) -> Result<bool, Raised> {
    // One that is static lives for ever.
    let class = descriptor.class();
    if !is_static(class)
        || !(is_named(class, "getset_descriptor")? || is_named(class, "method_descriptor")?)
    {
        return Ok(false);
    }
    let own = descriptor.attr(&names::NAME)?;
    Ok(own.borrow().text() == name.get(descriptor.attached())?.text())
}

fn slot(descriptor: Object<'_>) -> Option<Getter> {
    let class = descriptor.class().as_ptr().cast();
    // SAFETY: a live class on an attached thread; what is in this slot is a function of this type, but for whether a caller
    // expects unwinding.
    unsafe {
        let get = NonNull::new(ffi::PyType_GetSlot(class, ffi::Py_tp_descr_get))?;
        Some(Getter::Slot(mem::transmute::<NonNull<c_void>, SlotGet>(get)))
    }
}

/// Returns the C function of a property of the class. Python code can put a property of another class anywhere, for which
/// this returns `None`.
#[cfg(not(Py_LIMITED_API))]
fn property(class: Object<'_>, descriptor: Object<'_>) -> Option<Getter> {
    if descriptor.class().as_ptr() != (&raw mut ffi::PyGetSetDescr_Type).cast() {
        return None;
    }
    let descriptor = descriptor.as_ptr().cast::<ffi::PyGetSetDescrObject>();
    // SAFETY: a live object of the class that was compared, on an attached thread. The struct that it points to lives as long
    // as the descriptor, and nobody writes either. The types of the function differ only in whether a caller expects unwinding.
    unsafe {
        if ffi::PyType_IsSubtype(class.as_ptr().cast(), (*descriptor).d_common.d_type) == 0 {
            return None;
        }
        let ffi::PyGetSetDef { get, closure, .. } = (*descriptor).d_getset.read();
        Some(Getter::Property(mem::transmute::<ffi::getter, PropertyGet>(get?), closure))
    }
}

/// Returns the C function of a method of the class that takes no arguments. For other methods, this returns `None`.
#[cfg(not(Py_LIMITED_API))]
fn method(class: Object<'_>, descriptor: Object<'_>) -> Option<Method> {
    if descriptor.class().as_ptr() != (&raw mut ffi::PyMethodDescr_Type).cast() {
        return None;
    }
    let descriptor = descriptor.as_ptr().cast::<ffi::PyMethodDescrObject>();
    // SAFETY: a live object of the class that was compared, on an attached thread. The struct that it points to lives as long
    // as the descriptor, and nobody writes either. The flags say which type the function has,
    // but for whether a caller expects unwinding.
    unsafe {
        if ffi::PyType_IsSubtype(class.as_ptr().cast(), (*descriptor).d_common.d_type) == 0 {
            return None;
        }
        let definition = (*descriptor).d_method;
        let function = (*definition).ml_meth.PyCFunction;
        ((*definition).ml_flags == ffi::METH_NOARGS)
            .then(|| mem::transmute::<ffi::PyCFunction, Method>(function))
    }
}

#[cfg(Py_LIMITED_API)]
const fn property(_: Object<'_>, _: Object<'_>) -> Option<Getter> {
    None
}

/// Returns `true` for Python's `False`, and not for other objects that count as false.
#[inline]
pub(super) fn is_false(value: Object<'_>) -> bool {
    // SAFETY: the address of an object that lives as long as the interpreter.
    value.as_ptr() == unsafe { ffi::Py_False() }
}

/// Returns `true` for Python's `True`, and not for other objects that count as true.
#[inline]
pub(super) fn is_true(value: Object<'_>) -> bool {
    // SAFETY: the address of an object that lives as long as the interpreter.
    value.as_ptr() == unsafe { ffi::Py_True() }
}
