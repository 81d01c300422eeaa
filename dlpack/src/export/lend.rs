//! Views lent to C functions for the time of a call, without an owner and without a heap.

use core::ffi::c_void;

use super::record;
use crate::dims::Dims;
use crate::error::Error;
use crate::layout;
use crate::managed::Descriptor;
use crate::sys;
use crate::view::{Strided, TensorView, TensorViewMut};
use crate::vocabulary::{Device, Element, Flags, assert_element};

/// Lends a view to a C function that takes a `const DLTensor*`.
///
/// The struct, shape and strides live on the stack until `f` returns. The C function must not write the elements,
/// although nothing in a `DLTensor` says so.
///
/// # Errors
///
/// [`Error::AllocationFailed`] above 8 dimensions, if there is no memory for shape and strides.
///
/// # Examples
///
/// ```
/// use dlpack::{TensorView, lend, sys::DLTensor};
///
/// unsafe extern "C" fn rank(tensor: *const DLTensor) -> i32 {
///     // SAFETY: the caller's tensor is valid.
///     unsafe { (*tensor).ndim }
/// }
///
/// let view = TensorView::from_slice(&[1.0_f32, 2.0], &[2, 1])?;
/// // SAFETY: the tensor is valid during the call, and the function only reads.
/// assert_eq!(lend(&view, |tensor| unsafe { rank(tensor) })?, 2);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub fn lend<T: Element, R>(
    view: &TensorView<'_, T>,
    f: impl FnOnce(*const sys::DLTensor) -> R,
) -> Result<R, Error> {
    with_struct(view.strided(), |tensor| f(tensor.cast_const()))
}

/// Lends a view to a C function that writes through a `DLTensor*`.
///
/// As [`lend`], for functions that write the elements.
///
/// # Errors
///
/// As for [`lend`].
///
/// # Examples
///
/// ```
/// use dlpack::{TensorViewMut, lend_mut, sys::DLTensor};
///
/// unsafe extern "C" fn clear_first(tensor: *mut DLTensor) {
///     // SAFETY: the caller's tensor is valid and has elements of one byte.
///     unsafe { (*tensor).data.cast::<u8>().write(0) }
/// }
///
/// let mut data = [1_u8, 2];
/// let mut view = TensorViewMut::from_slice(&mut data, &[2])?;
/// // SAFETY: the tensor is valid during the call.
/// lend_mut(&mut view, |tensor| unsafe { clear_first(tensor) })?;
/// assert_eq!(data, [0, 2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub fn lend_mut<T: Element, R>(
    view: &mut TensorViewMut<'_, T>,
    f: impl FnOnce(*mut sys::DLTensor) -> R,
) -> Result<R, Error> {
    with_struct(view.strided(), f)
}

impl Descriptor {
    /// Lends the tensor to C as a `DLTensor`, with the shape and strides of this description.
    ///
    /// They stay where they are until the tensor is moved or dropped, and nobody may write them. For
    /// [`Lend::lend`](crate::exchange::Lend::lend), and for C functions that are done with the struct when they return. The
    /// struct that the tensor came in with is not looked at. Whoever writes elements through the pointer must be allowed
    /// to: a promise such as that of a [`Frozen`](crate::Frozen) tensor is not in the struct.
    ///
    /// # Errors
    ///
    /// A `DLTensor` has no flags: [`Error::ReadOnlyNotExpressible`] for read-only tensors,
    /// [`Error::PaddedNotExpressible`] for padded ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter, sys::DLTensor};
    ///
    /// unsafe extern "C" fn rank(tensor: *const DLTensor) -> i32 {
    ///     // SAFETY: the caller's tensor is valid.
    ///     unsafe { (*tensor).ndim }
    /// }
    ///
    /// let tensor = Exporter::new(vec![1_i32, 2]).shape(&[2, 1]).build()?;
    /// let lent = tensor.as_dl_tensor()?;
    /// // SAFETY: the tensor stays where it is during the call.
    /// assert_eq!(unsafe { rank(&lent) }, 2);
    ///
    /// let read_only = Exporter::new([1_u8]).read_only().build()?;
    /// assert_eq!(read_only.as_dl_tensor().unwrap_err(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn as_dl_tensor(&self) -> Result<sys::DLTensor, Error> {
        record::check_legacy(record::inherited(self))?;
        let fields = record::fields_of(self, Flags::NONE);
        Ok(sys::DLTensor {
            data: fields.data,
            device: fields.device.into(),
            // Cannot fail: there are at most 64 dimensions.
            ndim: i32::try_from(self.ndim()).unwrap_or(0),
            dtype: fields.dtype.into(),
            shape: self.shape().as_ptr().cast_mut(),
            strides: self.strides().as_ptr().cast_mut(),
            byte_offset: fields.byte_offset,
        })
    }
}

fn with_struct<T: Element, R>(
    view: &Strided<T>,
    f: impl FnOnce(*mut sys::DLTensor) -> R,
) -> Result<R, Error> {
    const { assert_element::<T>() };
    let mut dims = Dims::<i64>::zeroed(view.ndim())?;
    let (shape, strides) = dims.both_mut();
    for (to, &from) in shape.iter_mut().zip(view.shape()) {
        *to = i64::try_from(from).map_err(|_| Error::ShapeOverflow)?;
    }
    for (to, &from) in strides.iter_mut().zip(view.strides()) {
        *to = i64::try_from(from).map_err(|_| Error::ExtentOverflow)?;
    }
    layout::normalize_strides(shape, strides);
    let empty = view.numel() == 0;
    let data = if empty { core::ptr::null_mut() } else { view.origin().as_ptr().cast::<c_void>() };
    let mut tensor = sys::DLTensor {
        data,
        device: Device::CPU.into(),
        // Cannot fail: there are at most 64 dimensions.
        ndim: i32::try_from(shape.len()).unwrap_or(0),
        dtype: T::DTYPE.into(),
        shape: shape.as_mut_ptr(),
        strides: strides.as_mut_ptr(),
        byte_offset: 0,
    };
    Ok(f(&raw mut tensor))
}
