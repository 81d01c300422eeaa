//! The promise that elements stay as they are.

use core::ops::Deref;
use core::ptr::NonNull;

use super::TensorSlice;
use crate::error::{Error, RejectedError};
use crate::managed::{Abi, Descriptor, Managed};
use crate::view::{PackedView, TensorView, ViewElement};
use crate::vocabulary::{Element, SubByte};

/// A tensor whose elements are initialised and stay as they are.
///
/// It is made by [`assume_frozen`](crate::Managed::assume_frozen), by exporting shared Rust memory, or by
/// [`Exclusive::freeze`](crate::Exclusive::freeze). `O` is the owner: a [`Managed`], an
/// [`AnyManagedTensor`](crate::AnyManagedTensor) or a [`BorrowedTensor`](crate::BorrowedTensor).
///
/// In an `Arc`, it is shared as a whole by [`share`](Self::share) and in part by [`share_view`](Self::share_view). What makes
/// another tensor of it, such as `into_opaque` or `into_legacy`, is on the tensor within, which
/// [`into_inner`](Self::into_inner) returns.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::Exporter;
///
/// let tensor = Exporter::shared(Arc::<[i32]>::from([1, 2, 3])).build()?;
/// assert_eq!(tensor.view::<i32>()?.iter().sum::<i32>(), 6);
/// assert_eq!(tensor.as_slice::<i32>()?, [1, 2, 3]);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// The view cannot outlive the tensor:
///
/// ```compile_fail,E0505
/// let tensor = dlpack::Exporter::shared(&[1_u8, 2][..]).build()?;
/// let view = tensor.view::<u8>()?;
/// drop(tensor);
/// assert_eq!(view[[0]], 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Debug)]
pub struct Frozen<O>(
    /// # Invariant
    ///
    /// All elements of the tensor are initialised, and nobody writes them while this value lives.
    O,
);

/// # Reading
///
/// The errors of all of these are those of [`Descriptor::view`] and its siblings.
impl<O: Deref<Target = Descriptor>> Frozen<O> {
    /// Returns the elements as a slice, in row-major order; see [`Descriptor::as_slice`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::as_slice`].
    #[inline]
    pub fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        // SAFETY: the invariant: all elements are initialised, and nobody writes them.
        unsafe { self.0.as_slice() }
    }

    /// Views the elements; see [`Descriptor::view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view`].
    #[inline]
    pub fn view<T: Element>(&self) -> Result<TensorView<'_, T>, Error> {
        // SAFETY: the invariant: all elements are initialised, and nobody writes them.
        unsafe { self.0.view() }
    }

    /// Views the elements through another type, such as [`Unaligned<T>`](crate::view::Unaligned); see
    /// [`Descriptor::view_as`].
    ///
    /// A [`ReadCell`](crate::view::ReadCell) is for elements that change, which these do not: it does not compile.
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view_as`].
    #[inline]
    pub fn view_as<I: ViewElement>(&self) -> Result<TensorView<'_, I>, Error> {
        const { assert!(!I::MAY_CHANGE, "frozen elements do not change") };
        // SAFETY: the invariant, which is more than any other `I` needs.
        unsafe { self.0.view_as() }
    }

    /// Views elements that are smaller than a byte; see [`Descriptor::packed_view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::packed_view`].
    pub fn packed_view<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        // SAFETY: the invariant: all elements are initialised, and nobody writes them.
        unsafe { self.0.packed_view() }
    }

    /// Returns the bytes of the elements of any dtype; see [`Descriptor::as_bytes`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::as_bytes`].
    pub fn as_bytes(&self) -> Result<&[u8], Error> {
        // SAFETY: the invariant: all elements are initialised, and nobody writes them.
        unsafe { self.0.as_bytes() }
    }

    /// Makes a slice of the elements that owns the tensor; see [`TensorSlice`].
    ///
    /// # Errors
    ///
    /// Returns the tensor; the errors are those of [`Descriptor::as_slice`].
    pub fn into_slice<T: Element>(self) -> Result<TensorSlice<T, Self>, RejectedError<Self>> {
        let elements = self.as_slice().map(NonNull::from);
        // SAFETY: elements of the tensor, which nobody writes while it is frozen.
        unsafe { TensorSlice::new(self, elements) }
    }

    /// Makes a slice of the bytes of any dtype that owns the tensor; see [`TensorSlice`].
    ///
    /// # Errors
    ///
    /// Returns the tensor; the errors are those of [`Descriptor::as_bytes`].
    pub fn into_bytes(self) -> Result<TensorSlice<u8, Self>, RejectedError<Self>> {
        let bytes = self.as_bytes().map(NonNull::from);
        // SAFETY: the bytes of the tensor, which nobody writes while it is frozen.
        unsafe { TensorSlice::new(self, bytes) }
    }
}

impl<O> Frozen<O> {
    /// # Safety
    ///
    /// `tensor` holds the invariant of [`Frozen`].
    #[inline]
    pub(crate) const unsafe fn new(tensor: O) -> Self {
        Self(tensor)
    }

    #[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
    pub(crate) const fn inner(&self) -> &O {
        &self.0
    }

    /// Takes the promise back and returns the tensor.
    #[inline]
    pub fn into_inner(self) -> O {
        self.0
    }
}

impl<A: Abi> Frozen<Managed<A>> {
    /// Returns a pointer to the struct, which stays owned; see [`Managed::as_raw`].
    pub const fn as_raw(&self) -> *mut A {
        self.0.as_raw()
    }

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
    /// Returns the tensor, which is still frozen.
    pub fn downcast<T: 'static>(self) -> Result<T, Self> {
        self.0.downcast().map_err(Self)
    }

    /// Takes the owner back, even if the tensor is only a part of its memory; see [`Managed::into_owner`].
    ///
    /// # Errors
    ///
    /// Returns the tensor, which is still frozen.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let part = dlpack::Exporter::shared(Arc::<[u8]>::from([1, 2, 3])).shape(&[2]).build()?;
    /// let part = part.downcast::<Arc<[u8]>>().unwrap_err();
    /// assert_eq!(part.into_owner::<Arc<[u8]>>().unwrap()[..], [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_owner<T: 'static>(self) -> Result<T, Self> {
        self.0.into_owner().map_err(Self)
    }
}

impl<O: Deref<Target = Descriptor>> Deref for Frozen<O> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.0
    }
}
