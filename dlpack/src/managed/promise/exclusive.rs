//! The promise that nobody else reaches the elements.

use core::fmt;
use core::ops::Deref;

use super::Frozen;
use crate::error::Error;
use crate::managed::{Abi, Descriptor, Managed};
use crate::view::TensorViewMut;
use crate::vocabulary::Element;

/// A tensor whose elements are initialised and that nobody else reaches.
///
/// It is made by [`assume_exclusive`](crate::Managed::assume_exclusive), by exporting memory that Rust alone owns, or by
/// copying. It dereferences to [`Frozen`], which has the functions for reading: while it is borrowed, nobody writes.
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
///
/// let mut tensor = Exporter::new(vec![1_i32, 2, 3]).build()?;
/// tensor.view_mut::<i32>()?[[0]] = 7;
/// assert_eq!(tensor.as_slice::<i32>()?, [7, 2, 3]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Exclusive<O>(
    /// # Invariant
    ///
    /// All elements of the tensor are initialised, and nobody else reads or writes them while this value lives.
    Frozen<O>,
);

impl<O> Exclusive<O> {
    /// # Safety
    ///
    /// `tensor` holds the invariant of [`Exclusive`].
    #[inline]
    pub(crate) const unsafe fn new(tensor: O) -> Self {
        // SAFETY: whoever is alone with the elements does not write them while the tensor is borrowed.
        Self(unsafe { Frozen::new(tensor) })
    }

    /// Gives up writing, so that the tensor can be shared.
    pub fn freeze(self) -> Frozen<O> {
        self.0
    }

    /// Takes the promise back and returns the tensor.
    #[inline]
    pub fn into_inner(self) -> O {
        self.0.into_inner()
    }
}

impl<O: Deref<Target = Descriptor>> Exclusive<O> {
    /// Views the elements to write them.
    ///
    /// # Errors
    ///
    /// As for [`Managed::view_mut`].
    pub fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the invariant, and `self` is borrowed with the view.
        unsafe { self.0.view_mut_as() }
    }
}

impl<A: Abi> Exclusive<Managed<A>> {
    /// Returns the struct itself; see [`Managed::into_raw`].
    #[inline]
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut A {
        self.0.into_raw()
    }

    /// Takes the owner back; see [`Managed::downcast`].
    ///
    /// # Errors
    ///
    /// Returns the tensor, which is still exclusive.
    pub fn downcast<T: 'static>(self) -> Result<T, Self> {
        self.0.downcast().map_err(Self)
    }
}

impl<O> Deref for Exclusive<O> {
    type Target = Frozen<O>;

    #[inline]
    fn deref(&self) -> &Frozen<O> {
        &self.0
    }
}

impl<O: fmt::Debug> fmt::Debug for Exclusive<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
