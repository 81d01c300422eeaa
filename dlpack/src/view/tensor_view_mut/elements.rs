//! The elements of a mutable view: as a slice, one by one, all in order.

use super::TensorViewMut;
use crate::error::Error;
use crate::view::iter::IterMut;

impl<'a, T> TensorViewMut<'a, T> {
    /// Returns all elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in that order.
    pub fn as_mut_slice(&mut self) -> Result<&mut [T], Error> {
        // SAFETY: the invariant of the type; the elements lie side by side, and `self` is borrowed with them.
        Ok(unsafe { self.tensor.row_major()?.as_mut() })
    }

    /// Returns all elements as a slice, in row-major order, which may outlive this value.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in that order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, TensorViewMut};
    ///
    /// fn second_row<'a>(image: TensorViewMut<'a, u8>) -> Result<&'a mut [u8], Error> {
    ///     image.select(0, 1)?.into_slice()
    /// }
    ///
    /// let mut data = [1, 2, 3, 4];
    /// second_row(TensorViewMut::from_slice(&mut data, &[2, 2])?)?.fill(0);
    /// assert_eq!(data, [1, 2, 0, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn into_slice(self) -> Result<&'a mut [T], Error> {
        // SAFETY: the invariant of the type; the elements lie side by side, and `self` is gone.
        Ok(unsafe { self.tensor.row_major()?.as_mut() })
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
        // SAFETY: the invariant of the type; the elements lie side by side, and `self` is borrowed with them.
        Ok(unsafe { self.tensor.dense()?.as_mut() })
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

    /// Returns the address of the element with index 0 on all axes, as [`TensorView::as_ptr`](crate::TensorView::as_ptr).
    pub const fn as_mut_ptr(&mut self) -> *mut T {
        self.tensor.origin().as_ptr()
    }
}
