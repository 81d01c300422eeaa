//! New shared views of the same elements: parts of them, or all in another order.

use core::ops::RangeBounds;

use super::TensorView;
use crate::error::Error;
use crate::view::bounds;
use crate::view::strided::Strided;

/// # Views of the same elements
impl<T> TensorView<'_, T> {
    /// Keeps part of an axis.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], or [`Error::IndexOutOfRange`] if the range does not lie within the axis.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorView;
    /// let view = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(view.slice(1, 1..)?.to_vec(), [2, 3, 5, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn slice(&self, axis: usize, range: impl RangeBounds<usize>) -> Result<Self, Error> {
        let (start, end) = bounds(range, self.shape(), axis)?;
        self.derive(|tensor| tensor.slice(axis, start, end))
    }

    /// Keeps every `step`-th element along an axis, from the first.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::ZeroStep`].
    pub fn step_by(&self, axis: usize, step: usize) -> Result<Self, Error> {
        self.derive(|tensor| tensor.step_by(axis, step))
    }

    /// Reverses the order of the elements along an axis.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    pub fn flip(&self, axis: usize) -> Result<Self, Error> {
        self.derive(|tensor| tensor.flip(axis))
    }

    /// Picks one index of an axis, which is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
    pub fn select(&self, axis: usize, index: usize) -> Result<Self, Error> {
        self.derive(|tensor| tensor.select(axis, index))
    }

    /// Puts a new axis of size 1 before `axis`, or at the end.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`] if `axis` exceeds the number of axes, [`Error::TooManyAxes`].
    pub fn insert_axis(&self, axis: usize) -> Result<Self, Error> {
        self.derive(|tensor| tensor.insert_axis(axis))
    }

    /// Reorders the axes: axis `i` of the result is axis `axes[i]` of this view.
    ///
    /// # Errors
    ///
    /// [`Error::NdimMismatch`], [`Error::AxisOutOfRange`], [`Error::RepeatedAxis`].
    pub fn permute(&self, axes: &[usize]) -> Result<Self, Error> {
        self.derive(|tensor| tensor.permute(axes))
    }

    /// Reverses the order of the axes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorView;
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

    /// Gives the elements a new shape, in the same logical order and where they are.
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`] if the product of `shape` is not [`numel`](Self::numel),
    /// [`Error::ReshapeNeedsCopy`] if no strides reach the elements in that order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Error, TensorView};
    /// let view = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(view.reshape(&[3, 2])?[[2, 0]], 5);
    /// assert_eq!(view.transpose().reshape(&[6]).unwrap_err(), Error::ReshapeNeedsCopy);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reshape(&self, shape: &[usize]) -> Result<Self, Error> {
        self.derive(|tensor| tensor.reshape(shape))
    }

    /// Splits the view in two along an axis, before index `at`.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], or [`Error::IndexOutOfRange`] if `at` exceeds the size of the axis.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorView;
    /// let (head, tail) = TensorView::from_slice(&[1, 2, 3], &[3])?.split_at(0, 1)?;
    /// assert_eq!((head.to_vec(), tail.to_vec()), (vec![1], vec![2, 3]));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn split_at(&self, axis: usize, at: usize) -> Result<(Self, Self), Error> {
        let (head, tail) = self.tensor.clone().split_at(axis, at)?;
        // SAFETY: the invariant of the type; these are some of its elements.
        Ok(unsafe { (Self::new(head), Self::new(tail)) })
    }

    fn derive(
        &self,
        change: impl FnOnce(&mut Strided<T>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut view = self.clone();
        change(&mut view.tensor)?;
        Ok(view)
    }
}
