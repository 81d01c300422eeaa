//! The elements of a shared view: as a slice, one by one, all in order.

use super::TensorView;
use crate::error::Error;
use crate::view::iter::Iter;

impl<'a, T> TensorView<'a, T> {
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
        // SAFETY: the invariant of the type; the elements lie side by side.
        Ok(unsafe { self.tensor.row_major()?.as_ref() })
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
        // SAFETY: the invariant of the type; the elements lie side by side.
        Ok(unsafe { self.tensor.dense()?.as_ref() })
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

    /// Iterates over the elements in logical order.
    pub fn iter(&self) -> Iter<'a, T> {
        // SAFETY: the invariant of the type.
        unsafe { Iter::new(self.tensor.clone()) }
    }

    /// Returns `true` if the elements lie side by side in row-major (C) order, so that
    /// [`as_slice`](Self::as_slice) succeeds.
    pub fn is_contiguous(&self) -> bool {
        self.tensor.row_major().is_ok()
    }

    /// Returns the address of the element with index 0 on all axes.
    ///
    /// Aligned, and not to be followed if the view is empty.
    pub const fn as_ptr(&self) -> *const T {
        self.tensor.origin().as_ptr()
    }
}
