//! New mutable views of the same elements: parts of them, or all in another order.

use core::ops::RangeBounds;

use super::TensorViewMut;
use crate::error::Error;
use crate::view::bounds;

/// # Views of the same elements
///
/// Each of these takes the view; see [`reborrow`](Self::reborrow).
impl<T> TensorViewMut<'_, T> {
    /// Keeps part of an axis, as [`TensorView::slice`](crate::TensorView::slice).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
    pub fn slice(mut self, axis: usize, range: impl RangeBounds<usize>) -> Result<Self, Error> {
        let (start, end) = bounds(range, self.shape(), axis)?;
        self.tensor.slice(axis, start, end)?;
        Ok(self)
    }

    /// Keeps every `step`-th element along an axis, as [`TensorView::step_by`](crate::TensorView::step_by).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::ZeroStep`].
    pub fn step_by(mut self, axis: usize, step: usize) -> Result<Self, Error> {
        self.tensor.step_by(axis, step)?;
        Ok(self)
    }

    /// Reverses the order of the elements along an axis, as [`TensorView::flip`](crate::TensorView::flip).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    pub fn flip(mut self, axis: usize) -> Result<Self, Error> {
        self.tensor.flip(axis)?;
        Ok(self)
    }

    /// Picks one index of an axis, as [`TensorView::select`](crate::TensorView::select).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
    pub fn select(mut self, axis: usize, index: usize) -> Result<Self, Error> {
        self.tensor.select(axis, index)?;
        Ok(self)
    }

    /// Puts a new axis of size 1 before `axis`, as [`TensorView::insert_axis`](crate::TensorView::insert_axis).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::TooManyAxes`].
    pub fn insert_axis(mut self, axis: usize) -> Result<Self, Error> {
        self.tensor.insert_axis(axis)?;
        Ok(self)
    }

    /// Reorders the axes, as [`TensorView::permute`](crate::TensorView::permute).
    ///
    /// # Errors
    ///
    /// [`Error::NdimMismatch`], [`Error::AxisOutOfRange`], [`Error::RepeatedAxis`].
    pub fn permute(mut self, axes: &[usize]) -> Result<Self, Error> {
        self.tensor.permute(axes)?;
        Ok(self)
    }

    /// Reverses the order of the axes, as [`TensorView::transpose`](crate::TensorView::transpose).
    #[must_use]
    pub fn transpose(mut self) -> Self {
        self.tensor.transpose();
        self
    }

    /// Gives the elements a new shape where they are, as [`TensorView::reshape`](crate::TensorView::reshape).
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`], [`Error::ReshapeNeedsCopy`].
    pub fn reshape(mut self, shape: &[usize]) -> Result<Self, Error> {
        self.tensor.reshape(shape)?;
        Ok(self)
    }

    /// Splits the view in two along an axis, before index `at`; the parts can be written independently.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
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
