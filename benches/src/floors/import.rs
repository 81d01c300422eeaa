//! A foreign tensor, checked in one pass to a slice; the deleter when that is done with.

use core::mem::MaybeUninit;
use core::slice;

use dlpack_sys::{
    DLDataType, DLDeviceType, DLManagedTensorVersioned, DLPACK_MAJOR_VERSION, DLTensor,
};

use super::layout::{Found, survey_dense_first, survey_row_major};

const F32: DLDataType = DLDataType { code: 2, bits: 32, lanes: 1 };
/// The bytes of an element.
const SIZE: i64 = 4;
/// The most dimensions, as in `dlpack`.
const MAX_NDIM: usize = 64;

/// Owns a tensor and calls its deleter.
#[derive(Debug)]
pub struct Imported {
    raw: *mut DLManagedTensorVersioned,
    start: *const f32,
    len: usize,
}

impl Drop for Imported {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: whoever called `import` passed the tensor on.
        if let Some(deleter) = unsafe { (*self.raw).deleter } {
            // SAFETY: the same; this is the one call.
            unsafe { deleter(self.raw) };
        }
    }
}

impl Imported {
    #[inline(always)]
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: the caller of `import` vouches for the elements; their number and place have been checked.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }
}

/// Takes a tensor in: null, version, dtype, device, number of dimensions, sizes, element count, extents, contiguity, null
/// data, address range, alignment. Shape and strides stay where they are.
///
/// # Safety
///
/// The tensor is passed on and keeps to the standard.
#[inline(always)]
pub unsafe fn import(raw: *mut DLManagedTensorVersioned) -> Option<Imported> {
    // SAFETY: the caller's promise.
    unsafe { import_by(raw, |shape, strides| survey_row_major(shape, strides, SIZE, |_, _, _| ())) }
}

/// As [`import`], and ends with the first stride that is not of C order.
///
/// # Safety
///
/// As for [`import`].
#[inline(always)]
pub unsafe fn import_dense_first(raw: *mut DLManagedTensorVersioned) -> Option<Imported> {
    // SAFETY: the caller's promise.
    unsafe { import_by(raw, |shape, strides| survey_dense_first(shape, strides, SIZE)) }
}

/// As [`import`], and copies shape and strides in the same pass, since those of the struct may change later.
///
/// # Safety
///
/// As for [`import`].
#[inline(always)]
pub unsafe fn import_with_copy(
    raw: *mut DLManagedTensorVersioned,
    copy: &mut Copied,
) -> Option<Imported> {
    let keep = |axis, size, stride| {
        // SAFETY: there are no more axes than `dims` returns.
        unsafe { copy.keep(axis, size, stride) }
    };
    // SAFETY: the caller's promise.
    unsafe { import_by(raw, |shape, strides| survey_row_major(shape, strides, SIZE, keep)) }
}

/// # Safety
///
/// As for [`import`].
#[inline(always)]
unsafe fn import_by(
    raw: *mut DLManagedTensorVersioned,
    survey: impl FnOnce(&[i64], &[i64]) -> Option<Found>,
) -> Option<Imported> {
    if raw.is_null() || !raw.is_aligned() {
        return None;
    }
    // From here on an early end calls the deleter.
    let mut imported = Imported { raw, start: core::ptr::dangling(), len: 0 };
    // SAFETY: the caller's promise.
    if unsafe { (*raw).version.major } != DLPACK_MAJOR_VERSION {
        return None;
    }
    // SAFETY: the caller's promise.
    let tensor = unsafe { &(*raw).dl_tensor };
    if !is_f32_on_host(tensor) {
        return None;
    }
    // SAFETY: the caller's promise.
    let (shape, strides) = unsafe { dims(tensor) }?;
    let found = survey(shape, strides)?;
    (imported.start, imported.len) = place(tensor, &found)?;
    Some(imported)
}

#[inline(always)]
fn is_f32_on_host(tensor: &DLTensor) -> bool {
    let dtype = tensor.dtype;
    let is_f32 = dtype.code == F32.code && dtype.bits == F32.bits && dtype.lanes == F32.lanes;
    let device = tensor.device.device_type;
    is_f32
        && matches!(
            device,
            DLDeviceType::kDLCPU | DLDeviceType::kDLCUDAHost | DLDeviceType::kDLROCMHost
        )
}

/// A copy of a shape and strides.
#[derive(Debug)]
pub struct Copied {
    shape: [MaybeUninit<i64>; MAX_NDIM],
    strides: [MaybeUninit<i64>; MAX_NDIM],
}

impl Copied {
    #[inline(always)]
    #[expect(clippy::new_without_default, reason = "nothing is in it")]
    pub fn new() -> Self {
        Self {
            shape: [MaybeUninit::uninit(); MAX_NDIM],
            strides: [MaybeUninit::uninit(); MAX_NDIM],
        }
    }

    /// Keeps the numbers of one axis.
    ///
    /// # Safety
    ///
    /// `axis` is less than [`MAX_NDIM`].
    #[inline(always)]
    unsafe fn keep(&mut self, axis: usize, size: i64, stride: i64) {
        // SAFETY: the caller's promise.
        unsafe { self.shape.get_unchecked_mut(axis) }.write(size);
        // SAFETY: the caller's promise.
        unsafe { self.strides.get_unchecked_mut(axis) }.write(stride);
    }
}

/// The shape and the strides.
///
/// # Safety
///
/// Both can be read for `ndim` numbers.
#[inline(always)]
unsafe fn dims(tensor: &DLTensor) -> Option<(&[i64], &[i64])> {
    let ndim = usize::try_from(tensor.ndim).ok().filter(|&ndim| ndim <= MAX_NDIM)?;
    if ndim == 0 {
        return Some((&[], &[]));
    }
    if tensor.shape.is_null() || tensor.strides.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let shape = unsafe { slice::from_raw_parts(tensor.shape, ndim) };
    // SAFETY: the caller's promise.
    let strides = unsafe { slice::from_raw_parts(tensor.strides, ndim) };
    Some((shape, strides))
}

/// Where the elements are and how many, if they are contiguous.
#[inline(always)]
fn place(tensor: &DLTensor, found: &Found) -> Option<(*const f32, usize)> {
    if found.row_major == 0 {
        return None;
    }
    let len = usize::try_from(found.numel).ok()?;
    if len == 0 {
        return Some((core::ptr::dangling(), 0));
    }
    let offset = isize::try_from(tensor.byte_offset).ok()?;
    let first = tensor.data.addr().checked_add_signed(offset)?;
    first.checked_add_signed(isize::try_from(found.high).ok()?)?;
    let start = tensor.data.cast_const().cast::<f32>().wrapping_byte_offset(offset);
    (!tensor.data.is_null() && !start.is_null() && start.is_aligned()).then_some((start, len))
}
