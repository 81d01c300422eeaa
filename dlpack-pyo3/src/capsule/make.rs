//! Putting a tensor into a capsule, and freeing a tensor that nobody takes out.

use core::ptr::NonNull;

use dlpack::OpaqueTensor;

use super::name::InCapsule;
use crate::raw::{Attached, Owned, Raised, SavedException, ffi};

/// Makes a capsule that owns the tensor until a consumer renames the capsule.
pub(crate) fn make<A: InCapsule>(
    py: Attached<'_>,
    tensor: OpaqueTensor<A>,
) -> Result<Owned<'_>, Raised> {
    let (address, name) = (tensor.as_raw().cast(), A::NAME.as_ptr());
    // SAFETY: the thread is attached, and the name lives for ever. The result is a new reference, or null with an exception
    // set.
    match unsafe { Owned::or_raised(ffi::PyCapsule_New(address, name, Some(delete::<A>))) } {
        Ok(capsule) => {
            // From here on, the tensor is the capsule's.
            let _ = tensor.into_raw();
            Ok(capsule)
        }
        Err(raised) => Err(raised.after_dropping(py, tensor)),
    }
}

/// Deletes the tensor if the capsule still owns it. Sets no exception, and loses none.
///
/// # Safety
///
/// Python calls this to free a capsule that [`make`] made of a tensor of this ABI.
unsafe extern "C" fn delete<A: InCapsule>(capsule: *mut ffi::PyObject) {
    // SAFETY: Python frees capsules on attached threads, and a pointer that is asked for by the right name sets no exception.
    // Under its first name, a capsule still owns its tensor (S1, S3). The tensor is dropped at once, so that nothing is read
    // of what S4 to S6 are about, even if somebody who saw the capsule wrote to it.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, A::NAME.as_ptr()) == 0 {
            return;
        }
        let tensor = ffi::PyCapsule_GetPointer(capsule, A::NAME.as_ptr()).cast::<A>();
        if let Some(tensor) = NonNull::new(tensor) {
            let _saved = SavedException::take(Attached::assume());
            drop(OpaqueTensor::from_raw(tensor));
        }
    }
}
