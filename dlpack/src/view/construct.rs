//! Views of memory that Rust code or other crates describe, with every number checked.

use core::ptr::NonNull;

use super::strided::Strided;
use super::tensor_view::TensorView;
use super::tensor_view_mut::TensorViewMut;
use super::view_element::ViewElement;
use crate::dims::{Dims, numel};
use crate::error::Error;
use crate::layout::Layout;

impl<'a, T> TensorView<'a, T> {
    /// Views a slice as a row-major tensor.
    ///
    /// # Errors
    ///
    /// - [`Error::LenMismatch`] if the product of `shape` is not the length of the slice,
    /// - [`Error::TooManyAxes`] above 64 axes, or 8 without `alloc`,
    /// - [`Error::ShapeOverflow`] if the product of the non-zero sizes exceeds `isize::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?;
    /// assert_eq!(view[[1, 0]], 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn from_slice(elements: &'a [T], shape: &[usize]) -> Result<Self, Error> {
        // SAFETY: the elements are those of the slice, which is borrowed for `'a`.
        Ok(unsafe { Self::new(row_major(elements.into(), shape)?) })
    }
}

impl<'a, I: ViewElement> TensorView<'a, I> {
    /// Views a part of a slice through any strides, which count elements. The first element of the slice is the one with
    /// index 0 on all axes.
    ///
    /// # Errors
    ///
    /// As for [`from_raw_parts`](Self::from_raw_parts), and [`Error::OutOfBounds`] if the view reaches beyond the slice.
    /// Strides that are negative do; [`flip`](Self::flip) turns an axis.
    ///
    /// # Examples
    ///
    /// Two rows of three, each followed by a gap:
    ///
    /// ```
    /// use dlpack::{Error, TensorView};
    ///
    /// let samples = [1, 2, 3, 0, 4, 5, 6];
    /// let view = TensorView::from_slice_strided(&samples, &[2, 3], &[4, 1])?;
    /// assert_eq!(view.to_vec(), [1, 2, 3, 4, 5, 6]);
    ///
    /// let refused = TensorView::from_slice_strided(&samples, &[3, 3], &[4, 1]).unwrap_err();
    /// assert_eq!(refused, Error::OutOfBounds { available: 28, start: 0, end: 44 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_slice_strided(
        elements: &'a [I],
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        Layout::of::<I::Element>(shape, strides)?.within(0, size_of_val(elements))?;
        // SAFETY: all elements lie in the slice, which is borrowed for `'a`.
        unsafe { Self::from_raw_parts(elements.as_ptr(), shape, strides) }
    }

    /// Views elements in memory, whatever their strides are.
    ///
    /// `data` points to the element with index 0 on all axes. Strides count elements; they may be negative or 0.
    /// Integrations of other crates' arrays are written with this function.
    ///
    /// # Errors
    ///
    /// - [`Error::StridesLenMismatch`] if there are not as many strides as sizes,
    /// - [`Error::TooManyAxes`] above 64 axes, or 8 without `alloc`,
    /// - [`Error::ShapeOverflow`] or [`Error::ExtentOverflow`] if the elements cannot all be in one address space,
    /// - [`Error::NullData`] or [`Error::Misaligned`] for such a pointer, unless there are no elements.
    ///
    /// # Safety
    ///
    /// Unless there are no elements, for `'a`,
    ///
    /// 1. all elements that the shape and the strides lead to lie in one live allocation that `data` points into, and
    ///    `data` may be used to reach them all, as a pointer made of a reference to one of them may not;
    /// 2. each of them may be read through `&I`: it is initialised as `I` asks, and nobody writes it but as `I` allows. Who
    ///    counts as a writer is said at [`Descriptor::view`](crate::Descriptor::view).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// struct Column {
    ///     start: *const f32,
    ///     len: usize,
    ///     step: isize,
    /// }
    ///
    /// let image = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let column = Column { start: &image[1], len: 2, step: 3 };
    ///
    /// // SAFETY: the second column of a borrowed array of two rows.
    /// let view = unsafe { TensorView::from_raw_parts(column.start, &[column.len], &[column.step]) }?;
    /// assert_eq!(view.to_vec(), [2.0, 5.0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn from_raw_parts(
        data: *const I,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        // SAFETY: clauses 1 and 2.
        Ok(unsafe { Self::new(strided(data.cast_mut(), shape, strides)?) })
    }
}

impl<'a, T> TensorViewMut<'a, T> {
    /// Views a slice as a row-major tensor.
    ///
    /// # Errors
    ///
    /// As for [`TensorView::from_slice`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut data = [0; 4];
    /// TensorViewMut::from_slice(&mut data, &[2, 2])?[[1, 0]] = 9;
    /// assert_eq!(data, [0, 0, 9, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn from_slice(elements: &'a mut [T], shape: &[usize]) -> Result<Self, Error> {
        // SAFETY: the elements are those of the slice, which is mutably borrowed for `'a`, each of them once.
        Ok(unsafe { Self::new(row_major(elements.into(), shape)?) })
    }
}

impl<'a, I: ViewElement> TensorViewMut<'a, I> {
    /// Views a part of a slice through any strides, to write it; see [`TensorView::from_slice_strided`].
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Overlapping`] if two indices may name the same element.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut square = [1, 2, 3, 4];
    /// TensorViewMut::from_slice_strided(&mut square, &[2], &[3])?.fill(0);
    /// assert_eq!(square, [0, 2, 3, 0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn from_slice_strided(
        elements: &'a mut [I],
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        Layout::of::<I::Element>(shape, strides)?.within(0, size_of_val(elements))?;
        // SAFETY: all elements lie in the slice, which is mutably borrowed for `'a`.
        unsafe { Self::from_raw_parts(elements.as_mut_ptr(), shape, strides) }
    }

    /// Views elements in memory to write them, as [`TensorView::from_raw_parts`].
    ///
    /// # Errors
    ///
    /// As for [`TensorView::from_raw_parts`], and [`Error::Overlapping`] if two indices may name the same element.
    ///
    /// # Safety
    ///
    /// Unless there are no elements, for `'a`,
    ///
    /// 1. all elements that the shape and the strides lead to lie in one live allocation that `data` points into, and
    ///    `data` may be used to reach them all, as a pointer made of a reference to one of them may not;
    /// 2. each of them may be written through `&mut I`: it is initialised as `I` asks, and nobody else reads or writes
    ///    it. Who counts as a reader or a writer is said at [`assume_exclusive`](crate::Managed::assume_exclusive).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorViewMut;
    ///
    /// let mut image = [1, 2, 3, 4, 5, 6];
    /// // SAFETY: the diagonal of a mutably borrowed array of two rows of three.
    /// let mut diagonal = unsafe { TensorViewMut::from_raw_parts(image.as_mut_ptr(), &[2], &[4]) }?;
    /// diagonal.fill(0);
    /// assert_eq!(image, [0, 2, 3, 4, 0, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn from_raw_parts(
        data: *mut I,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        // SAFETY: clause 1.
        let tensor = unsafe { strided(data, shape, strides) }?;
        if !tensor.is_disjoint()? {
            return Err(Error::Overlapping);
        }
        // SAFETY: clauses 1 and 2; no two indices name the same element.
        Ok(unsafe { Self::new(tensor) })
    }
}

/// All elements of a slice, in row-major order.
fn row_major<T>(elements: NonNull<[T]>, shape: &[usize]) -> Result<Strided<T>, Error> {
    const { assert!(size_of::<T>() != 0, "elements have a size") };
    let (expected, found) = (numel(shape)?, elements.len());
    if expected != found {
        return Err(Error::LenMismatch { expected, found });
    }
    let mut dims = Dims::zeroed(shape.len())?;
    dims.both_mut().0.copy_from_slice(bytemuck::cast_slice(shape));
    dims.fill_row_major();
    // SAFETY: the checked shape names each element of the slice once, in order.
    Ok(unsafe { Strided::new_unchecked(elements.cast(), dims, found) })
}

/// # Safety
///
/// Unless there are no elements, those that shape and strides lead to lie in one allocation that `data` points into.
unsafe fn strided<I: ViewElement>(
    data: *mut I,
    shape: &[usize],
    strides: &[isize],
) -> Result<Strided<I>, Error> {
    let layout = Layout::of::<I::Element>(shape, strides)?;
    let numel = layout.numel();
    let origin = match NonNull::new(data).filter(|_| numel != 0) {
        Some(origin) if origin.is_aligned() => origin,
        Some(_) => return Err(Error::Misaligned { required: align_of::<I>() }),
        None if numel == 0 => NonNull::dangling(),
        None => return Err(Error::NullData),
    };
    let dims = Dims::copied(bytemuck::cast_slice(shape), strides)?;
    // SAFETY: `layout` has checked the numbers for elements of this size; the elements lie in one allocation.
    Ok(unsafe { Strided::new_unchecked(origin, dims, numel) })
}
