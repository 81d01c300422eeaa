//! The mutable view: typed elements of a tensor, written through any strides that do not overlap.

mod elements;

use core::marker::PhantomData;
use core::ops::IndexMut;

use crate::error::Error;
use crate::view::common::{derived, described};
use crate::view::iter::Iter;
use crate::view::strided::Strided;
use crate::view::tensor_view::TensorView;

/// A view of the typed elements of a tensor, which nobody else reads or writes while the view lives.
///
/// In addition to what holds for a [`TensorView`], no two indices name the same element. Functions that return a new view of
/// the same elements consume this one; use [`reborrow`](Self::reborrow) to keep it.
///
/// # Examples
///
/// ```
/// use dlpack::TensorViewMut;
///
/// let mut data = [1, 2, 3, 4, 5, 6];
/// let mut image = TensorViewMut::from_slice(&mut data, &[2, 3])?;
/// image[[0, 2]] = 30;
/// image.slice(1, ..1)?.fill(0);
/// assert_eq!(data, [0, 2, 30, 0, 5, 6]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct TensorViewMut<'a, T> {
    /// # Invariants
    ///
    /// Those of [`Strided`], and: the elements may be written through `&mut T` for `'a`, and no two indices
    /// name the same one.
    tensor: Strided<T>,
    elements: PhantomData<&'a mut [T]>,
}

// SAFETY: a mutable view gives `&mut T`, and is sent as a `&mut [T]` is.
unsafe impl<T: Send> Send for TensorViewMut<'_, T> {}
// SAFETY: a shared mutable view gives `&T`, as a shared `&mut [T]` does.
unsafe impl<T: Sync> Sync for TensorViewMut<'_, T> {}

impl<'a, T> TensorViewMut<'a, T> {
    /// # Safety
    ///
    /// The elements of `tensor` may be written through `&mut T` for `'a`, and no two indices name the same one.
    #[inline]
    pub(crate) const unsafe fn new(tensor: Strided<T>) -> Self {
        Self { tensor, elements: PhantomData }
    }

    /// Returns a view of the same elements for a shorter time.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [1, 2, 3];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[3])?;
    /// view.reborrow().slice(0, ..2)?.fill(0);
    /// view[[2]] = 7;
    /// assert_eq!(data, [0, 0, 7]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn reborrow(&mut self) -> TensorViewMut<'_, T> {
        // SAFETY: the invariant of the type; `self` is out of use for the shorter lifetime.
        unsafe { TensorViewMut::new(self.tensor.clone()) }
    }

    /// Returns a shared view of the elements.
    pub fn as_view(&self) -> TensorView<'_, T> {
        // SAFETY: the invariant of the type; `self` writes nothing while it is borrowed.
        unsafe { TensorView::new(self.tensor.clone()) }
    }

    /// Converts the view into a shared one of the same lifetime.
    pub fn into_view(self) -> TensorView<'a, T> {
        // SAFETY: the invariant of the type; `self` is gone.
        unsafe { TensorView::new(self.tensor) }
    }

    /// Iterates over the elements in logical order, to read them.
    pub fn iter(&self) -> Iter<'_, T> {
        self.as_view().iter()
    }
}

described!(TensorViewMut);
derived! {
    /// # Views of the same elements
    ///
    /// Each of these takes the view; see [`reborrow`](Self::reborrow).
    TensorViewMut, self: Self = self
}

impl<T, const N: usize> IndexMut<[usize; N]> for TensorViewMut<'_, T> {
    #[inline]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        match self.tensor.element(&index) {
            // SAFETY: the invariant of the type; `self` is borrowed with the element.
            Some(mut element) => unsafe { element.as_mut() },
            None => crate::view::no_element(&index, self.shape()),
        }
    }
}
