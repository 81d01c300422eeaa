//! How a producer puts a tensor into a capsule, and what happens to one that nobody takes.

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use dlpack::{ManagedTensor, Parcel, sys};

use super::name::{LEGACY, VERSIONED};
use crate::raw::{Attached, Owned, Pending, Raised, ffi};

/// Makes a capsule that owns the tensor until a consumer renames it.
pub(crate) fn versioned(py: Attached<'_>, tensor: Parcel) -> Result<Owned<'_>, Raised> {
    // SAFETY: the tensor, and the destructor for its ABI.
    match unsafe { make(py, tensor.as_raw().cast(), VERSIONED, delete_versioned) } {
        Ok(capsule) => {
            // From here on it is the capsule's.
            let _ = tensor.into_raw();
            Ok(capsule)
        }
        Err(raised) => Err(raised.after_dropping(py, tensor)),
    }
}

/// The same for the legacy ABI.
pub(crate) fn legacy(py: Attached<'_>, tensor: ManagedTensor) -> Result<Owned<'_>, Raised> {
    // SAFETY: just passed on.
    unsafe { legacy_raw(py, tensor.into_raw()) }
}

/// The same for one that is on its way already.
///
/// # Safety
///
/// The tensor is passed on.
pub(crate) unsafe fn legacy_raw(
    py: Attached<'_>,
    tensor: *mut sys::DLManagedTensor,
) -> Result<Owned<'_>, Raised> {
    // SAFETY: the tensor, and the destructor for its ABI.
    unsafe { make(py, tensor.cast(), LEGACY, delete_legacy) }.inspect_err(|_| {
        let _pending = Pending::take(py);
        // SAFETY: the caller's promise, and no capsule has it.
        unsafe { delete(tensor) };
    })
}

/// # Safety
///
/// The tensor is passed on.
unsafe fn delete(tensor: *mut sys::DLManagedTensor) {
    // SAFETY: the caller's promise.
    if let Some(deleter) = unsafe { (*tensor).deleter } {
        // SAFETY: the same.
        unsafe { deleter(tensor) }
    }
}

/// # Safety
///
/// `destructor` frees what `tensor` points to.
unsafe fn make<'py>(
    _: Attached<'py>,
    tensor: *mut c_void,
    name: &'static CStr,
    destructor: ffi::PyCapsule_Destructor,
) -> Result<Owned<'py>, Raised> {
    // SAFETY: the thread is attached; the name lives as long as the program.
    let capsule = unsafe { ffi::PyCapsule_New(tensor, name.as_ptr(), Some(destructor)) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Owned::or_raised(capsule) }
}

/// # Safety
///
/// `capsule` is one of [`versioned`], and about to be freed.
unsafe extern "C" fn delete_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: the caller's promise.
    let Some(tensor) = (unsafe { unclaimed(capsule, VERSIONED) }) else { return };
    let tensor = tensor.cast::<sys::DLManagedTensorVersioned>();
    // SAFETY: Python frees capsules on attached threads.
    let _pending = Pending::take(unsafe { Attached::assume() });
    // Not as a parcel again: whoever has had the capsule may have written shape and strides.
    // SAFETY: nobody has taken the tensor that the capsule owns.
    if let Some(deleter) = unsafe { (*tensor.as_ptr()).deleter } {
        // SAFETY: the same; it is not used again.
        unsafe { deleter(tensor.as_ptr()) }
    }
}

/// # Safety
///
/// `capsule` is one of [`legacy`], and about to be freed.
unsafe extern "C" fn delete_legacy(capsule: *mut ffi::PyObject) {
    // SAFETY: the caller's promise.
    let Some(tensor) = (unsafe { unclaimed(capsule, LEGACY) }) else { return };
    let tensor = tensor.cast::<sys::DLManagedTensor>();
    // SAFETY: Python frees capsules on attached threads.
    let _pending = Pending::take(unsafe { Attached::assume() });
    // SAFETY: nobody has taken the tensor that the capsule owns.
    unsafe { delete(tensor.as_ptr()) };
}

/// Returns what the capsule still owns. No exception is set, and none is lost.
///
/// # Safety
///
/// `capsule` is a capsule, on an attached thread.
unsafe fn unclaimed(capsule: *mut ffi::PyObject, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the caller's promise. This sets no exception.
    if unsafe { ffi::PyCapsule_IsValid(capsule, name.as_ptr()) } == 0 {
        return None;
    }
    // SAFETY: valid for this name, so this sets no exception either.
    NonNull::new(unsafe { ffi::PyCapsule_GetPointer(capsule, name.as_ptr()) })
}
