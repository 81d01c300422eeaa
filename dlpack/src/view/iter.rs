//! Iteration over the elements of a view in logical order.

use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::rows::Cursor;
use super::strided::Strided;

/// Iterates over the elements of a [`TensorView`](crate::TensorView), the last axis running fastest.
///
/// # Examples
///
/// ```
/// use dlpack::TensorView;
///
/// let view = TensorView::from_slice(&[1, 2, 3, 4, 5, 6], &[2, 3])?.transpose();
/// assert!(view.iter().eq(&[1, 4, 2, 5, 3, 6]));
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Iter<'a, T> {
    /// # Invariants
    ///
    /// 1. The elements that are left may be read through `&T` for `'a`.
    cursor: Cursor<T>,
    elements: PhantomData<&'a T>,
}

/// Iterates over the elements of a [`TensorViewMut`](crate::TensorViewMut), the last axis running fastest.
///
/// # Examples
///
/// ```
/// use dlpack::TensorViewMut;
///
/// let mut data = [1, 2, 3, 4];
/// TensorViewMut::from_slice(&mut data, &[2, 2])?.iter_mut().for_each(|x| *x *= 10);
/// assert_eq!(data, [10, 20, 30, 40]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct IterMut<'a, T> {
    /// # Invariants
    ///
    /// 1. The elements that are left may be written through `&mut T` for `'a`, and each is named once.
    cursor: Cursor<T>,
    elements: PhantomData<&'a mut T>,
}

macro_rules! iterators {
    ($($iter:ident, $item:ty, $sent:ident, $as:ident;)*) => {$(
        // SAFETY: an iterator hands out references, and is sent as they are.
        unsafe impl<T: $sent> Send for $iter<'_, T> {}
        // SAFETY: a shared iterator gives nothing away.
        unsafe impl<T: Sync> Sync for $iter<'_, T> {}

        impl<T> $iter<'_, T> {
            /// # Safety
            ///
            /// Invariant 1 holds for the elements of `tensor`, of which no two indices name the same one if they are
            /// written.
            pub(super) unsafe fn new(tensor: Strided<T>) -> Self {
                Self { cursor: Cursor::new(tensor.into_fewest_axes()), elements: PhantomData }
            }
        }

        impl<'a, T> Iterator for $iter<'a, T> {
            type Item = $item;

            #[inline]
            #[allow(unused_mut, reason = "for mutable references only")]
            fn next(&mut self) -> Option<$item> {
                let mut element = self.cursor.next()?;
                // SAFETY: invariant 1.
                Some(unsafe { element.$as() })
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.cursor.left, Some(self.cursor.left))
            }

            fn fold<A, F: FnMut(A, $item) -> A>(mut self, init: A, mut f: F) -> A {
                let mut folded = init;
                while let Some(row) = self.cursor.next_row() {
                    for k in 0..row.len {
                        // SAFETY: invariant 1; `k` is within the row.
                        folded = f(folded, unsafe { row.at(k).$as() });
                    }
                }
                folded
            }
        }

        impl<T> ExactSizeIterator for $iter<'_, T> {}
        impl<T> FusedIterator for $iter<'_, T> {}

        impl<T> core::fmt::Debug for $iter<'_, T> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut text = f.debug_struct(stringify!($iter));
                text.field("left", &self.cursor.left).finish_non_exhaustive()
            }
        }
    )*};
}

iterators! {
    Iter, &'a T, Sync, as_ref;
    IterMut, &'a mut T, Send, as_mut;
}
