//! The mutable view: typed elements of a tensor, written through any strides that do not overlap.

mod derive;

use core::marker::PhantomData;
use core::ops::IndexMut;
use core::slice;

use crate::error::Error;
use crate::view::common::described;
use crate::view::iter::{Iter, IterMut};
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

    /// Returns the address of the element with index 0 on all axes, as [`TensorView::as_ptr`].
    pub const fn as_mut_ptr(&mut self) -> *mut T {
        self.tensor.origin().as_ptr()
    }

    /// Returns an element, or `None` if there is none with this index.
    #[inline]
    pub fn get(&self, index: &[usize]) -> Option<&T> {
        let element = self.tensor.element(index)?;
        // SAFETY: the invariant of the type; `self` writes nothing while it is borrowed.
        Some(unsafe { element.as_ref() })
    }

    /// Returns an element to write, or `None` if there is none with this index.
    #[inline]
    pub fn get_mut(&mut self, index: &[usize]) -> Option<&mut T> {
        let mut element = self.tensor.element(index)?;
        // SAFETY: the invariant of the type; `self` is borrowed with it.
        Some(unsafe { element.as_mut() })
    }

    /// Returns all elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in that order.
    pub fn as_mut_slice(&mut self) -> Result<&mut [T], Error> {
        let start = self.tensor.row_major_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.numel()) })
    }

    /// Returns all elements as a slice, in the order of their addresses.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in any order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [1, 2, 3, 4];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[2, 2])?.transpose();
    /// assert_eq!(view.as_mut_slice_memory_order()?, [1, 2, 3, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_mut_slice_memory_order(&mut self) -> Result<&mut [T], Error> {
        let start = self.tensor.dense_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.numel()) })
    }

    /// Iterates over the elements in logical order, to read them.
    pub fn iter(&self) -> Iter<'_, T> {
        self.as_view().iter()
    }

    /// Iterates over the elements in logical order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [0; 4];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[2, 2])?.transpose();
    /// view.iter_mut().zip(1..).for_each(|(x, n)| *x = n);
    /// assert_eq!(data, [1, 3, 2, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        // SAFETY: the invariant of the type; `self` is borrowed with it.
        unsafe { IterMut::new(self.tensor.clone()) }
    }
}

described!(TensorViewMut);

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
