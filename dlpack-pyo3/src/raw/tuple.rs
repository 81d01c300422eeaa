//! Tuples, and pairs of objects.

use core::ptr::NonNull;

use super::attached::Attached;
use super::ffi;
use super::integer::make_integer;
use super::object::{Object, Owned};
use super::raise::{Class, Raised};
use super::unwind;

/// Makes a tuple of these items.
pub(crate) fn make_tuple<'py>(
    _: Attached<'py>,
    items: &[Object<'_>],
) -> Result<Owned<'py>, Raised> {
    let len = ffi::Py_ssize_t::try_from(items.len()).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: the thread is attached; the result is a new reference, or null with an exception set.
    let made = unsafe { Owned::or_raised(unwind::new_tuple(len)) }?;
    for (i, item) in (0..).zip(items) {
        let item = (*item).to_owned().into_ptr();
        // SAFETY: the tuple is new and nobody else has it; one reference of the item is passed on.
        if unsafe { ffi::PyTuple_SetItem(made.as_ptr(), i, item) } != 0 {
            return Err(Raised::new());
        }
    }
    Ok(made)
}

/// Makes a tuple of two integers.
pub(crate) fn make_pair(py: Attached<'_>, [first, second]: [i32; 2]) -> Result<Owned<'_>, Raised> {
    let (first, second) = (make_integer(py, first)?, make_integer(py, second)?);
    make_tuple(py, &[first.borrow(), second.borrow()])
}

/// A tuple whose items are borrowed, which is possible since nobody replaces them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuple<'a>(Object<'a>);

impl<'a> Tuple<'a> {
    /// Returns `None` for all but an instance of the class `tuple` itself.
    #[inline]
    pub(crate) fn exact(object: Object<'a>) -> Option<Self> {
        // SAFETY: a live object on an attached thread.
        (unsafe { ffi::PyTuple_CheckExact(object.as_ptr()) } != 0).then_some(Self(object))
    }

    /// Returns `None` for all but an instance of `tuple` or of a class derived from it, such as a named tuple. Its items are
    /// read as they are stored, whatever the class makes of them.
    #[inline]
    pub(crate) fn new(object: Object<'a>) -> Option<Self> {
        // SAFETY: a live object on an attached thread.
        (unsafe { ffi::PyTuple_Check(object.as_ptr()) } != 0).then_some(Self(object))
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        #[cfg(not(Py_LIMITED_API))]
        // SAFETY: a live tuple on an attached thread.
        let len = unsafe { ffi::PyTuple_GET_SIZE(self.0.as_ptr()) };
        #[cfg(Py_LIMITED_API)]
        // SAFETY: a live tuple on an attached thread.
        let len = unsafe { ffi::PyTuple_Size(self.0.as_ptr()) };
        usize::try_from(len).unwrap_or(0)
    }

    /// Borrows an item.
    #[inline]
    pub(crate) fn get(self, index: usize) -> Option<Object<'a>> {
        if index >= self.len() {
            return None;
        }
        let index = ffi::Py_ssize_t::try_from(index).ok()?;
        // SAFETY: a live tuple on an attached thread, with an item of that index, which it keeps for as long as it lives.
        unsafe {
            #[cfg(not(Py_LIMITED_API))]
            let item = ffi::PyTuple_GET_ITEM(self.0.as_ptr(), index);
            #[cfg(Py_LIMITED_API)]
            let item = ffi::PyTuple_GetItem(self.0.as_ptr(), index);
            NonNull::new(item).map(|item| Object::new(item))
        }
    }

    /// Borrows all items in their order.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = Object<'a>> {
        (0..self.len()).map_while(move |index| self.get(index))
    }
}

/// Passes the two items of a tuple, or of any other sequence of length two, to a function.
///
/// # Errors
///
/// What the sequence or the function raises, and what `refuse` raises for any other object.
#[inline]
pub(crate) fn pair<R>(
    value: Object<'_>,
    read: impl FnOnce([Object<'_>; 2]) -> Result<R, Raised>,
    refuse: impl FnOnce() -> Raised,
) -> Result<R, Raised> {
    if let Some(tuple) = Tuple::exact(value) {
        if let (2, Some(first), Some(second)) = (tuple.len(), tuple.get(0), tuple.get(1)) {
            return read([first, second]);
        }
    }
    match sequence_pair(value)? {
        Some(items) => {
            let [first, second] = &items;
            read([first.borrow(), second.borrow()])
        }
        None => Err(refuse()),
    }
}

#[cold]
fn sequence_pair(value: Object<'_>) -> Result<Option<[Owned<'_>; 2]>, Raised> {
    // SAFETY: a live object on an attached thread, which is a sequence where items are read. An item is a new reference, or
    // null with an exception set.
    unsafe {
        if ffi::PySequence_Check(value.as_ptr()) == 0 {
            return Ok(None);
        }
        match unwind::sequence_size(value.as_ptr()) {
            2 => {
                let first = Owned::or_raised(unwind::sequence_item(value.as_ptr(), 0))?;
                let second = Owned::or_raised(unwind::sequence_item(value.as_ptr(), 1))?;
                Ok(Some([first, second]))
            }
            // A sequence without a length is as good as any other object.
            -1 if Raised::new().is(Class::Type) => {
                Raised::new().clear();
                Ok(None)
            }
            -1 => Err(Raised::new()),
            _ => Ok(None),
        }
    }
}
