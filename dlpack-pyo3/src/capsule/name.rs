//! The names of capsules, which say what a capsule holds and whether it still owns that.

use core::ffi::CStr;

use dlpack::{Abi, sys};

/// An ABI whose tensors are passed in capsules.
pub(crate) trait InCapsule: Abi {
    /// The name of a capsule that owns a tensor.
    const NAME: &'static CStr;
    /// The name of a capsule whose tensor has been taken.
    const USED_NAME: &'static CStr;
}

impl InCapsule for sys::DLManagedTensor {
    const NAME: &'static CStr = c"dltensor";
    const USED_NAME: &'static CStr = c"used_dltensor";
}

impl InCapsule for sys::DLManagedTensorVersioned {
    const NAME: &'static CStr = c"dltensor_versioned";
    const USED_NAME: &'static CStr = c"used_dltensor_versioned";
}
