//! The promise that nobody else reaches the elements, which may be uninitialised.

use core::mem::MaybeUninit;
use core::ops::Deref;

use super::Exclusive;
use crate::error::{Error, RejectedError};
use crate::managed::{Abi, Descriptor, Managed};
use crate::view::{TensorView, TensorViewMut};
use crate::vocabulary::Element;

/// A tensor that nobody else reaches, and whose elements may be uninitialised.
///
/// It is made by [`Managed::try_exclusive`](crate::Managed::try_exclusive) and by allocators of tensors.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, TensorView};
///
/// let copy = Exporter::new(vec![1_u8, 2, 3]).copied().build()?.into_inner();
/// let tensor = copy.try_exclusive()?.fill(0_u8)?;
/// assert_eq!(tensor.as_slice::<u8>()?, [0, 0, 0]);
///
/// let copy = tensor.into_inner();
/// let source = TensorView::from_slice(&[4_u8, 5, 6], &[3])?;
/// let tensor = copy.try_exclusive()?.copy_from(&source)?;
/// assert_eq!(tensor.as_slice::<u8>()?, [4, 5, 6]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Debug)]
pub struct ExclusiveUninit<O>(
    /// # Invariant
    ///
    /// Nobody else reads or writes the elements while this value lives.
    O,
);

impl<O> ExclusiveUninit<O> {
    /// # Safety
    ///
    /// `tensor` holds the invariant of [`ExclusiveUninit`].
    pub(crate) const unsafe fn new(tensor: O) -> Self {
        Self(tensor)
    }

    /// Promises that the elements are initialised.
    ///
    /// # Safety
    ///
    /// All elements are initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).copied().build()?.into_inner();
    /// // SAFETY: the copy was made of an initialised vector.
    /// let tensor = unsafe { copy.try_exclusive()?.assume_init() };
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn assume_init(self) -> Exclusive<O> {
        // SAFETY: the invariant, and the caller knows that the elements are initialised.
        unsafe { Exclusive::new(self.0) }
    }

    /// Takes the promise back and returns the tensor.
    ///
    /// Its memory is of another language or of an allocator that writes zeros, so that safe code may pass it to a reader.
    pub fn into_inner(self) -> O {
        self.0
    }
}

impl<O: Deref<Target = Descriptor>> ExclusiveUninit<O> {
    /// Views the elements; see [`Descriptor::view_as`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view`].
    pub fn uninit_view<T: Element>(&self) -> Result<TensorView<'_, MaybeUninit<T>>, Error> {
        // SAFETY: the invariant; `self` writes nothing while it is borrowed.
        unsafe { self.0.view_as() }
    }

    /// Writes a value to all elements, which are initialised then.
    ///
    /// # Errors
    ///
    /// As for [`Managed::view_mut`](crate::Managed::view_mut); nothing is written then, and the tensor is handed back.
    pub fn fill<T: Element>(self, value: T) -> Result<Exclusive<O>, RejectedError<Self>> {
        self.write(|elements| {
            elements.fill(MaybeUninit::new(value));
            Ok(())
        })
    }

    /// Copies all elements of a view of the same shape, after which they are initialised.
    ///
    /// # Errors
    ///
    /// As for [`Managed::view_mut`](crate::Managed::view_mut) and [`TensorViewMut::copy_from`]; nothing is written then,
    /// and the tensor is handed back.
    pub fn copy_from<T: Element>(
        self,
        source: &TensorView<'_, T>,
    ) -> Result<Exclusive<O>, RejectedError<Self>> {
        self.write(|elements| elements.init_from(source))
    }

    /// `init` initialises all elements, or fails.
    fn write<T: Element>(
        self,
        init: impl FnOnce(&mut TensorViewMut<'_, MaybeUninit<T>>) -> Result<(), Error>,
    ) -> Result<Exclusive<O>, RejectedError<Self>> {
        // SAFETY: the invariant. The view does not leave this function, so that no element that is initialised can
        // become uninitialised: the memory may belong to Rust.
        let written = unsafe { self.0.view_mut_as() }.and_then(|mut elements| init(&mut elements));
        let (this, ()) = RejectedError::unless_ok(self, written)?;
        // SAFETY: the invariant, and all elements have been written.
        Ok(unsafe { Exclusive::new(this.0) })
    }
}

impl<A: Abi> ExclusiveUninit<Managed<A>> {
    /// Returns the struct itself; see [`Managed::into_raw`].
    #[inline]
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut A {
        self.0.into_raw()
    }
}

impl<O: Deref<Target = Descriptor>> Deref for ExclusiveUninit<O> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.0
    }
}
