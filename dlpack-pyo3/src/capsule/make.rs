//! Putting a tensor into a capsule, and freeing a tensor that nobody takes out.

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use dlpack::{ManagedTensor, OpaqueTensor, sys};

use super::name::{LEGACY, VERSIONED};
use crate::raw::{Attached, Owned, Raised, SavedException, ffi};

/// Makes a capsule that owns the tensor until a consumer renames the capsule.
pub(crate) fn versioned(py: Attached<'_>, tensor: OpaqueTensor) -> Result<Owned<'_>, Raised> {
    // SAFETY: the destructor frees a tensor of this ABI. The capsule owns it once it is made.
    match unsafe { make(py, tensor.as_raw().cast(), VERSIONED, delete_versioned) } {
        Ok(capsule) => {
            let _ = tensor.into_raw();
            Ok(capsule)
        }
        Err(raised) => Err(raised.after_dropping(py, tensor)),
    }
}

/// As [`versioned`], for the legacy ABI.
pub(crate) fn legacy(py: Attached<'_>, tensor: ManagedTensor) -> Result<Owned<'_>, Raised> {
    // SAFETY: `into_raw` passes the tensor on.
    unsafe { legacy_raw(py, tensor.into_raw()) }
}

/// As [`legacy`], for a bare struct.
///
/// # Safety
///
/// The caller passes on a tensor to which S1 to S6 apply.
pub(crate) unsafe fn legacy_raw(
    py: Attached<'_>,
    tensor: *mut sys::DLManagedTensor,
) -> Result<Owned<'_>, Raised> {
    // SAFETY: the destructor frees a tensor of this ABI. Without a capsule, it is still the caller's, who passed it on (S1).
    unsafe {
        make(py, tensor.cast(), LEGACY, delete_legacy).inspect_err(|_| {
            let _saved = SavedException::take(py);
            delete(tensor);
        })
    }
}

/// # Safety
///
/// The caller passes on a tensor to which S1 and S3 apply.
unsafe fn delete(tensor: *mut sys::DLManagedTensor) {
    // SAFETY: clause S3, of the caller.
    unsafe {
        if let Some(deleter) = (*tensor).deleter {
            deleter(tensor);
        }
    }
}

/// # Safety
///
/// `destructor` frees a capsule of this name that holds `tensor`.
unsafe fn make<'py>(
    _: Attached<'py>,
    tensor: *mut c_void,
    name: &'static CStr,
    destructor: ffi::PyCapsule_Destructor,
) -> Result<Owned<'py>, Raised> {
    // SAFETY: the thread is attached, and the name lives for ever. The result is a new reference, or null with an exception
    // set.
    unsafe { Owned::or_raised(ffi::PyCapsule_New(tensor, name.as_ptr(), Some(destructor))) }
}

/// # Safety
///
/// Python calls this to free a capsule that [`versioned`] made.
unsafe extern "C" fn delete_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: Python frees capsules on attached threads. Under this name, a capsule still owns its tensor.
    unsafe {
        let Some(tensor) = unclaimed(capsule, VERSIONED) else { return };
        let _saved = SavedException::take(Attached::assume());
        drop(OpaqueTensor::from_raw(tensor.cast()));
    }
}

/// # Safety
///
/// Python calls this to free a capsule that [`legacy_raw`] made.
unsafe extern "C" fn delete_legacy(capsule: *mut ffi::PyObject) {
    // SAFETY: Python frees capsules on attached threads. Under this name, a capsule still owns its tensor.
    unsafe {
        let Some(tensor) = unclaimed(capsule, LEGACY) else { return };
        let _saved = SavedException::take(Attached::assume());
        delete(tensor.cast().as_ptr());
    }
}

/// Returns the tensor if the capsule still owns it. Sets no exception, and loses none.
///
/// # Safety
///
/// `capsule` is a capsule, and the thread is attached.
unsafe fn unclaimed(capsule: *mut ffi::PyObject, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: a capsule on an attached thread. A pointer that is asked for by the right name sets no exception.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, name.as_ptr()) == 0 {
            return None;
        }
        NonNull::new(ffi::PyCapsule_GetPointer(capsule, name.as_ptr()))
    }
}
