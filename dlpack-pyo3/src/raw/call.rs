//! Calls with keyword arguments.

#[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
use core::ptr;

use super::ffi;
use super::name::Name;
use super::object::{Object, Owned};
use super::raise::Raised;
use super::unwind;

/// The number of keywords.
const MOST: usize = 4;

/// The keywords of a method; each call passes some of them.
#[derive(Debug)]
pub(crate) struct KeywordCall {
    names: [&'static Name; MOST],
    /// The tuple of names for each subset of the keywords, which is a set of bits.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    tuples: [super::once_object::OnceObject; 1 << MOST],
}

/// A value for each keyword that a call passes.
pub(crate) type Values<'a> = [Option<Object<'a>>; MOST];

impl KeywordCall {
    pub(crate) const fn new(names: [&'static Name; MOST]) -> Self {
        Self {
            names,
            #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
            tuples: [const { super::once_object::OnceObject::new() }; 1 << MOST],
        }
    }

    /// Calls a method of the object.
    ///
    /// Inlined, since most callers know which keywords they pass.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    #[inline(always)]
    pub(crate) fn call<'a>(
        &self,
        object: Object<'a>,
        method: &Name,
        values: &Values<'_>,
    ) -> Result<Owned<'a>, Raised> {
        let py = object.attached();
        let method = method.get(py)?;
        // The callee may use the place before the first argument.
        let mut arguments = [ptr::null_mut(); 2 + MOST];
        arguments[1] = object.as_ptr();
        let (mut subset, mut len) = (0, 2);
        for (i, value) in values.iter().enumerate() {
            if let Some(value) = value {
                subset |= 1 << i;
                arguments[len] = value.as_ptr();
                len += 1;
            }
        }
        let names = match subset {
            0 => ptr::null_mut(),
            _ => self.tuples[subset].get(py, || self.names_of(object, subset))?.as_ptr(),
        };
        let arguments = arguments.as_mut_ptr().wrapping_add(1).cast_const();
        let count = 1 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: live objects on an attached thread: the receiver, with a place before it, and as many values behind it as
        // there are names. The result is a new reference, or null with an exception set.
        unsafe {
            let method = method.as_ptr();
            Owned::or_raised(unwind::vectorcall_method(method, arguments, count, names))
        }
    }

    /// Makes the tuple of the names in a subset.
    #[cfg(any(Py_3_12, not(Py_LIMITED_API)))]
    #[cold]
    fn names_of<'a>(&self, object: Object<'a>, subset: usize) -> Result<Owned<'a>, Raised> {
        let py = object.attached();
        // A placeholder for the names.
        let mut names = [object; MOST];
        let mut len = 0;
        for (i, name) in self.names.iter().enumerate() {
            if subset & (1 << i) != 0 {
                names[len] = name.get(py)?;
                len += 1;
            }
        }
        super::tuple::make_tuple(py, &names[..len])
    }

    /// Calls a method of the object.
    ///
    /// The limited API of this version offers no faster way than a dictionary.
    #[cfg(not(any(Py_3_12, not(Py_LIMITED_API))))]
    pub(crate) fn call<'a>(
        &self,
        object: Object<'a>,
        method: &Name,
        values: &Values<'_>,
    ) -> Result<Owned<'a>, Raised> {
        let py = object.attached();
        let method = object.attr(method)?;
        let none = super::tuple::make_tuple(py, &[])?;
        // SAFETY: the thread is attached; the result is a new reference, or null with an exception set.
        let keywords = unsafe { Owned::or_raised(unwind::new_dict()) }?;
        for (name, value) in self.names.iter().zip(values) {
            let Some(value) = value else { continue };
            let name = name.get(py)?;
            // SAFETY: a dictionary and two live objects on an attached thread.
            if unsafe { ffi::PyDict_SetItem(keywords.as_ptr(), name.as_ptr(), value.as_ptr()) } != 0
            {
                return Err(Raised::new());
            }
        }
        // SAFETY: a live object, a tuple and a dictionary on an attached thread. The result is a new reference, or null with
        // an exception set.
        unsafe {
            let result = unwind::call(method.as_ptr(), none.as_ptr(), keywords.as_ptr());
            Owned::or_raised(result)
        }
    }
}
