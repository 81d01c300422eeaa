//! References to Python objects.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::attached::Attached;
use super::exception::SavedException;
use super::ffi;
use super::name::Name;
#[cfg(not(Py_3_13))]
use super::raise::Class;
use super::raise::Raised;
use super::unwind;

/// A borrowed object.
///
/// "A live object on an attached thread" in the comments of this crate refers to the two invariants below.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Object<'a> {
    /// # Invariants
    ///
    /// 1. The object lives for `'a`.
    /// 2. The thread is attached for `'a`.
    raw: NonNull<ffi::PyObject>,
    life: PhantomData<Attached<'a>>,
}

/// An object that this value keeps alive, and lends for no longer than that.
#[derive(Debug)]
pub(crate) struct Owned<'py> {
    /// # Invariants
    ///
    /// 1. This value owns one reference of the object, and no copy of this field leaves it with a lifetime that is longer
    ///    than this value.
    /// 2. The thread is attached for `'py`.
    object: Object<'py>,
}

impl<'a> Object<'a> {
    /// # Safety
    ///
    /// `raw` is an object that lives for `'a`, and the thread is attached for `'a`.
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<ffi::PyObject>) -> Self {
        Self { raw, life: PhantomData }
    }

    #[inline]
    pub(crate) const fn as_ptr(self) -> *mut ffi::PyObject {
        self.raw.as_ptr()
    }

    #[inline]
    pub(crate) const fn attached(self) -> Attached<'a> {
        // SAFETY: invariant 2.
        unsafe { Attached::assume() }
    }

    /// Returns the class of the object.
    ///
    /// The object keeps it alive as long as nobody assigns to its `__class__`: a caller that runs Python code takes a
    /// reference of the class first.
    #[inline]
    pub(crate) fn class(self) -> Object<'a> {
        // SAFETY: invariants 1 and 2. An object has a class, and keeps it alive as long as no Python code runs.
        unsafe { Object::new(NonNull::new_unchecked(ffi::Py_TYPE(self.as_ptr()).cast())) }
    }

    /// Makes another reference to the object.
    #[inline]
    pub(crate) fn to_owned(self) -> Owned<'a> {
        // SAFETY: invariants 1 and 2.
        unsafe { ffi::Py_INCREF(self.as_ptr()) };
        Owned { object: self }
    }

    pub(crate) fn attr(self, name: &Name) -> Result<Owned<'a>, Raised> {
        let name = name.get(self.attached())?;
        // SAFETY: two live objects on an attached thread; the result is a new reference, or null with an exception set.
        unsafe { Owned::or_raised(unwind::get_attr(self.as_ptr(), name.as_ptr())) }
    }

    /// Returns the attribute, or `None` if there is none. All other errors are returned.
    pub(crate) fn optional_attr(self, name: &Name) -> Result<Option<Owned<'a>>, Raised> {
        let name = name.get(self.attached())?;
        // Since 3.13, there need not be an exception only to clear it.
        #[cfg(Py_3_13)]
        {
            let mut value = core::ptr::null_mut();
            // SAFETY: two live objects on an attached thread, and a writable place. Without a failure, the value is null or a
            // new reference.
            unsafe {
                match unwind::get_optional_attr(self.as_ptr(), name.as_ptr(), &raw mut value) {
                    ..=-1 => Err(Raised::new()),
                    _ => Ok(NonNull::new(value).map(|value| Owned::new(value))),
                }
            }
        }
        #[cfg(not(Py_3_13))]
        // SAFETY: two live objects on an attached thread; the result is a new reference, or null with an exception set.
        match unsafe { Owned::or_raised(unwind::get_attr(self.as_ptr(), name.as_ptr())) } {
            Err(raised) if raised.is(Class::Attribute) => {
                raised.clear();
                Ok(None)
            }
            value => value.map(Some),
        }
    }

    /// Calls a method without arguments, or returns `None` if there is none.
    pub(crate) fn call_method(self, name: &Name) -> Result<Option<Owned<'a>>, Raised> {
        let Some(method) = self.optional_attr(name)? else { return Ok(None) };
        // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
        unsafe { Owned::or_raised(unwind::call_no_args(method.as_ptr())) }.map(Some)
    }

    #[inline]
    pub(crate) fn is(self, other: Object<'_>) -> bool {
        self.raw == other.raw
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        // SAFETY: invariant 2.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }
}

impl<'py> Owned<'py> {
    /// # Safety
    ///
    /// The caller passes on one reference of `raw`, and the thread is attached for `'py`.
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<ffi::PyObject>) -> Self {
        // SAFETY: the reference keeps the object alive for as long as this value lends it; the thread is attached.
        Self { object: unsafe { Object::new(raw) } }
    }

    /// # Safety
    ///
    /// Either `raw` is null and an exception is set, or the caller passes on one reference of `raw`. The thread is attached
    /// for `'py`.
    #[inline]
    pub(crate) unsafe fn or_raised(raw: *mut ffi::PyObject) -> Result<Self, Raised> {
        // SAFETY: what is not null is a reference that is passed on.
        NonNull::new(raw).map(|raw| unsafe { Self::new(raw) }).ok_or_else(Raised::new)
    }

    /// Passes the reference on.
    #[inline]
    pub(crate) fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).object.as_ptr()
    }

    /// Borrows the object for as long as this value keeps it.
    #[inline]
    pub(crate) const fn borrow(&self) -> Object<'_> {
        self.object
    }

    #[inline]
    pub(crate) const fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// As [`Object::attr`]. The attribute may outlive this value.
    pub(crate) fn attr(&self, name: &Name) -> Result<Self, Raised> {
        self.object.attr(name)
    }

    /// As [`Object::item`]. The item may outlive this value.
    pub(crate) fn item(&self, name: &Name) -> Result<Self, Raised> {
        self.object.item(name)
    }

    /// As [`Object::class_attr`]. The attribute may outlive this value.
    pub(crate) fn class_attr(&self, name: &Name) -> Result<Self, Raised> {
        self.object.class_attr(name)
    }

    /// As [`Object::optional_attr`]. The attribute may outlive this value.
    pub(crate) fn optional_attr(&self, name: &Name) -> Result<Option<Self>, Raised> {
        self.object.optional_attr(name)
    }
}

impl Drop for Owned<'_> {
    #[inline]
    fn drop(&mut self) {
        let object = self.object.as_ptr();
        // SAFETY: invariants 1 and 2. Where the count cannot be read in place, the function reads it.
        unsafe {
            if cfg!(any(Py_LIMITED_API, Py_GIL_DISABLED)) || ffi::Py_REFCNT(object) == 1 {
                end(self.object);
            } else {
                ffi::Py_DECREF(object);
            }
        }
    }
}

/// Gives one reference back, which may be the last. What ends with the object may run Python code, such as the destructor of a
/// capsule, and neither sees nor loses the exception that is set.
///
/// # Safety
///
/// The caller passes on one reference of the object.
#[inline(never)]
unsafe fn end(object: Object<'_>) {
    if Raised::is_set(object.attached()) {
        // SAFETY: a reference of a live object, which the caller passes on and which is given back there and not below.
        return unsafe { end_undisturbed(object) };
    }
    // SAFETY: a reference that the caller passes on, on an attached thread.
    unsafe { unwind::dec_ref(object.as_ptr()) }
}

/// # Safety
///
/// As for [`end`].
#[cold]
#[inline(never)]
unsafe fn end_undisturbed(object: Object<'_>) {
    let _saved = SavedException::take(object.attached());
    // SAFETY: a reference that the caller passes on, on an attached thread.
    unsafe { unwind::dec_ref(object.as_ptr()) }
}
