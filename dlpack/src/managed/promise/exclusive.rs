//! The promise that nobody else reaches the elements.

use core::ops::Deref;
use core::ptr::NonNull;

use super::{Frozen, TensorSlice};
use crate::error::{Error, RejectedError};
use crate::managed::{Abi, Descriptor, Managed};
use crate::view::TensorViewMut;
use crate::vocabulary::Element;

/// A tensor whose elements are initialised and that nobody else reaches.
///
/// It is made by [`assume_exclusive`](crate::Managed::assume_exclusive), by exporting memory that Rust alone owns, or by
/// copying. It dereferences to [`Frozen`], which has the functions for reading: while it is borrowed, nobody writes.
///
/// To share it or a part of it with consumers that read, freeze it: an `Arc::new(tensor.freeze())` has
/// [`share`](Frozen::share) and [`share_view`](Frozen::share_view). What makes another tensor of it, such as `into_opaque`,
/// `into_legacy` or a `share` that may be written, is on the [`Managed`] tensor within, which
/// [`into_inner`](Self::into_inner) returns.
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
#[derive(Debug)]
pub struct Exclusive<O>(
    /// # Invariant
    ///
    /// All elements of the tensor are initialised, and nobody else reads or writes them while this value lives.
    Frozen<O>,
);

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

    /// Returns the elements as a slice, in row-major order, to read and write them.
    ///
    /// # Errors
    ///
    /// As for [`view_mut`](Self::view_mut), and [`Error::NotContiguous`].
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tensor = dlpack::Exporter::new(vec![3_u8, 1, 2]).build()?;
    /// tensor.as_mut_slice::<u8>()?.sort();
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T], Error> {
        self.view_mut()?.into_slice()
    }

    /// Makes a slice of the elements that owns the tensor, to read and write them; see [`TensorSlice`].
    ///
    /// # Errors
    ///
    /// Returns the tensor; the errors are those of [`view_mut`](Self::view_mut), and [`Error::NotContiguous`].
    pub fn into_slice<T: Element>(mut self) -> Result<TensorSlice<T, Self>, RejectedError<Self>> {
        let elements = self.as_mut_slice().map(NonNull::from);
        // SAFETY: elements of the tensor, which can be written, and which nobody else reaches.
        unsafe { TensorSlice::new(self, elements) }
    }
}

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

    /// Takes the owner back, even if the tensor is only a part of its memory; see [`Managed::into_owner`].
    ///
    /// # Errors
    ///
    /// Returns the tensor, which is still exclusive.
    ///
    /// # Examples
    ///
    /// ```
    /// let part = dlpack::Exporter::new(vec![1_u8, 2, 3]).offset(1).build()?;
    /// assert_eq!(part.into_owner::<Vec<u8>>().unwrap(), [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_owner<T: 'static>(self) -> Result<T, Self> {
        self.0.into_owner().map_err(Self)
    }
}

impl<O> Deref for Exclusive<O> {
    type Target = Frozen<O>;

    #[inline]
    fn deref(&self) -> &Frozen<O> {
        &self.0
    }
}
