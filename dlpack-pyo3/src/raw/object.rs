//! References to Python's objects.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::attached::Attached;
use super::ffi;
use super::name::Name;
use super::raise::Raised;

/// An object that somebody else keeps alive, on a thread that is attached, both for the lifetime `'a`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Object<'a> {
    /// # Invariants
    ///
    /// The object lives for `'a`, and the thread is attached for `'a`.
    raw: NonNull<ffi::PyObject>,
    life: PhantomData<Attached<'a>>,
}

/// An object that is kept alive by this value, and is lent for no longer than that.
#[derive(Debug)]
pub(crate) struct Owned<'py> {
    /// # Invariants
    ///
    /// One reference of the object is this value's, so that it lives as long as that, and no copy of this field leaves it
    /// with a longer lifetime. The thread is attached for `'py`.
    object: Object<'py>,
}

impl<'a> Object<'a> {
    /// # Safety
    ///
    /// `raw` is an object that lives for `'a`, and the thread is attached for as long.
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<ffi::PyObject>) -> Self {
        Self { raw, life: PhantomData }
    }

    #[inline]
    pub(crate) const fn as_ptr(self) -> *mut ffi::PyObject {
        self.raw.as_ptr()
    }

    /// That the thread is attached.
    #[inline]
    pub(crate) const fn attached(self) -> Attached<'a> {
        // SAFETY: the invariant.
        unsafe { Attached::assume() }
    }

    /// The type, which lives as long as the object is of it: whoever runs code of Python, which may assign another one to
    /// `__class__`, takes a reference before.
    #[inline]
    pub(crate) fn class(self) -> Object<'a> {
        // SAFETY: the invariant.
        let class = unsafe { ffi::Py_TYPE(self.as_ptr()) };
        // SAFETY: an object has a type.
        let class = unsafe { NonNull::new_unchecked(class.cast()) };
        // SAFETY: and keeps it alive, as long as no code of Python runs; see above.
        unsafe { Object::new(class) }
    }

    /// Another reference to the object.
    #[inline]
    pub(crate) fn to_owned(self) -> Owned<'a> {
        // SAFETY: the invariant.
        unsafe { ffi::Py_INCREF(self.as_ptr()) };
        Owned { object: self }
    }

    pub(crate) fn attr(self, name: &Name) -> Result<Owned<'a>, Raised> {
        let name = name.get(self.attached())?;
        // SAFETY: two objects, and the thread is attached.
        let value = unsafe { ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(value) }
    }

    /// The attribute, or `None` if there is none. Other errors than that are kept.
    pub(crate) fn optional_attr(self, name: &Name) -> Result<Option<Owned<'a>>, Raised> {
        let name = name.get(self.attached())?;
        let mut value = ptr::null_mut();
        // Since 3.13 this makes no exception only to clear it.
        // SAFETY: two objects on an attached thread, and a pointer that can be written.
        let found = unsafe {
            ffi::compat::PyObject_GetOptionalAttr(self.as_ptr(), name.as_ptr(), &raw mut value)
        };
        if found < 0 {
            return Err(Raised::new());
        }
        // SAFETY: null, or a new reference.
        Ok(NonNull::new(value).map(|value| unsafe { Owned::new(value) }))
    }

    #[inline]
    pub(crate) fn is(self, other: Object<'_>) -> bool {
        self.raw == other.raw
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        // SAFETY: the thread is attached.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }
}

impl<'py> Owned<'py> {
    /// # Safety
    ///
    /// One of the references of `raw` is passed on, and the thread is attached for `'py`.
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<ffi::PyObject>) -> Self {
        // SAFETY: the caller's promise.
        Self { object: unsafe { Object::new(raw) } }
    }

    /// # Safety
    ///
    /// `raw` is null, and then an exception is set; or one of its references is passed on. The thread is attached for
    /// `'py`.
    #[inline]
    pub(crate) unsafe fn or_raised(raw: *mut ffi::PyObject) -> Result<Self, Raised> {
        match NonNull::new(raw) {
            // SAFETY: the caller's promise.
            Some(raw) => Ok(Self { object: unsafe { Object::new(raw) } }),
            None => Err(Raised::new()),
        }
    }

    /// Passes the reference on.
    #[inline]
    pub(crate) const fn into_ptr(self) -> *mut ffi::PyObject {
        let this = ManuallyDrop::new(self);
        // `Deref` is not for constant functions.
        // SAFETY: a plain copy of a field, out of a value that is not dropped.
        let object = unsafe { (&raw const this).cast::<Object<'_>>().read() };
        object.as_ptr()
    }

    /// The object for as long as this value keeps it.
    #[inline]
    pub(crate) const fn borrow(&self) -> Object<'_> {
        self.object
    }

    #[inline]
    pub(crate) const fn as_ptr(&self) -> *mut ffi::PyObject {
        self.object.as_ptr()
    }

    /// As for [`Object::attr`]. The attribute may outlive this value.
    pub(crate) fn attr(&self, name: &Name) -> Result<Self, Raised> {
        self.object.attr(name)
    }

    /// As for [`Object::optional_attr`].
    pub(crate) fn optional_attr(&self, name: &Name) -> Result<Option<Self>, Raised> {
        self.object.optional_attr(name)
    }
}

impl Drop for Owned<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the invariant.
        unsafe { ffi::Py_DECREF(self.object.as_ptr()) }
    }
}
