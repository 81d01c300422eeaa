//! What shared and mutable views have in common.

/// Defines the shape, the strides and the counts of a view, and access to its elements by index.
macro_rules! described {
    ($view:ident) => {
        impl<T> $view<'_, T> {
            /// Returns the shape: the number of elements along each axis.
            pub fn shape(&self) -> &[usize] {
                self.tensor.shape()
            }

            /// Returns the strides: how many elements lie between neighbours along each axis.
            ///
            /// The stride of an axis of size 1, or of a tensor without elements, means nothing.
            pub fn strides(&self) -> &[isize] {
                self.tensor.strides()
            }

            /// Returns the number of axes.
            pub const fn ndim(&self) -> usize {
                self.tensor.ndim()
            }

            /// Returns the number of elements.
            pub const fn numel(&self) -> usize {
                self.tensor.numel()
            }

            /// Returns `true` if there are no elements.
            pub const fn is_empty(&self) -> bool {
                self.tensor.numel() == 0
            }

            pub(crate) const fn strided(&self) -> &Strided<T> {
                &self.tensor
            }
        }

        impl<T, const N: usize> core::ops::Index<[usize; N]> for $view<'_, T> {
            type Output = T;

            /// Returns an element.
            ///
            /// # Panics
            ///
            /// Panics if there is none with this index; see [`get`](Self::get).
            #[inline]
            fn index(&self, index: [usize; N]) -> &T {
                match self.get(&index) {
                    Some(element) => element,
                    None => crate::view::no_element(&index, self.shape()),
                }
            }
        }
    };
}

/// Defines the functions that make a view of the same elements: parts of them, or all in another order.
///
/// They take `$self`, of the type `$receiver`, and change the view `$start`.
macro_rules! derived {
    ($(#[$docs:meta])* $view:ident, $self:ident: $receiver:ty = $start:expr) => {
        derived! {
            $(#[$docs])* $view, $self: $receiver = $start;

            /// Keeps part of an axis.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`], or [`Error::RangeOutOfBounds`] if the range does not lie within the axis.
            slice(axis: usize, range: impl core::ops::RangeBounds<usize>);

            /// Keeps every `step`-th element along an axis, from the first.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`], [`Error::ZeroStep`].
            step_by(axis: usize, step: usize);

            /// Reverses the order of the elements along an axis.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`].
            flip(axis: usize);

            /// Picks one index of an axis, which is gone afterwards.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
            select(axis: usize, index: usize);

            /// Puts a new axis of size 1 before `axis`, or at the end.
            ///
            /// # Errors
            ///
            /// [`Error::InsertOutOfRange`] if `axis` exceeds the number of axes, [`Error::TooManyAxes`].
            insert_axis(axis: usize);

            /// Reorders the axes: axis `i` of the result is axis `axes[i]` of this view.
            ///
            /// # Errors
            ///
            /// [`Error::NdimMismatch`], [`Error::AxisOutOfRange`], [`Error::RepeatedAxis`].
            permute(axes: &[usize]);

            /// Gives the elements a new shape, in the same logical order and where they are.
            ///
            /// # Errors
            ///
            /// [`Error::LenMismatch`] if the product of `shape` is not [`numel`](Self::numel),
            /// [`Error::ReshapeNeedsCopy`] if no strides reach the elements in that order.
            reshape(shape: &[usize]);
        }

        impl<T> $view<'_, T> {
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
            pub fn transpose($self: $receiver) -> Self {
                let mut view = $start;
                view.tensor.transpose();
                view
            }

            /// Splits the view in two along an axis, before index `at`. The parts of a mutable view can be written
            /// independently.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`], or [`Error::RangeOutOfBounds`] if `at` exceeds the size of the axis.
            ///
            /// # Examples
            ///
            /// ```
            /// use dlpack::{TensorView, TensorViewMut};
            ///
            /// let (head, tail) = TensorView::from_slice(&[1, 2, 3], &[3])?.split_at(0, 1)?;
            /// assert_eq!((head.to_vec(), tail.to_vec()), (vec![1], vec![2, 3]));
            ///
            /// let mut data = [1, 2, 3];
            /// let (mut head, mut tail) = TensorViewMut::from_slice(&mut data, &[3])?.split_at(0, 1)?;
            /// core::mem::swap(&mut head[[0]], &mut tail[[1]]);
            /// assert_eq!(data, [3, 2, 1]);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            pub fn split_at($self: $receiver, axis: usize, at: usize) -> Result<(Self, Self), Error> {
                let (head, tail) = $start.tensor.split_at(axis, at)?;
                // SAFETY: the invariant of the type; these are some of its elements, and the two parts have no index,
                // hence, in a mutable view, no element, in common.
                Ok(unsafe { (Self::new(head), Self::new(tail)) })
            }
        }
    };
    (
        $(#[$docs:meta])* $view:ident, $self:ident: $receiver:ty = $start:expr;
        $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*);)*
    ) => {
        $(#[$docs])*
        impl<T> $view<'_, T> {$(
            $(#[$doc])*
            pub fn $name($self: $receiver, $($argument: $type),*) -> Result<Self, Error> {
                let mut view = $start;
                view.tensor.$name($($argument),*)?;
                Ok(view)
            }
        )*}
    };
}

pub(super) use {derived, described};
