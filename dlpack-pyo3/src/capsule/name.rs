//! The names of capsules, which tell what is in them and whether it is still theirs.

use core::ffi::CStr;

/// A capsule that owns a `DLManagedTensor`.
pub(super) const LEGACY: &CStr = c"dltensor";
/// One whose tensor was taken.
pub(super) const USED_LEGACY: &CStr = c"used_dltensor";
/// A capsule that owns a `DLManagedTensorVersioned`.
pub(super) const VERSIONED: &CStr = c"dltensor_versioned";
/// One whose tensor was taken.
pub(super) const USED_VERSIONED: &CStr = c"used_dltensor_versioned";
