//! New shared views of the same elements: parts of them, or all in another order.

use super::TensorView;
use crate::error::Error;
use crate::view::common::changes;

macro_rules! shared {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {
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
        impl<T> TensorView<'_, T> {$(
            $(#[$doc])*
            pub fn $name(&self, $($argument: $type),*) -> Result<Self, Error> {
                let mut view = self.clone();
                view.tensor.$name($($argument),*)?;
                Ok(view)
            }
        )*}
    };
}

changes!(shared);

impl<T> TensorView<'_, T> {
    /// Reverses the order of the axes.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(view.transpose().to_vec(), [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut view = self.clone();
        view.tensor.transpose();
        view
    }

    /// Splits the view in two along an axis, before index `at`.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], or [`Error::RangeOutOfBounds`] if `at` exceeds the size of the axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let (head, tail) = TensorView::from_slice(&[1, 2, 3], &[3])?.split_at(0, 1)?;
    /// assert_eq!((head.to_vec(), tail.to_vec()), (vec![1], vec![2, 3]));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn split_at(&self, axis: usize, at: usize) -> Result<(Self, Self), Error> {
        let (head, tail) = self.tensor.clone().split_at(axis, at)?;
        // SAFETY: the invariant of the type; these are some of its elements.
        Ok(unsafe { (Self::new(head), Self::new(tail)) })
    }
}
