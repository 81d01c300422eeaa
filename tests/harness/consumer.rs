//! The C consumer: reads and writes the elements of any tensor, whoever made it.
//!
//! `flags` are those of the versioned struct, 0 for a legacy or plain tensor. `None` and `false` say that C could not
//! walk the tensor. In every function the pointer must be to a tensor whose fields are true: that is the contract of
//! DLPack itself.

use std::ffi::c_void;

use dlpack_sys::{DLDataType, DLTensor};

use crate::{Managed, ffi};

/// From the start of one element to the start of the next.
pub fn element_bits(dtype: DLDataType, flags: u64) -> u64 {
    ffi::ct_element_bits(dtype, flags)
}

/// The length of one element in all the functions here.
pub fn element_bytes(dtype: DLDataType, flags: u64) -> usize {
    ffi::ct_element_bytes(dtype, flags)
}

/// The product of the sizes.
///
/// # Safety
///
/// As the module says.
pub unsafe fn numel(tensor: *const DLTensor) -> Option<usize> {
    // SAFETY: the caller's promise.
    usize::try_from(unsafe { ffi::ct_numel(tensor) }).ok()
}

/// Whether the elements lie one after another in row-major order.
///
/// # Safety
///
/// As the module says.
pub unsafe fn is_row_major(tensor: *const DLTensor) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ffi::ct_is_row_major(tensor) != 0 }
}

/// The offset of an element in elements.
///
/// # Safety
///
/// As the module says, and `index` has as many entries as the tensor has axes.
pub unsafe fn offset_of(tensor: *const DLTensor, index: &[i64]) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { ffi::ct_offset_of(tensor, index.as_ptr()) }
}

/// All elements in row-major order.
///
/// # Safety
///
/// As the module says.
pub unsafe fn gather(tensor: *const DLTensor, flags: u64) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    let dtype = unsafe { (*tensor).dtype };
    // SAFETY: the caller's promise.
    let count = unsafe { numel(tensor)? };
    let mut out = vec![0; count.checked_mul(element_bytes(dtype, flags))?];
    // SAFETY: the caller's promise, and `out` is as long as we say.
    let rc = unsafe { ffi::ct_gather(tensor, flags, out.as_mut_ptr().cast(), out.len()) };
    (rc == 0).then_some(out)
}

/// Writes all elements in row-major order.
///
/// # Safety
///
/// As the module says, and nobody else uses the memory.
pub unsafe fn scatter(tensor: *const DLTensor, flags: u64, elements: &[u8]) -> bool {
    let from: *const c_void = elements.as_ptr().cast();
    // SAFETY: the caller's promise, and `from` is as long as we say.
    unsafe { ffi::ct_scatter(tensor, flags, from, elements.len()) == 0 }
}

/// Writes one value to all elements.
///
/// # Safety
///
/// As the module says, nobody else uses the memory, and `element` is [`element_bytes`] long.
pub unsafe fn fill(tensor: *const DLTensor, flags: u64, element: &[u8]) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ffi::ct_fill(tensor, flags, element.as_ptr().cast()) == 0 }
}

/// One element; `None` also for an index out of bounds.
///
/// # Safety
///
/// As the module says, and `index` has as many entries as the tensor has axes.
pub unsafe fn read(tensor: *const DLTensor, flags: u64, index: &[i64]) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    let dtype = unsafe { (*tensor).dtype };
    let mut element = vec![0; element_bytes(dtype, flags)];
    let to: *mut c_void = element.as_mut_ptr().cast();
    // SAFETY: the caller's promise, and `to` holds one element.
    let rc = unsafe { ffi::ct_read_element(tensor, flags, index.as_ptr(), to) };
    (rc == 0).then_some(element)
}

/// Writes one element; `false` also for an index out of bounds.
///
/// # Safety
///
/// As [`read`] and [`fill`].
pub unsafe fn write(tensor: *const DLTensor, flags: u64, index: &[i64], element: &[u8]) -> bool {
    let from: *const c_void = element.as_ptr().cast();
    // SAFETY: the caller's promise.
    unsafe { ffi::ct_write_element(tensor, flags, index.as_ptr(), from) == 0 }
}

/// FNV-1a with 64 bits over what [`gather`] gives.
///
/// # Safety
///
/// As the module says.
pub unsafe fn checksum(tensor: *const DLTensor, flags: u64) -> Option<u64> {
    let mut checksum = 0;
    // SAFETY: the caller's promise.
    let rc = unsafe { ffi::ct_checksum(tensor, flags, &mut checksum) };
    (rc == 0).then_some(checksum)
}

/// [`gather`] for a managed tensor, with its own flags.
///
/// # Safety
///
/// As the module says.
pub unsafe fn gather_managed<M: Managed>(managed: *mut M) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    let tensor = unsafe { M::tensor(managed) };
    // SAFETY: the caller's promise.
    let flags = unsafe { M::flags(managed) };
    // SAFETY: the caller's promise.
    unsafe { gather(tensor, flags) }
}
