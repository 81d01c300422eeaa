//! The shared view: typed elements of a tensor, read through any strides.

mod derive;

use core::marker::PhantomData;
use core::slice;

use crate::error::Error;
use crate::view::common::described;
use crate::view::iter::Iter;
use crate::view::strided::Strided;

/// A view of the typed elements of a tensor, which stay as they are while the view lives.
///
/// Everything with an order has the last axis run fastest, whatever the strides are. Strides count elements and may be
/// negative, zero, or leave gaps. All elements are initialised and aligned: whoever made the view has checked or promised
/// it.
///
/// Slicing, stepping, flipping and the like return new views of the same elements and move nothing. They return errors
/// rather than panic, since the sizes they are checked against often come from elsewhere.
///
/// # Examples
///
/// ```
/// use dlpack::TensorView;
///
/// let image = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
/// let flipped = image.flip(1)?;
/// assert_eq!(flipped[[0, 0]], 3);
/// assert_eq!(flipped.to_vec(), [3, 2, 1, 6, 5, 4]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct TensorView<'a, T> {
    /// # Invariants
    ///
    /// Those of [`Strided`], and: the elements may be read through `&T` for `'a`.
    tensor: Strided<T>,
    elements: PhantomData<&'a [T]>,
}

// SAFETY: a view gives `&T`, and is sent as a `&[T]` is.
unsafe impl<T: Sync> Send for TensorView<'_, T> {}
// SAFETY: a view gives `&T`, and is shared as a `&[T]` is.
unsafe impl<T: Sync> Sync for TensorView<'_, T> {}

impl<'a, T> TensorView<'a, T> {
    /// # Safety
    ///
    /// The elements of `tensor` may be read through `&T` for `'a`.
    #[inline]
    pub(crate) const unsafe fn new(tensor: Strided<T>) -> Self {
        Self { tensor, elements: PhantomData }
    }

    /// Returns `true` if the elements lie side by side in row-major (C) order, so that
    /// [`as_slice`](Self::as_slice) succeeds.
    pub fn is_contiguous(&self) -> bool {
        self.tensor.row_major_start().is_some()
    }

    /// Returns the address of the element with index 0 on all axes.
    ///
    /// Aligned, and not to be followed if the view is empty.
    pub const fn as_ptr(&self) -> *const T {
        self.tensor.origin().as_ptr()
    }

    /// Returns an element, or `None` if there is none with this index.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?;
    /// assert_eq!(view.get(&[1, 1]), Some(&4));
    /// assert_eq!(view.get(&[2, 0]), None);
    /// assert_eq!(view.get(&[1]), None);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn get(&self, index: &[usize]) -> Option<&'a T> {
        let element = self.tensor.element(index)?;
        // SAFETY: the invariant of the type.
        Some(unsafe { element.as_ref() })
    }

    /// Returns all elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in that order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, TensorView};
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?;
    /// assert_eq!(view.as_slice()?, [1, 2, 3, 4]);
    /// assert_eq!(view.transpose().as_slice(), Err(Error::NotContiguous));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn as_slice(&self) -> Result<&'a [T], Error> {
        let start = self.tensor.row_major_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), self.numel()) })
    }

    /// Returns all elements as a slice, in the order of their addresses.
    ///
    /// For work that does not depend on the order, such as a sum.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in any order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?.transpose().flip(0)?;
    /// assert_eq!(view.as_slice_memory_order()?, [1, 2, 3, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_slice_memory_order(&self) -> Result<&'a [T], Error> {
        let start = self.tensor.dense_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), self.numel()) })
    }

    /// Iterates over the elements in logical order.
    pub fn iter(&self) -> Iter<'a, T> {
        // SAFETY: the invariant of the type.
        unsafe { Iter::new(self.tensor.clone()) }
    }
}

impl<T> Clone for TensorView<'_, T> {
    fn clone(&self) -> Self {
        Self { tensor: self.tensor.clone(), elements: PhantomData }
    }
}

described!(TensorView);

impl<'a, T> IntoIterator for &TensorView<'a, T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T> IntoIterator for TensorView<'a, T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
