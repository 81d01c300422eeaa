//! The shared view: typed elements of a tensor, read through any strides.

mod elements;

use core::marker::PhantomData;

use crate::error::Error;
use crate::view::common::{derived, described};
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
}

impl<T> Clone for TensorView<'_, T> {
    fn clone(&self) -> Self {
        Self { tensor: self.tensor.clone(), elements: PhantomData }
    }
}

described!(TensorView);
derived! {
    /// # Views of the same elements
    ///
    /// ## Examples
    ///
    /// ```
    /// use dlpack::{Error, TensorView};
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(view.slice(1, 1..)?.to_vec(), [2, 3, 5, 6]);
    /// assert_eq!(view.reshape(&[3, 2])?[[2, 0]], 5);
    /// assert_eq!(view.transpose().reshape(&[6]).unwrap_err(), Error::ReshapeNeedsCopy);
    /// # Ok::<(), Error>(())
    /// ```
    TensorView, self: &Self = self.clone()
}

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
