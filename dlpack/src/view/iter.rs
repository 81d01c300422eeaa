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

// SAFETY: an iterator hands out `&T`, as a `&T` could be sent itself.
unsafe impl<T: Sync> Send for Iter<'_, T> {}
// SAFETY: a shared iterator gives nothing away.
unsafe impl<T: Sync> Sync for Iter<'_, T> {}
// SAFETY: an iterator hands out `&mut T`, as a `&mut T` could be sent itself.
unsafe impl<T: Send> Send for IterMut<'_, T> {}
// SAFETY: a shared iterator gives nothing away.
unsafe impl<T: Sync> Sync for IterMut<'_, T> {}

impl<T> Iter<'_, T> {
    /// # Safety
    ///
    /// The elements of `tensor` may be read through `&T` for the lifetime.
    pub(super) unsafe fn new(tensor: Strided<T>) -> Self {
        Self { cursor: Cursor::new(tensor.into_fewest_axes()), elements: PhantomData }
    }
}

impl<T> IterMut<'_, T> {
    /// # Safety
    ///
    /// The elements of `tensor` may be written through `&mut T` for the lifetime, and no two indices name the
    /// same one.
    pub(super) unsafe fn new(tensor: Strided<T>) -> Self {
        Self { cursor: Cursor::new(tensor.into_fewest_axes()), elements: PhantomData }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        let element = self.cursor.next()?;
        // SAFETY: invariant 1.
        Some(unsafe { element.as_ref() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.cursor.left(), Some(self.cursor.left()))
    }

    fn fold<A, F: FnMut(A, &'a T) -> A>(mut self, init: A, mut f: F) -> A {
        let mut folded = init;
        while let Some(row) = self.cursor.next_row() {
            for k in 0..row.len {
                // SAFETY: invariant 1; `k` is within the row.
                folded = f(folded, unsafe { row.at(k).as_ref() });
            }
        }
        folded
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        let mut element = self.cursor.next()?;
        // SAFETY: invariant 1.
        Some(unsafe { element.as_mut() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.cursor.left(), Some(self.cursor.left()))
    }

    fn fold<A, F: FnMut(A, &'a mut T) -> A>(mut self, init: A, mut f: F) -> A {
        let mut folded = init;
        while let Some(row) = self.cursor.next_row() {
            for k in 0..row.len {
                // SAFETY: invariant 1; `k` is within the row.
                folded = f(folded, unsafe { row.at(k).as_mut() });
            }
        }
        folded
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> ExactSizeIterator for IterMut<'_, T> {}
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IterMut<'_, T> {}

impl<T> core::fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Iter").field("left", &self.cursor.left()).finish_non_exhaustive()
    }
}

impl<T> core::fmt::Debug for IterMut<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IterMut").field("left", &self.cursor.left()).finish_non_exhaustive()
    }
}
