//! Copies between strided tensors, in the order that suits the memory.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use super::strided::Strided;
use super::tensor_view::TensorView;
use super::tensor_view_mut::TensorViewMut;
use super::view_element::ViewElement;
use crate::copy::copy_strided;
use crate::dims::RowMajor;
use crate::error::Error;
use crate::vocabulary::Element;

impl<I: ViewElement> TensorView<'_, I> {
    /// Copies all elements into a new vector, in row-major order.
    ///
    /// # Panics
    ///
    /// Panics or aborts as [`Vec`] does if there is no memory; see [`try_to_vec`](Self::try_to_vec).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?.transpose();
    /// assert_eq!(view.to_vec(), [1, 3, 2, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Vec<I::Value> {
        let mut elements = Vec::with_capacity(self.numel());
        self.append_to(&mut elements);
        elements
    }

    /// Copies all elements into a new vector, as [`to_vec`](Self::to_vec), with an error if there is no memory.
    ///
    /// For views of foreign memory: a few bytes, repeated with strides of 0, can have more elements than any machine
    /// has memory for.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    #[cfg(feature = "alloc")]
    pub fn try_to_vec(&self) -> Result<Vec<I::Value>, Error> {
        let mut elements = Vec::new();
        elements.try_reserve_exact(self.numel()).map_err(|_| Error::AllocationFailed)?;
        self.append_to(&mut elements);
        Ok(elements)
    }

    /// `elements` is empty and has room.
    #[cfg(feature = "alloc")]
    fn append_to(&self, elements: &mut Vec<I::Value>) {
        let room = elements.spare_capacity_mut();
        assert!(room.len() >= self.numel(), "room for all elements");
        let start = room.as_mut_ptr().cast::<I::Value>();
        // SAFETY: there is room for all elements, and a new vector overlaps nothing; all of them are written then.
        unsafe {
            write_row_major(self.strided(), start);
            elements.set_len(self.numel());
        }
    }

    /// Copies all elements into a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`] if the slice does not have [`numel`](Self::numel) elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let mut elements = [0; 4];
    /// TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?.transpose().copy_to(&mut elements)?;
    /// assert_eq!(elements, [1, 3, 2, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn copy_to(&self, elements: &mut [I::Value]) -> Result<(), Error> {
        if elements.len() != self.numel() {
            return Err(Error::LenMismatch { expected: self.numel(), found: elements.len() });
        }
        // SAFETY: the slice holds all elements. It is mutably borrowed, so the view is of other memory: also one of `ReadCell`s, whose
        // contract says that no `&mut` to their elements is in use.
        unsafe { write_row_major(self.strided(), elements.as_mut_ptr()) };
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl<I: ViewElement> TensorViewMut<'_, I> {
    /// Copies all elements into a new vector, as [`TensorView::to_vec`].
    pub fn to_vec(&self) -> Vec<I::Value> {
        self.as_view().to_vec()
    }
}

impl<T: Copy> TensorViewMut<'_, T> {
    /// Copies all elements of a view of the same shape.
    ///
    /// # Errors
    ///
    /// [`Error::NdimMismatch`], or [`Error::ShapeMismatch`] for the first axis that differs. Nothing is written.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{TensorView, TensorViewMut};
    ///
    /// let source = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?.transpose();
    /// let mut data = [0; 4];
    /// TensorViewMut::from_slice(&mut data, &[2, 2])?.copy_from(&source)?;
    /// assert_eq!(data, [1, 3, 2, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn copy_from<I: ViewElement<Value = T>>(
        &mut self,
        source: &TensorView<'_, I>,
    ) -> Result<(), Error> {
        // SAFETY: this view is exclusive, so the source is of other memory: also one of `ReadCell`s, whose contract says that no
        // `&mut` to their elements is in use.
        unsafe { write_strided(source.strided(), self.strided()) }
    }

    /// Copies a slice that holds all elements in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`] if the slice does not have [`numel`](Self::numel) elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [0; 4];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[2, 2])?.transpose();
    /// view.copy_from_slice(&[1, 2, 3, 4])?;
    /// assert_eq!(data, [1, 3, 2, 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn copy_from_slice(&mut self, elements: &[T]) -> Result<(), Error>
    where
        T: ViewElement<Value = T>,
    {
        let source = TensorView::from_slice(elements, self.shape())?;
        self.copy_from(&source)
    }

    /// Writes a value to all elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [1, 2, 3, 4];
    /// TensorViewMut::from_slice(&mut data, &[2, 2])?.select(1, 1)?.fill(0);
    /// assert_eq!(data, [1, 0, 3, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn fill(&mut self, value: T) {
        let mut cursor = super::rows::Cursor::new(self.strided().clone().into_memory_order());
        while let Some(row) = cursor.next_row() {
            if row.stride == 1 {
                let start = row.start.as_ptr();
                // SAFETY: the invariant of the view; the row is of its elements, side by side.
                unsafe { core::slice::from_raw_parts_mut(start, row.len) }.fill(value);
                continue;
            }
            for k in 0..row.len {
                // SAFETY: the invariant of the view: `k` is within the row.
                unsafe { row.at(k).write(value) };
            }
        }
    }
}

impl<T: Element> TensorViewMut<'_, MaybeUninit<T>> {
    /// Initialises all elements with those of a view of the same shape, as [`copy_from`](Self::copy_from) does, but
    /// with the knowledge that these are initialised.
    pub(crate) fn init_from(&mut self, source: &TensorView<'_, T>) -> Result<(), Error> {
        // SAFETY: this view is exclusive, so the source is of other memory.
        unsafe { write_strided(source.strided(), self.strided()) }
    }
}

/// Copies all elements, if the shapes agree.
///
/// # Safety
///
/// Values of `from` can be written to `to`, which may be written, and the two do not overlap.
unsafe fn write_strided<I: ViewElement, T>(
    from: &Strided<I>,
    to: &Strided<T>,
) -> Result<(), Error> {
    same_shape(to.shape(), from.shape())?;
    // SAFETY: the shapes agree; invariant 2 of both sides leads to elements only.
    unsafe { copy_to::<I>(from, to.origin().as_ptr().cast(), to.strides()) };
    Ok(())
}

/// # Safety
///
/// The elements of `from` can be read, `to` is aligned and can be written for as many values, and the two do not overlap.
pub(crate) unsafe fn write_row_major<I: ViewElement>(from: &Strided<I>, to: *mut I::Value) {
    if let Ok(elements) = from.row_major() {
        // SAFETY: the elements lie side by side from `start`, and there is room for as many.
        unsafe {
            let start = elements.as_ptr().cast::<I::Bits>();
            start.copy_to_nonoverlapping(to.cast(), from.numel());
        }
        return;
    }
    let to_strides = RowMajor::of(from.dims().shape());
    // SAFETY: the strides place each element once among the values, for which there is room.
    unsafe { copy_to::<I>(from, to.cast(), to_strides.strides()) }
}

/// # Safety
///
/// As for [`copy_strided`], where `to_strides` has as many strides as `from`.
unsafe fn copy_to<I: ViewElement>(from: &Strided<I>, to: *mut I::Bits, to_strides: &[isize]) {
    let (start, strides, shape) = (from.origin().as_ptr().cast(), from.strides(), from.shape());
    // SAFETY: clauses 1 to 3 are this function's own; clause 3 of `Layout` says whether the elements are initialised.
    unsafe {
        if I::INITIALISED {
            copy_strided::<I::Bits, true>(start, strides, to, to_strides, shape);
        } else {
            copy_strided::<I::Bits, false>(start, strides, to, to_strides, shape);
        }
    }
}

fn same_shape(expected: &[usize], found: &[usize]) -> Result<(), Error> {
    if expected.len() != found.len() {
        return Err(Error::NdimMismatch { expected: expected.len(), found: found.len() });
    }
    for (axis, (&expected, &found)) in expected.iter().zip(found).enumerate() {
        if expected != found {
            return Err(Error::ShapeMismatch { axis, expected, found });
        }
    }
    Ok(())
}
