//! The names of capsules, which say what a capsule holds and whether it still owns that.

use core::ffi::CStr;

/// A capsule that owns a `DLManagedTensor`.
pub(super) const LEGACY: &CStr = c"dltensor";
/// A capsule whose `DLManagedTensor` has been taken.
pub(super) const USED_LEGACY: &CStr = c"used_dltensor";
/// A capsule that owns a `DLManagedTensorVersioned`.
pub(super) const VERSIONED: &CStr = c"dltensor_versioned";
/// A capsule whose `DLManagedTensorVersioned` has been taken.
pub(super) const USED_VERSIONED: &CStr = c"used_dltensor_versioned";
