//! Views lent to C functions for the time of a call, without an owner and without a heap.

use core::ptr;

use crate::error::Error;
use crate::layout::Layout;
use crate::managed::Fields;
use crate::sys;
use crate::view::{Strided, TensorView, TensorViewMut};
use crate::vocabulary::{Device, Element, assert_element};

impl<T: Element> TensorView<'_, T> {
    /// Lends the view to a C function that takes a `const DLTensor*`.
    ///
    /// The struct, shape and strides live on the stack until `f` returns. The C function must not write the elements,
    /// although nothing in a `DLTensor` says so.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] above 8 axes, if there is no memory for shape and strides.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{TensorView, sys::DLTensor};
    ///
    /// unsafe extern "C" fn count_axes(tensor: *const DLTensor) -> i32 {
    ///     // SAFETY: the caller's tensor is valid.
    ///     unsafe { (*tensor).ndim }
    /// }
    ///
    /// let view = TensorView::from_slice(&[1.0_f32, 2.0], &[2, 1])?;
    /// // SAFETY: the tensor is valid during the call, and the function only reads.
    /// assert_eq!(view.with_dl_tensor(|tensor| unsafe { count_axes(tensor) })?, 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn with_dl_tensor<R>(&self, f: impl FnOnce(*const sys::DLTensor) -> R) -> Result<R, Error> {
        with_struct(self.strided(), |tensor| f(tensor.cast_const()))
    }
}

impl<T: Element> TensorViewMut<'_, T> {
    /// Lends the view to a C function that writes the elements through a `DLTensor*`.
    ///
    /// The struct, shape and strides live on the stack until `f` returns.
    ///
    /// # Errors
    ///
    /// As for [`TensorView::with_dl_tensor`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{TensorViewMut, sys::DLTensor};
    ///
    /// unsafe extern "C" fn clear_first(tensor: *mut DLTensor) {
    ///     // SAFETY: the caller's tensor is valid and has elements of one byte.
    ///     unsafe { (*tensor).data.cast::<u8>().write(0) }
    /// }
    ///
    /// let mut data = [1_u8, 2];
    /// let mut view = TensorViewMut::from_slice(&mut data, &[2])?;
    /// // SAFETY: the tensor is valid during the call.
    /// view.with_dl_tensor(|tensor| unsafe { clear_first(tensor) })?;
    /// assert_eq!(data, [0, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn with_dl_tensor<R>(
        &mut self,
        f: impl FnOnce(*mut sys::DLTensor) -> R,
    ) -> Result<R, Error> {
        with_struct(self.strided(), f)
    }
}

fn with_struct<T: Element, R>(
    view: &Strided<T>,
    f: impl FnOnce(*mut sys::DLTensor) -> R,
) -> Result<R, Error> {
    const { assert_element::<T>() };
    let mut dims = view.dims().wide()?;
    let (shape, strides) = dims.both_mut();
    Layout::normalize_strides(shape, strides);
    let data = if view.numel() == 0 { ptr::null_mut() } else { view.origin().as_ptr().cast() };
    let fields = Fields { data, byte_offset: 0, device: Device::CPU, dtype: T::DTYPE };
    let mut tensor = fields.dl_tensor(shape.len(), [shape, strides].map(<[i64]>::as_mut_ptr));
    Ok(f(&raw mut tensor))
}
