//! Shapes and strides of other libraries: checked, and made into views and tensors of ours.

use core::ptr::NonNull;

use crate::dims::Dims;
use crate::error::Error;
use crate::layout::{self, Layout};
use crate::view::{Strided, TensorView, TensorViewMut};
use crate::vocabulary::{Element, assert_element};

/// A shape and strides in elements, found to make sense for elements of one type.
pub(super) struct Parts {
    dims: Dims<i64>,
    layout: Layout,
}

impl Parts {
    /// `axes` are sizes and strides.
    pub(super) fn new<T: Element>(
        axes: impl ExactSizeIterator<Item = (usize, isize)>,
    ) -> Result<Self, Error> {
        const { assert_element::<T>() };
        let mut dims = Dims::zeroed(axes.len())?;
        let (sizes, strides) = dims.both_mut();
        for ((to_size, to_stride), (size, stride)) in sizes.iter_mut().zip(strides).zip(axes) {
            *to_size = i64::try_from(size).map_err(|_| Error::ShapeOverflow)?;
            *to_stride = i64::try_from(stride).map_err(|_| Error::ExtentOverflow)?;
        }
        let layout = Layout::new(dims.shape(), dims.strides(), T::DTYPE, false)?;
        Ok(Self { dims, layout })
    }

    /// Views elements from `origin` on.
    ///
    /// # Safety
    ///
    /// Unless there are no elements, `origin` is aligned, all extents lie in one live allocation, and every
    /// element may be read through `&T` for `'a`.
    pub(super) unsafe fn view<'a, T: Element>(
        &self,
        origin: *const T,
    ) -> Result<TensorView<'a, T>, Error> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { self.strided(origin.cast_mut()) }?;
        // SAFETY: the caller's promise.
        Ok(unsafe { TensorView::new(tensor) })
    }

    /// Views elements from `origin` on to write them.
    ///
    /// # Errors
    ///
    /// [`Error::Overlapping`] if two indices may name the same element.
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view), where every element may be written through `&mut T` for `'a`.
    pub(super) unsafe fn view_mut<'a, T: Element>(
        &self,
        origin: *mut T,
    ) -> Result<TensorViewMut<'a, T>, Error> {
        if !layout::is_disjoint(self.dims.shape(), self.dims.strides()) {
            return Err(Error::Overlapping);
        }
        // SAFETY: the caller's promise.
        let tensor = unsafe { self.strided(origin) }?;
        // SAFETY: the caller's promise; no two indices name the same element.
        Ok(unsafe { TensorViewMut::new(tensor) })
    }

    /// # Safety
    ///
    /// As for [`view`](Self::view), without what it says of references.
    unsafe fn strided<T>(&self, origin: *mut T) -> Result<Strided<T>, Error> {
        let numel = self.layout.numel();
        let origin = if numel == 0 { None } else { NonNull::new(origin) };
        let dims = self.native()?;
        // SAFETY: the layout was checked for elements of this size; the caller's promise for the rest.
        Ok(unsafe { Strided::new_unchecked(origin.unwrap_or(NonNull::dangling()), dims, numel) })
    }

    /// Where the elements lie, in bytes from the one with index 0 on all axes.
    #[cfg(feature = "alloc")]
    pub(super) const fn byte_extents(&self) -> core::ops::Range<isize> {
        self.layout.byte_extents()
    }

    /// Shape and strides as the machine's own integers.
    pub(super) fn native(&self) -> Result<Dims<isize>, Error> {
        let mut dims = Dims::zeroed(self.dims.ndim())?;
        let (shape, strides) = dims.both_mut();
        for (to, &from) in shape.iter_mut().zip(self.dims.shape()) {
            *to = isize::try_from(from).map_err(|_| Error::ShapeOverflow)?;
        }
        for (to, &from) in strides.iter_mut().zip(self.dims.strides()) {
            *to = isize::try_from(from).map_err(|_| Error::ExtentOverflow)?;
        }
        Ok(dims)
    }
}
