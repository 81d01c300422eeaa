//! One trait for the two structs that own a tensor, so that every test can be written once for both.

use std::ffi::{c_int, c_void};

use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned, DLTensor};

use crate::ffi;

/// `DLManagedTensor` or `DLManagedTensorVersioned`, and the C functions that know it.
#[allow(missing_docs, reason = "the constants are functions of ct.h")]
pub trait Managed: Sized + 'static {
    const MAKE: unsafe extern "C" fn(*const ffi::Spec, *mut *mut ffi::Record) -> *mut Self;
    const DELETE: unsafe extern "C" fn(*mut c_void);
    const CONSUME: unsafe extern "C" fn(*mut Self, *mut u64) -> c_int;
    const VANDALISE_AND_DELETE: unsafe extern "C" fn(*mut Self);
    const HOLD: unsafe extern "C" fn(*mut ffi::Bag, *mut Self) -> c_int;

    /// The tensor within.
    ///
    /// # Safety
    ///
    /// `managed` is live.
    unsafe fn tensor(managed: *mut Self) -> *mut DLTensor;

    /// The flags, 0 where there are none.
    ///
    /// # Safety
    ///
    /// `managed` is live.
    unsafe fn flags(managed: *mut Self) -> u64;
}

impl Managed for DLManagedTensorVersioned {
    const MAKE: unsafe extern "C" fn(*const ffi::Spec, *mut *mut ffi::Record) -> *mut Self =
        ffi::ct_make_versioned;
    const DELETE: unsafe extern "C" fn(*mut c_void) = ffi::ct_delete_versioned;
    const CONSUME: unsafe extern "C" fn(*mut Self, *mut u64) -> c_int = ffi::ct_consume_versioned;
    const VANDALISE_AND_DELETE: unsafe extern "C" fn(*mut Self) =
        ffi::ct_vandalise_and_delete_versioned;
    const HOLD: unsafe extern "C" fn(*mut ffi::Bag, *mut Self) -> c_int = ffi::ct_hold_versioned;

    unsafe fn tensor(managed: *mut Self) -> *mut DLTensor {
        // SAFETY: the caller promises that `managed` is live.
        unsafe { &raw mut (*managed).dl_tensor }
    }

    unsafe fn flags(managed: *mut Self) -> u64 {
        // SAFETY: the caller promises that `managed` is live.
        unsafe { (*managed).flags }
    }
}

impl Managed for DLManagedTensor {
    const MAKE: unsafe extern "C" fn(*const ffi::Spec, *mut *mut ffi::Record) -> *mut Self =
        ffi::ct_make_legacy;
    const DELETE: unsafe extern "C" fn(*mut c_void) = ffi::ct_delete_legacy;
    const CONSUME: unsafe extern "C" fn(*mut Self, *mut u64) -> c_int = ffi::ct_consume_legacy;
    const VANDALISE_AND_DELETE: unsafe extern "C" fn(*mut Self) =
        ffi::ct_vandalise_and_delete_legacy;
    const HOLD: unsafe extern "C" fn(*mut ffi::Bag, *mut Self) -> c_int = ffi::ct_hold_legacy;

    unsafe fn tensor(managed: *mut Self) -> *mut DLTensor {
        // SAFETY: the caller promises that `managed` is live.
        unsafe { &raw mut (*managed).dl_tensor }
    }

    unsafe fn flags(_: *mut Self) -> u64 {
        0
    }
}
