//! Tuples, whose items can be borrowed: nobody replaces them.

use core::ptr::NonNull;

use super::ffi;
use super::object::Object;

/// A tuple to look into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Items<'a>(Object<'a>);

impl<'a> Items<'a> {
    /// Not one of a class derived from tuples, whose items may not be those that Python's code sees.
    #[inline]
    pub(crate) fn new(object: Object<'a>) -> Option<Self> {
        // SAFETY: an object on an attached thread.
        (unsafe { ffi::PyTuple_CheckExact(object.as_ptr()) } != 0).then_some(Self(object))
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        #[cfg(not(Py_LIMITED_API))]
        // SAFETY: a tuple on an attached thread.
        let len = unsafe { ffi::PyTuple_GET_SIZE(self.0.as_ptr()) };
        #[cfg(Py_LIMITED_API)]
        // SAFETY: a tuple on an attached thread.
        let len = unsafe { ffi::PyTuple_Size(self.0.as_ptr()) };
        usize::try_from(len).unwrap_or(0)
    }

    /// Borrows an item, if there is one of that number.
    #[inline]
    pub(crate) fn get(self, index: usize) -> Option<Object<'a>> {
        if index >= self.len() {
            return None;
        }
        let index = ffi::Py_ssize_t::try_from(index).ok()?;
        #[cfg(not(Py_LIMITED_API))]
        // SAFETY: a tuple on an attached thread, and it has that item.
        let item = unsafe { ffi::PyTuple_GET_ITEM(self.0.as_ptr(), index) };
        #[cfg(Py_LIMITED_API)]
        // SAFETY: the same.
        let item = unsafe { ffi::PyTuple_GetItem(self.0.as_ptr(), index) };
        // SAFETY: the tuple keeps its items for as long as it lives.
        NonNull::new(item).map(|item| unsafe { Object::new(item) })
    }

    /// All of them, in their order.
    #[inline]
    pub(crate) fn all(self) -> impl Iterator<Item = Object<'a>> {
        (0..self.len()).map_while(move |index| self.get(index))
    }
}

/// The items of a tuple, and none of other objects.
///
/// Of a tuple of a derived class, too, such as a named one: as they are stored, whatever the class makes of them.
pub(crate) fn items<'a>(object: Object<'a>) -> impl Iterator<Item = Object<'a>> {
    // SAFETY: an object on an attached thread.
    let is_tuple = unsafe { ffi::PyTuple_Check(object.as_ptr()) } != 0;
    is_tuple.then_some(Items(object)).into_iter().flat_map(Items::all)
}
