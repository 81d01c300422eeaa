//! A foreign tensor, checked in one pass to a slice; the deleter when that is done with.

use core::mem::MaybeUninit;
use core::slice;

use dlpack_sys::{
    DLDataType, DLDeviceType, DLManagedTensorVersioned, DLPACK_MAJOR_VERSION, DLTensor,
};

use super::layout::{Found, survey};

const F32: DLDataType = DLDataType { code: 2, bits: 32, lanes: 1 };
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
    #[inline]
    fn drop(&mut self) {
        // SAFETY: whoever called `import` passed the tensor on.
        if let Some(deleter) = unsafe { (*self.raw).deleter } {
            // SAFETY: the same; this is the one call.
            unsafe { deleter(self.raw) };
        }
    }
}

impl Imported {
    #[inline]
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: the caller of `import` vouches for the elements; their number and place have been checked.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }
}

/// Takes a tensor in: null, version, number of dimensions, sizes, element count, extents, contiguity, dtype, device,
/// null data, address range, alignment. Shape and strides stay where they are.
///
/// # Safety
///
/// The tensor is passed on and keeps to the standard.
#[inline]
pub unsafe fn import(raw: *mut DLManagedTensorVersioned) -> Option<Imported> {
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
    // SAFETY: the caller's promise.
    let (shape, strides) = unsafe { dims(tensor) }?;
    let found = survey(shape, strides, tensor.dtype)?;
    (imported.start, imported.len) = place(tensor, &found)?;
    Some(imported)
}

/// A copy of a shape and strides.
#[derive(Debug)]
pub struct Copied {
    shape: [MaybeUninit<i64>; MAX_NDIM],
    strides: [MaybeUninit<i64>; MAX_NDIM],
}

impl Copied {
    #[inline]
    #[expect(clippy::new_without_default, reason = "nothing is in it")]
    pub fn new() -> Self {
        Self {
            shape: [MaybeUninit::uninit(); MAX_NDIM],
            strides: [MaybeUninit::uninit(); MAX_NDIM],
        }
    }

    #[inline]
    fn copy(&mut self, shape: &[i64], strides: &[i64]) -> (&[i64], &[i64]) {
        (write(&mut self.shape, shape), write(&mut self.strides, strides))
    }
}

#[inline]
fn write<'a>(to: &'a mut [MaybeUninit<i64>; MAX_NDIM], from: &[i64]) -> &'a [i64] {
    let ndim = from.len().min(MAX_NDIM);
    for (to, &from) in to.iter_mut().zip(from) {
        to.write(from);
    }
    // SAFETY: as many have just been written.
    unsafe { slice::from_raw_parts(to.as_ptr().cast(), ndim) }
}

/// As [`import`], and copies shape and strides, since those of the struct may change later.
///
/// # Safety
///
/// As for [`import`].
#[inline]
pub unsafe fn import_with_copy(
    raw: *mut DLManagedTensorVersioned,
    copy: &mut Copied,
) -> Option<Imported> {
    if raw.is_null() || !raw.is_aligned() {
        return None;
    }
    let mut imported = Imported { raw, start: core::ptr::dangling(), len: 0 };
    // SAFETY: the caller's promise.
    if unsafe { (*raw).version.major } != DLPACK_MAJOR_VERSION {
        return None;
    }
    // SAFETY: the caller's promise.
    let tensor = unsafe { &(*raw).dl_tensor };
    // SAFETY: the caller's promise.
    let (shape, strides) = unsafe { dims(tensor) }?;
    let (shape, strides) = copy.copy(shape, strides);
    let found = survey(shape, strides, tensor.dtype)?;
    (imported.start, imported.len) = place(tensor, &found)?;
    Some(imported)
}

/// The shape and the strides.
///
/// # Safety
///
/// Both can be read for `ndim` numbers.
#[inline]
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

/// Where the elements are and how many, for a contiguous `float32` tensor on the host.
#[inline]
fn place(tensor: &DLTensor, found: &Found) -> Option<(*const f32, usize)> {
    let dtype = tensor.dtype;
    let is_f32 = dtype.code == F32.code && dtype.bits == F32.bits && dtype.lanes == F32.lanes;
    let is_host = matches!(
        tensor.device.device_type,
        DLDeviceType::kDLCPU | DLDeviceType::kDLCUDAHost | DLDeviceType::kDLROCMHost
    );
    if !is_f32 || !is_host || !found.is_row_major {
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
