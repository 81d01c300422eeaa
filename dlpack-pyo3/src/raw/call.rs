//! Calls with keyword arguments.

#[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
use core::ptr;

use super::ffi;
use super::name::Name;
use super::object::{Object, Owned};
use super::raise::Raised;

/// How many keywords there are.
const MOST: usize = 4;

/// The keywords of a method, of which each call says some.
#[derive(Debug)]
pub(crate) struct Keywords {
    names: [&'static Name; MOST],
    /// For each choice of keywords, which is a set of bits, the tuple of their names.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    chosen: [super::once::Once; 1 << MOST],
}

/// A value for each keyword that a call says.
pub(crate) type Values<'a> = [Option<Object<'a>>; MOST];

impl Keywords {
    pub(crate) const fn new(names: [&'static Name; MOST]) -> Self {
        Self {
            names,
            #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
            chosen: [const { super::once::Once::new() }; 1 << MOST],
        }
    }

    /// Calls a method of the object.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    #[inline]
    pub(crate) fn call<'a>(
        &self,
        object: Object<'a>,
        method: &Name,
        values: &Values<'_>,
    ) -> Result<Owned<'a>, Raised> {
        let method = method.get(object.attached())?;
        // The callee may use the place before the first argument.
        let mut arguments = [ptr::null_mut(); 2 + MOST];
        arguments[1] = object.as_ptr();
        let (mut choice, mut len) = (0, 2);
        for (i, value) in values.iter().enumerate() {
            if let Some(value) = value {
                choice |= 1 << i;
                arguments[len] = value.as_ptr();
                len += 1;
            }
        }
        let names = match choice {
            0 => ptr::null_mut(),
            _ => {
                self.chosen[choice].get(object.attached(), || self.choose(object, choice))?.as_ptr()
            }
        };
        let arguments = arguments.as_mut_ptr().wrapping_add(1);
        let count = 1 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: the thread is attached; the object with a place before it, and as many values behind it as names.
        let result = unsafe {
            super::last::vectorcall_method(method.as_ptr(), arguments.cast_const(), count, names)
        };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(result) }
    }

    /// Makes the tuple of names.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    #[cold]
    fn choose<'a>(&self, object: Object<'a>, choice: usize) -> Result<Owned<'a>, Raised> {
        let py = object.attached();
        // The object stands for a name until there is one.
        let mut names = [object; MOST];
        let mut len = 0;
        for (i, name) in self.names.iter().enumerate() {
            if choice & (1 << i) != 0 {
                names[len] = name.get(py)?;
                len += 1;
            }
        }
        super::tuple::tuple(py, &names[..len])
    }

    /// Calls a method of the object.
    ///
    /// The limited API of this version has no faster way than a dictionary.
    #[cfg(not(any(Py_3_12, not(Py_LIMITED_API))))]
    pub(crate) fn call<'a>(
        &self,
        object: Object<'a>,
        method: &Name,
        values: &Values<'_>,
    ) -> Result<Owned<'a>, Raised> {
        let py = object.attached();
        let method = object.attr(method)?;
        let none = super::tuple::tuple(py, &[])?;
        // SAFETY: the thread is attached.
        let keywords = unsafe { ffi::PyDict_New() };
        // SAFETY: a new reference, or null with an exception set.
        let keywords = unsafe { Owned::or_raised(keywords) }?;
        for (name, value) in self.names.iter().zip(values) {
            let Some(value) = value else { continue };
            let (keywords, name) = (keywords.as_ptr(), name.get(py)?.as_ptr());
            // SAFETY: a dictionary and two objects, on an attached thread.
            if unsafe { ffi::PyDict_SetItem(keywords, name, value.as_ptr()) } != 0 {
                return Err(Raised::new());
            }
        }
        // SAFETY: an object, a tuple and a dictionary, on an attached thread.
        let result =
            unsafe { super::last::call(method.as_ptr(), none.as_ptr(), keywords.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(result) }
    }
}
