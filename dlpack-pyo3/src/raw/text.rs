//! Strings, and the names of classes in messages.

use core::fmt;
use core::ptr::{self, NonNull};
use core::{slice, str};

use super::exception::SavedException;
use super::ffi;
use super::name::{Name, names};
use super::object::{Object, Owned};
use super::raise::Raised;
use super::tuple::make_tuple;
use super::unwind;

impl<'a> Object<'a> {
    /// Returns the text of a string, or `None` for another object or a string that is not valid Unicode. Sets no exception.
    pub(crate) fn text(self) -> Option<&'a str> {
        let mut len = 0;
        // SAFETY: a live object on an attached thread. A string keeps its UTF-8 for as long as it lives, which is `'a`.
        let bytes = unsafe {
            if ffi::PyUnicode_Check(self.as_ptr()) == 0 {
                return None;
            }
            let start = unwind::text(self.as_ptr(), &raw mut len);
            if start.is_null() {
                Raised::new().clear();
                return None;
            }
            slice::from_raw_parts(start.cast::<u8>(), len.unsigned_abs())
        };
        str::from_utf8(bytes).ok()
    }

    /// Returns the name of the object's class, for a message.
    pub(crate) fn class_name(self) -> ClassName<'a> {
        ClassName(self)
    }
}

/// Displays the name of an object's class with its module, unless that is Python's own. Neither sets an exception nor loses
/// one, unless what interrupts the program meanwhile takes its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassName<'a>(Object<'a>);

impl fmt::Display for ClassName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let saved = SavedException::take(self.0.attached());
        let class = self.0.class().to_owned();
        let attr = |name| {
            class.class_attr(name).map(Some).or_else(|raised| raised.forget().map(|()| None))
        };
        let names = || Ok::<_, Raised>([attr(&names::MODULE)?, attr(&names::QUALNAME)?]);
        let Ok([module, name]) = names() else {
            saved.forget();
            return f.write_str("object");
        };
        // Not copied, since each may be as long as there is memory.
        match module.as_ref().and_then(|module| module.borrow().text()) {
            Some(module) if module != "builtins" => write!(f, "{module}.")?,
            _ => {}
        }
        f.write_str(name.as_ref().and_then(|name| name.borrow().text()).unwrap_or("object"))
    }
}

impl<'a> Object<'a> {
    /// Returns an attribute that every class has, such as its name, of this class. No code of a metaclass runs, which may answer
    /// with anything, or raise an exception.
    pub(crate) fn class_attr(self, name: &Name) -> Result<Owned<'a>, Raised> {
        let root = (&raw mut ffi::PyType_Type).cast();
        if self.class().as_ptr() == root {
            return self.attr(name);
        }
        // A metaclass may have a property of this name, so that of `type` itself is called.
        // SAFETY: the class `type` lives as long as the interpreter, and the thread is attached.
        let members = unsafe { Object::new(NonNull::new_unchecked(root)) }.attr(&names::DICT)?;
        let get = members.item(name)?.attr(&names::GET)?;
        let arguments = make_tuple(self.attached(), &[self])?;
        // SAFETY: a live object and a tuple on an attached thread. The result is a new reference, or null with an exception set.
        unsafe { Owned::or_raised(unwind::call(get.as_ptr(), arguments.as_ptr(), ptr::null_mut())) }
    }

    /// Returns the item of a mapping by its name.
    pub(crate) fn item(self, name: &Name) -> Result<Owned<'a>, Raised> {
        let name = name.get(self.attached())?;
        // SAFETY: two live objects on an attached thread; the result is a new reference, or null with an exception set.
        unsafe { Owned::or_raised(unwind::get_item(self.as_ptr(), name.as_ptr())) }
    }
}
