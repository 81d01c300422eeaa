//! New mutable views of the same elements: parts of them, or all in another order.

use super::TensorViewMut;
use crate::error::Error;
use crate::view::common::changes;

macro_rules! consuming {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {
        /// # Views of the same elements
        ///
        /// Each of these takes the view; see [`reborrow`](Self::reborrow).
        impl<T> TensorViewMut<'_, T> {$(
            $(#[$doc])*
            pub fn $name(mut self, $($argument: $type),*) -> Result<Self, Error> {
                self.tensor.$name($($argument),*)?;
                Ok(self)
            }
        )*}
    };
}

changes!(consuming);

impl<T> TensorViewMut<'_, T> {
    /// Reverses the order of the axes, as [`TensorView::transpose`](crate::TensorView::transpose).
    #[must_use]
    pub fn transpose(mut self) -> Self {
        self.tensor.transpose();
        self
    }

    /// Splits the view in two along an axis, before index `at`; the parts can be written independently.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::RangeOutOfBounds`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [1, 2, 3];
    /// let (mut head, mut tail) = TensorViewMut::from_slice(&mut data, &[3])?.split_at(0, 1)?;
    /// core::mem::swap(&mut head[[0]], &mut tail[[1]]);
    /// assert_eq!(data, [3, 2, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn split_at(self, axis: usize, at: usize) -> Result<(Self, Self), Error> {
        let (head, tail) = self.tensor.split_at(axis, at)?;
        // SAFETY: the invariant of the type; the two parts have no index, hence no element, in common.
        Ok(unsafe { (Self::new(head), Self::new(tail)) })
    }
}
