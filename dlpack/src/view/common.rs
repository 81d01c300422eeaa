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

/// Calls a macro with the functions that make a view of the same elements: parts of them, or all in another order.
macro_rules! changes {
    ($callback:ident) => {
        $callback! {
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
    };
}

pub(super) use {changes, described};
