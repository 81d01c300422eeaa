//! Views of tensors as views of `ndarray`, and the way back.

use ndarray::{ArrayView, ArrayViewMut, Axis, Dimension, ShapeBuilder, StrideShape};

use crate::error::Error;
use crate::view::{TensorView, TensorViewMut};
use crate::vocabulary::Element;

/// Views a tensor as an array; nothing is copied.
///
/// Any strides go: negative ones, and those of a broadcast tensor, which are 0. The array has the elements, shape
/// and axes of the view. Of axes that have one index, and of empty views, it need not have the strides, which mean nothing.
///
/// With more than four axes, an array of the type `IxDyn` allocates memory for its shape.
///
/// # Errors
///
/// [`Error::NdimMismatch`] if `D` is a fixed number of axes and not that of the view, [`Error::ShapeOverflow`] if the product
/// of the sizes of an empty view, without those that are 0, exceeds `isize::MAX`.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter};
/// use ndarray::{ArrayView2, ArrayView3, array};
///
/// let tensor = Exporter::new(vec![1, 2, 3, 4, 5, 6]).shape(&[2, 3]).build()?;
/// let view = tensor.view::<i32>()?;
/// let array = ArrayView2::try_from(view.flip(1)?)?;
/// assert_eq!(array, array![[3, 2, 1], [6, 5, 4]]);
/// assert_eq!(array.as_ptr(), &raw const view[[0, 2]]);
///
/// let refused = ArrayView3::try_from(view).unwrap_err();
/// assert_eq!(refused, Error::NdimMismatch { expected: 3, found: 2 });
/// # Ok::<(), Error>(())
/// ```
impl<'a, T, D: Dimension> TryFrom<TensorView<'a, T>> for ArrayView<'a, T, D> {
    type Error = Error;

    fn try_from(view: TensorView<'a, T>) -> Result<Self, Error> {
        let (shape, low) = upwards::<T, D>(&view)?;
        // SAFETY: `low` and the strides of `upwards` hold the contract; a view may be read through `&T` for `'a`.
        let mut array = unsafe { Self::from_shape_ptr(shape, view.as_ptr().offset(low)) };
        for axis in downward_axes(&view) {
            array.invert_axis(axis);
        }
        Ok(array)
    }
}

/// Views a tensor as an array to write it; nothing is copied.
///
/// As for [`ArrayView`].
///
/// # Errors
///
/// As for [`ArrayView`].
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
/// use ndarray::{ArrayViewMut2, array};
///
/// let mut tensor = Exporter::new(vec![1, 2, 3, 4]).shape(&[2, 2]).build()?;
/// let mut array = ArrayViewMut2::try_from(tensor.view_mut::<i32>()?)?;
/// array += &array![[10, 10], [20, 20]];
/// assert_eq!(tensor.as_slice::<i32>()?, [11, 12, 23, 24]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T, D: Dimension> TryFrom<TensorViewMut<'a, T>> for ArrayViewMut<'a, T, D> {
    type Error = Error;

    fn try_from(mut view: TensorViewMut<'a, T>) -> Result<Self, Error> {
        let (shape, low) = upwards::<T, D>(&view.as_view())?;
        // SAFETY: `low` and the strides of `upwards` hold the contract; the elements of a mutable view may be written
        // through `&mut T` for `'a`, and no two indices name the same one.
        let mut array = unsafe { Self::from_shape_ptr(shape, view.as_mut_ptr().offset(low)) };
        for axis in downward_axes(&view.as_view()) {
            array.invert_axis(axis);
        }
        Ok(array)
    }
}

/// Views an array as a tensor; nothing is copied.
///
/// Of an array that is no view, take [`view()`](ndarray::ArrayRef::view).
///
/// # Errors
///
/// [`Error::TooManyAxes`] above 64 axes; [`Error::AllocationFailed`] above 8, if there is no memory for the shape.
///
/// # Examples
///
/// ```
/// use dlpack::TensorView;
/// use ndarray::{array, s};
///
/// let array = array![[1, 2, 3], [4, 5, 6]];
/// let view = TensorView::try_from(array.slice(s![.., ..;-2]))?;
/// assert_eq!((view.shape(), view.strides()), (&[2, 2][..], &[3, -2][..]));
/// assert_eq!(view.to_vec(), [3, 1, 6, 4]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T: Element, D: Dimension> TryFrom<ArrayView<'a, T, D>> for TensorView<'a, T> {
    type Error = Error;

    fn try_from(array: ArrayView<'a, T, D>) -> Result<Self, Error> {
        // SAFETY: `array` gives `&T` of each of these elements for `'a`.
        unsafe { Self::from_raw_parts(array.as_ptr(), array.shape(), array.strides()) }
    }
}

/// Views an array as a tensor to write it; nothing is copied.
///
/// # Errors
///
/// As for [`TensorView`].
///
/// # Examples
///
/// ```
/// use dlpack::TensorViewMut;
/// use ndarray::array;
///
/// let mut array = array![[1, 2, 3], [4, 5, 6]];
/// TensorViewMut::try_from(array.view_mut())?.select(1, 0)?.fill(0);
/// assert_eq!(array, array![[0, 2, 3], [0, 5, 6]]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<'a, T: Element, D: Dimension> TryFrom<ArrayViewMut<'a, T, D>> for TensorViewMut<'a, T> {
    type Error = Error;

    fn try_from(mut array: ArrayViewMut<'a, T, D>) -> Result<Self, Error> {
        let data = array.as_mut_ptr();
        // SAFETY: `array`, which is gone then, gives `&mut T` of each of these elements for `'a`.
        unsafe { Self::from_raw_parts(data, array.shape(), array.strides()) }
    }
}

/// A layout of the same elements in which no stride is negative, and the offset of its first element.
///
/// It is as `from_shape_ptr` asks: every address that the strides lead to is that of an element, and the product of the
/// sizes that are not 0 fits in `isize`.
fn upwards<T, D: Dimension>(view: &TensorView<'_, T>) -> Result<(StrideShape<D>, isize), Error> {
    let ndim = view.ndim();
    if let Some(expected) = D::NDIM.filter(|&expected| expected != ndim) {
        return Err(Error::NdimMismatch { expected, found: ndim });
    }
    let (mut shape, mut strides) = (D::zeros(ndim), D::zeros(ndim));
    let mut low = 0_isize;
    let mut after = 1_isize;
    for (axis, (&size, &stride)) in view.shape().iter().zip(view.strides()).enumerate().rev() {
        shape[axis] = size;
        // An axis of one index gets the stride that it would have in row-major order.
        strides[axis] = if size == 1 { after } else { stride }.unsigned_abs();
        let downwards = goes_down(view, size, stride);
        let size = isize::try_from(size).map_err(|_| Error::ShapeOverflow)?;
        if downwards {
            // Cannot overflow: it is the offset of an element.
            low = low.wrapping_add((size - 1).wrapping_mul(stride));
        }
        after = after.checked_mul(size.max(1)).ok_or(Error::ShapeOverflow)?;
    }
    // The strides of an array without elements lead nowhere, which no strides of a view promise.
    let shape = if view.is_empty() { shape.into() } else { shape.strides(strides) };
    Ok((shape, low))
}

/// The axes along which addresses fall.
fn downward_axes<T>(view: &TensorView<'_, T>) -> impl Iterator<Item = Axis> {
    let axes = view.shape().iter().zip(view.strides()).enumerate();
    axes.filter(|&(_, (&size, &stride))| goes_down(view, size, stride)).map(|(axis, _)| Axis(axis))
}

fn goes_down<T>(view: &TensorView<'_, T>, size: usize, stride: isize) -> bool {
    !view.is_empty() && size > 1 && stride < 0
}
