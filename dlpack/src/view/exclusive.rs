//! The mutable view: typed elements of a tensor, written through any strides that do not overlap.

use core::marker::PhantomData;
use core::ops::{Index, IndexMut, RangeBounds};
use core::ptr::NonNull;
use core::slice;

use super::iter::IterMut;
use super::shared::TensorView;
use super::strided::Strided;
use super::{bounds, from_rust};
use crate::error::Error;

/// Typed elements of a tensor that nobody else reads or writes while the view lives.
///
/// As [`TensorView`], with the addition that no two indices name the same element; views of overlapping
/// memory cannot be made. What gives a new view of the same elements takes this one; use
/// [`reborrow`](Self::reborrow) to keep it.
///
/// # Examples
///
/// ```
/// use dlpack::TensorViewMut;
///
/// let mut data = [1, 2, 3, 4, 5, 6];
/// let mut image = TensorViewMut::from_slice(&mut data, &[2, 3])?;
/// image[[0, 2]] = 30;
/// image.slice(1, ..1)?.fill(0);
/// assert_eq!(data, [0, 2, 30, 0, 5, 6]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct TensorViewMut<'a, T> {
    /// # Invariants
    ///
    /// Those of [`Strided`], and: the elements may be written through `&mut T` for `'a`, and no two indices
    /// name the same one.
    tensor: Strided<T>,
    elements: PhantomData<&'a mut [T]>,
}

// SAFETY: a mutable view gives `&mut T`, and is sent as a `&mut [T]` is.
unsafe impl<T: Send> Send for TensorViewMut<'_, T> {}
// SAFETY: a shared mutable view gives `&T`, as a shared `&mut [T]` does.
unsafe impl<T: Sync> Sync for TensorViewMut<'_, T> {}

impl<'a, T> TensorViewMut<'a, T> {
    /// # Safety
    ///
    /// The elements of `tensor` may be written through `&mut T` for `'a`, and no two indices name the same one.
    #[inline]
    pub(crate) const unsafe fn new(tensor: Strided<T>) -> Self {
        Self { tensor, elements: PhantomData }
    }

    pub(crate) const fn strided(&self) -> &Strided<T> {
        &self.tensor
    }

    /// Views a slice as a row-major tensor.
    ///
    /// # Errors
    ///
    /// As for [`TensorView::from_slice`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [0; 4];
    /// TensorViewMut::from_slice(&mut data, &[2, 2])?[[1, 0]] = 9;
    /// assert_eq!(data, [0, 0, 9, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn from_slice(elements: &'a mut [T], shape: &[usize]) -> Result<Self, Error> {
        let numel = elements.len();
        let dims = from_rust::row_major(shape, numel)?;
        let origin = NonNull::from(elements).cast();
        // SAFETY: the checked shape names each element of the slice once, in order.
        let tensor = unsafe { Strided::new_unchecked(origin, dims, numel) };
        // SAFETY: the slice is mutably borrowed for `'a`.
        Ok(unsafe { Self::new(tensor) })
    }

    /// Lends the view out and keeps it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[3])?;
    /// view.reborrow().slice(0, ..2)?.fill(0);
    /// view[[2]] = 7;
    /// assert_eq!(data, [0, 0, 7]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn reborrow(&mut self) -> TensorViewMut<'_, T> {
        // SAFETY: the invariant of the type; `self` is out of use for the shorter lifetime.
        unsafe { TensorViewMut::new(self.tensor.clone()) }
    }

    /// Looks at the elements without writing them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3];
    /// let view = TensorViewMut::from_slice(&mut data, &[3])?;
    /// assert_eq!(view.as_view().iter().sum::<i32>(), 6);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_view(&self) -> TensorView<'_, T> {
        // SAFETY: the invariant of the type; `self` writes nothing while it is borrowed.
        unsafe { TensorView::new(self.tensor.clone()) }
    }

    /// Gives up writing for the rest of the lifetime.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3];
    /// let view = TensorViewMut::from_slice(&mut data, &[3])?.into_view();
    /// let other = view.clone();
    /// assert_eq!(view[[0]] + other[[2]], 4);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_view(self) -> TensorView<'a, T> {
        // SAFETY: the invariant of the type; `self` is gone.
        unsafe { TensorView::new(self.tensor) }
    }

    /// Returns the shape, as [`TensorView::shape`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// assert_eq!(TensorViewMut::from_slice(&mut [1, 2], &[1, 2])?.shape(), [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    /// Returns the strides in elements, as [`TensorView::strides`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// assert_eq!(TensorViewMut::from_slice(&mut [1, 2], &[1, 2])?.strides(), [2, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn strides(&self) -> &[isize] {
        self.tensor.strides()
    }

    /// Returns the number of axes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// assert_eq!(TensorViewMut::from_slice(&mut [1, 2], &[1, 2])?.ndim(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn ndim(&self) -> usize {
        self.tensor.ndim()
    }

    /// Returns the number of elements.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// assert_eq!(TensorViewMut::from_slice(&mut [1, 2], &[1, 2])?.numel(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn numel(&self) -> usize {
        self.tensor.numel()
    }

    /// Says whether there are no elements.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// assert!(TensorViewMut::<u8>::from_slice(&mut [], &[0])?.is_empty());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn is_empty(&self) -> bool {
        self.tensor.numel() == 0
    }

    /// Returns the address of the element with index 0 on all axes, as [`TensorView::as_ptr`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2];
    /// let start = data.as_mut_ptr();
    /// assert_eq!(TensorViewMut::from_slice(&mut data, &[2])?.as_mut_ptr(), start);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn as_mut_ptr(&mut self) -> *mut T {
        self.tensor.origin().as_ptr()
    }

    /// Returns an element, or `None` if there is none with this index.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2];
    /// assert_eq!(TensorViewMut::from_slice(&mut data, &[2])?.get(&[1]), Some(&2));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn get(&self, index: &[usize]) -> Option<&T> {
        let element = self.tensor.element(index)?;
        // SAFETY: the invariant of the type; `self` writes nothing while it is borrowed.
        Some(unsafe { element.as_ref() })
    }

    /// Returns an element to write, or `None` if there is none with this index.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2];
    /// if let Some(x) = TensorViewMut::from_slice(&mut data, &[2])?.get_mut(&[1]) {
    ///     *x = 5;
    /// }
    /// assert_eq!(data, [1, 5]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn get_mut(&mut self, index: &[usize]) -> Option<&mut T> {
        let mut element = self.tensor.element(index)?;
        // SAFETY: the invariant of the type; `self` is borrowed with it.
        Some(unsafe { element.as_mut() })
    }

    /// Returns all elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::NotContiguous`] if they do not lie side by side in that order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [3, 1, 2];
    /// TensorViewMut::from_slice(&mut data, &[3, 1])?.as_mut_slice()?.sort();
    /// assert_eq!(data, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_mut_slice(&mut self) -> Result<&mut [T], Error> {
        let start = self.tensor.row_major_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.numel()) })
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
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3, 4];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[2, 2])?.transpose();
    /// assert_eq!(view.as_mut_slice_memory_order()?, [1, 2, 3, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn as_mut_slice_memory_order(&mut self) -> Result<&mut [T], Error> {
        let start = self.tensor.dense_start().ok_or(Error::NotContiguous)?;
        // SAFETY: the invariant of the type; the elements lie side by side from `start`.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.numel()) })
    }

    /// Iterates over the elements in logical order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
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

    /// Keeps part of an axis, as [`TensorView::slice`].
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
    /// TensorViewMut::from_slice(&mut data, &[3])?.slice(0, 1..)?.fill(0);
    /// assert_eq!(data, [1, 0, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn slice(mut self, axis: usize, range: impl RangeBounds<usize>) -> Result<Self, Error> {
        let (start, end) = bounds(range, self.shape(), axis)?;
        self.tensor.slice(axis, start, end)?;
        Ok(self)
    }

    /// Keeps every `step`-th element along an axis, as [`TensorView::step`].
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::ZeroStep`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3];
    /// TensorViewMut::from_slice(&mut data, &[3])?.step(0, 2)?.fill(0);
    /// assert_eq!(data, [0, 2, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn step(mut self, axis: usize, step: usize) -> Result<Self, Error> {
        self.tensor.step(axis, step)?;
        Ok(self)
    }

    /// Runs an axis the other way round, as [`TensorView::reverse`].
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3];
    /// TensorViewMut::from_slice(&mut data, &[3])?.reverse(0)?[[0]] = 9;
    /// assert_eq!(data, [1, 2, 9]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn reverse(mut self, axis: usize) -> Result<Self, Error> {
        self.tensor.reverse(axis)?;
        Ok(self)
    }

    /// Picks one index of an axis, as [`TensorView::select`].
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::IndexOutOfRange`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3, 4];
    /// TensorViewMut::from_slice(&mut data, &[2, 2])?.select(1, 0)?.fill(0);
    /// assert_eq!(data, [0, 2, 0, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn select(mut self, axis: usize, index: usize) -> Result<Self, Error> {
        self.tensor.select(axis, index)?;
        Ok(self)
    }

    /// Puts a new axis of size 1 before `axis`, as [`TensorView::insert_axis`].
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`], [`Error::TooManyDims`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2];
    /// assert_eq!(TensorViewMut::from_slice(&mut data, &[2])?.insert_axis(1)?.shape(), [2, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn insert_axis(mut self, axis: usize) -> Result<Self, Error> {
        self.tensor.insert_axis(axis)?;
        Ok(self)
    }

    /// Reorders the axes, as [`TensorView::permute`].
    ///
    /// # Errors
    ///
    /// [`Error::RankMismatch`], [`Error::AxisOutOfRange`], [`Error::RepeatedAxis`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [0; 6];
    /// let view = TensorViewMut::from_slice(&mut data, &[1, 2, 3])?;
    /// assert_eq!(view.permute(&[1, 2, 0])?.shape(), [2, 3, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn permute(mut self, axes: &[usize]) -> Result<Self, Error> {
        self.tensor.permute(axes)?;
        Ok(self)
    }

    /// Reverses the order of the axes, as [`TensorView::transpose`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [0; 6];
    /// assert_eq!(TensorViewMut::from_slice(&mut data, &[2, 3])?.transpose().shape(), [3, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    pub fn transpose(mut self) -> Self {
        self.tensor.transpose();
        self
    }

    /// Gives the elements a new shape where they are, as [`TensorView::reshape`].
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`], [`Error::ReshapeNeedsCopy`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorViewMut;
    /// let mut data = [1, 2, 3, 4];
    /// TensorViewMut::from_slice(&mut data, &[4])?.reshape(&[2, 2])?[[1, 0]] = 0;
    /// assert_eq!(data, [1, 2, 0, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
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
        let head = unsafe { Self::new(head) };
        // SAFETY: the same.
        Ok((head, unsafe { Self::new(tail) }))
    }
}

impl<T, const N: usize> Index<[usize; N]> for TensorViewMut<'_, T> {
    type Output = T;

    /// Returns an element.
    ///
    /// # Panics
    ///
    /// Panics if there is none with this index; see [`TensorViewMut::get`].
    #[inline]
    fn index(&self, index: [usize; N]) -> &T {
        match self.get(&index) {
            Some(element) => element,
            None => super::no_element(&index, self.shape()),
        }
    }
}

impl<T, const N: usize> IndexMut<[usize; N]> for TensorViewMut<'_, T> {
    #[inline]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        match self.tensor.element(&index) {
            // SAFETY: the invariant of the type; `self` is borrowed with the element.
            Some(mut element) => unsafe { element.as_mut() },
            None => super::no_element(&index, self.shape()),
        }
    }
}
